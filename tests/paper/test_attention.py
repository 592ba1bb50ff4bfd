"""The opponent's attention is the fastest that runs."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from lingen_live.paper.attention import ORDERS, PLAIN, Attention, choose_attention, fastest
from lingen_live.paper.configs import toy_config

RIVALS = [Attention(name, tuple(order)) for name, order in ORDERS.items()]


def test_the_fastest_is_taken() -> None:
    times_s = {"FlashAttention": 2.0, "cuDNN": 1.0}
    assert fastest(RIVALS, lambda rival: times_s[rival.name]).name == "cuDNN"


def test_what_cannot_run_is_left_out() -> None:
    def seconds(rival: Attention) -> float:
        if rival.name == "cuDNN":
            raise RuntimeError("no such backend")
        return 1.0

    assert fastest(RIVALS, seconds).name == "FlashAttention"

    def none(rival: Attention) -> float:
        raise RuntimeError("no such backend")

    assert fastest(RIVALS, none) is PLAIN


def test_a_cpu_has_one_only() -> None:
    assert choose_attention(toy_config(), "cpu", torch.float32) is PLAIN


@pytest.mark.parametrize("attention", [*RIVALS, PLAIN])
def test_every_order_ends_in_one_that_can_do_any_call(attention: Attention) -> None:
    """A mask and a dtype that fused attention does not take."""
    query = torch.randn(1, 2, 5, 4, dtype=torch.float64)
    mask = torch.ones(5, 5, dtype=torch.bool)
    expected = (query @ query.transpose(2, 3) / 2).softmax(-1) @ query
    with attention():
        actual = functional.scaled_dot_product_attention(query, query, query, mask)
    torch.testing.assert_close(actual, expected)
