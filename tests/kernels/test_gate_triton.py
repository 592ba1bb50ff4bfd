"""The Triton gate equals the reference: strides, gradients; nothing is left unwritten."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of
from row_problems import make_gate_inputs, moved, split_leaves

from lingen_kernels.gate.reference import gated_rms_norm_reference

pytest.importorskip("triton", reason="Triton is not installed")

from lingen_kernels.gate.triton import gated_rms_norm_triton

pytestmark = pytest.mark.usefixtures("poisoned_memory")


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.bfloat16, 5e-3)])
@pytest.mark.parametrize("length", [1, 5])
def test_equals_the_reference(dtype: torch.dtype, tolerance: float, length: int) -> None:
    inputs = make_gate_inputs(dtype, length)
    out = gated_rms_norm_triton(**moved(inputs, device=DEVICE))
    assert out.dtype == dtype
    assert_near(out.cpu(), gated_rms_norm_reference(**moved(inputs, dtype=torch.float64)), tolerance)


def test_strides_are_taken_as_they_are() -> None:
    """x and gate are columns of wider tensors, behind review tokens; y has heads before positions."""
    inputs = make_gate_inputs(torch.float32)
    expected = gated_rms_norm_reference(**moved(inputs, dtype=torch.float64))
    wide = torch.full((2, 8, 50), torch.nan)
    wide[:, 3:, :21], wide[:, 3:, 25:46] = inputs["x"].flatten(2), inputs["gate"]
    strided = inputs | {
        "x": wide[:, 3:, :21].unflatten(-1, (3, 7)),
        "gate": wide[:, 3:, 25:46],
        "y": inputs["y"].transpose(1, 2).contiguous().transpose(1, 2),
    }
    assert_near(gated_rms_norm_triton(**moved(strided, device=DEVICE)).cpu(), expected, 1e-6)


def test_gradients_equal_the_reference() -> None:
    inputs = make_gate_inputs(torch.float32)
    gradients = []
    for function, moved_inputs in (
        (gated_rms_norm_reference, moved(inputs, dtype=torch.float64)),
        (gated_rms_norm_triton, moved(inputs, device=DEVICE)),
    ):
        arguments, leaves = split_leaves(moved_inputs)
        gradients.append(gradients_of(function(**arguments).pow(3).sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name].cpu(), expected, 1e-5)


def test_one_graph_holds_it() -> None:
    inputs = moved(make_gate_inputs(torch.float32), device=DEVICE)
    captured = torch.compile(gated_rms_norm_triton, fullgraph=True, backend="eager", dynamic=False)
    assert torch.equal(captured(**inputs), gated_rms_norm_triton(**inputs))
