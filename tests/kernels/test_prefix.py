"""A prefix of the SSD and the convolution means the same to every implementation; impossible ones are refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from kernel_checks import assert_near
from ssd_problem import make_problem

import lingen_kernels
from lingen_kernels.ssd.reference import ssd_bidirectional_reference

ORDER = torch.randperm(11, generator=torch.Generator().manual_seed(2))


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    before = lingen_kernels.implementation()
    yield
    lingen_kernels.use(before)


def test_it_is_a_sequence_that_both_recurrences_read_first() -> None:
    """Forward: one sequence of prefix and positions. Backward: one of the positions turned round after the prefix."""
    problem = make_problem(15).arguments()
    y, final = lingen_kernels.ssd_bidirectional(**problem, n_prefix=4)
    still = dict.fromkeys(("dt_fwd", "dt_bwd"), torch.zeros_like(problem["dt_fwd"]))
    forward = problem | {"dt_bwd": still["dt_bwd"], "state_bwd": None}
    expected, expected_final = ssd_bidirectional_reference(**forward)
    turned: dict[str, Any] = {
        n: torch.cat((t[:, :4], t[:, 4:].flip(1)), 1) for n, t in problem.items() if n[0] in "xdBC"
    }
    turned |= {"dt_fwd": turned["dt_bwd"], "dt_bwd": still["dt_bwd"], "state_bwd": None}
    turned |= {"A_fwd": problem["A_bwd"], "A_bwd": problem["A_bwd"], "state_fwd": problem["state_bwd"]}
    backward, _ = ssd_bidirectional_reference(**turned)
    assert_near(y, expected[:, 4:] + backward[:, 4:].flip(1), 1e-12)
    assert_near(final, expected_final, 1e-12)


def test_every_implementation_agrees_through_the_front_door() -> None:
    problem = make_problem(15, step=0.1).to(torch.float32).arguments()
    x, weight, tail = torch.randn(2, 15, 6), torch.randn(6, 3), torch.randn(2, 2, 6)
    results = []
    for name in lingen_kernels.implementations():
        lingen_kernels.use(name)
        y, state = lingen_kernels.ssd_bidirectional(**problem, order=ORDER, n_prefix=4)
        results.append((y, state, *lingen_kernels.causal_conv1d_silu(x, weight, None, tail, ORDER, 4)))
        assert lingen_kernels.has_free_orders() == (name == "triton")
    for other in results[1:]:
        for actual, expected in zip(other, results[0], strict=True):
            assert_near(actual, expected, 1e-5)


def test_impossible_prefixes_are_refused() -> None:
    problem = make_problem(15).arguments()
    with pytest.raises(ValueError, match="n_prefix is 15; it must be 0 or more, and fewer than the 15 positions"):
        lingen_kernels.ssd_bidirectional(**problem, n_prefix=15)
    with pytest.raises(ValueError, match=r"order has shape \(11,\); the others ask for \(12,\)"):
        lingen_kernels.ssd_bidirectional(**problem, order=ORDER, n_prefix=3)
