"""The Triton window attention equals the reference: shifts, carried frames, strides, gradients; nothing unwritten."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of
from row_problems import moved, split_leaves
from window_problem import CASES, make_window_inputs

from lingen_kernels.window.reference import window_attention_reference

pytest.importorskip("triton", reason="Triton is not installed")

from lingen_kernels.window.triton import window_attention_triton

pytestmark = pytest.mark.usefixtures("poisoned_memory")


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize("case", CASES)
def test_equals_the_reference(case: str, dtype: torch.dtype, tolerance: float) -> None:
    inputs = make_window_inputs(case, dtype)
    actual = window_attention_triton(**moved(inputs, device=DEVICE))
    assert actual.dtype == dtype
    assert_near(actual.cpu(), window_attention_reference(**moved(inputs, dtype=torch.float64)), tolerance)


def test_slices_of_one_projection_are_taken_as_they_are() -> None:
    """As the model calls it: query, key and value side by side, carried keys beside carried values."""
    inputs = make_window_inputs("shifted", torch.float32)
    expected = window_attention_reference(**moved(inputs, dtype=torch.float64))
    qkv = torch.stack([inputs[name] for name in ("query", "key", "value")], dim=2)
    past = torch.stack([inputs["past_key"], inputs["past_value"]], dim=2)
    sliced = dict(zip(("query", "key", "value"), qkv.unbind(2), strict=True))
    sliced |= dict(zip(("past_key", "past_value"), past.unbind(2), strict=True))
    assert not sliced["query"].is_contiguous()
    assert_near(window_attention_triton(**moved(inputs | sliced, device=DEVICE)).cpu(), expected, 2e-6)


def test_gradients_equal_the_reference() -> None:
    inputs = make_window_inputs("shifted", torch.float32) | {"region": None}
    gradients = []
    for function, moved_inputs in (
        (window_attention_reference, moved(inputs, dtype=torch.float64)),
        (window_attention_triton, moved(inputs, device=DEVICE)),
    ):
        arguments, leaves = split_leaves(moved_inputs)
        gradients.append(gradients_of(function(**arguments).pow(3).sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name].cpu(), expected, 1e-5)


def test_one_graph_holds_it() -> None:
    inputs = moved(make_window_inputs("shifted", torch.float32), device=DEVICE)
    captured = torch.compile(window_attention_triton, fullgraph=True, backend="eager", dynamic=False)
    assert torch.equal(captured(**inputs), window_attention_triton(**inputs))


def test_heads_that_are_too_wide_are_refused() -> None:
    wide = make_window_inputs("one window", torch.float32)
    wide |= {name: wide[name].new_zeros(*wide[name].shape[:3], 129) for name in ("query", "key", "value")}
    with pytest.raises(ValueError, match="headdim is 129; the Triton kernel takes at most 128"):
        window_attention_triton(**moved(wide, device=DEVICE))
