"""Training multiplies in bfloat16 on a GPU, and on a CPU only where a trial says that it is faster."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from lingen_live.train import precision


@pytest.fixture(autouse=True)
def _no_memory() -> Iterator[None]:
    precision.bfloat16_pays.cache_clear()
    yield
    precision.bfloat16_pays.cache_clear()


@pytest.mark.parametrize(("single_s", "half_s", "pays"), [(1.0, 0.4, True), (1.0, 0.95, False), (1.0, 2.0, False)])
def test_the_faster_format_is_taken(
    monkeypatch: pytest.MonkeyPatch, single_s: float, half_s: float, pays: bool
) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: True)
    monkeypatch.setattr(precision, "_product_s", lambda x, weight: single_s if x.dtype == torch.float32 else half_s)
    assert precision.bfloat16_pays() is pays
    linear = torch.nn.Linear(4, 4)
    with precision.autocast("cpu"):
        assert linear(torch.rand(2, 4)).dtype == (torch.bfloat16 if pays else torch.float32)


def test_a_chip_without_the_format_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", lambda: False)
    monkeypatch.setattr(precision, "_product_s", lambda x, weight: pytest.fail("tried"))
    assert not precision.bfloat16_pays()
