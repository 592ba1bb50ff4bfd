"""The Triton modulation equals the reference: every optional part, strides, gradients; nothing left unwritten."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of
from row_problems import PRESENT, make_modulate_inputs, moved, split_leaves

from lingen_kernels.adaln.reference import modulate_reference

pytest.importorskip("triton", reason="Triton is not installed")

from lingen_kernels.adaln.triton import modulate_triton

pytestmark = pytest.mark.usefixtures("poisoned_memory")


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 5e-3)])
@pytest.mark.parametrize("present", PRESENT)
def test_equals_the_reference(dtype: torch.dtype, tolerance: float, present: str) -> None:
    """Normalised from the rounded sum: what the kernel returns is what it goes on from."""
    inputs = make_modulate_inputs(dtype, present)
    tokens, normed = modulate_triton(**moved(inputs, device=DEVICE))
    expected = modulate_reference(**moved(inputs, dtype=torch.float64))
    assert tokens.dtype == normed.dtype == dtype
    assert_near(tokens.cpu(), expected[0], tolerance)
    from_rounded = moved(inputs, dtype=torch.float64) | {"tokens": tokens.cpu().double(), "branch": None, "gate": None}
    assert_near(normed.cpu(), modulate_reference(**from_rounded)[1], tolerance)


def test_strides_are_taken_as_they_are() -> None:
    inputs = make_modulate_inputs(torch.float32, "shift scale branch gate")
    expected = modulate_reference(**moved(inputs, dtype=torch.float64))
    wide = torch.full((2, 8, 60), torch.nan)
    wide[:, 3:, :19], wide[:, 3:, 30:49] = inputs["tokens"], inputs["branch"]
    strided = moved(inputs | {"tokens": wide[:, 3:, :19], "branch": wide[:, 3:, 30:49]}, device=DEVICE)
    for actual, wanted in zip(modulate_triton(**strided), expected, strict=True):
        assert_near(actual.cpu(), wanted, 2e-6)


@pytest.mark.parametrize("present", PRESENT)
def test_gradients_equal_the_reference(present: str) -> None:
    inputs = make_modulate_inputs(torch.float32, present)
    gradients = []
    for function, moved_inputs in (
        (modulate_reference, moved(inputs, dtype=torch.float64)),
        (modulate_triton, moved(inputs, device=DEVICE)),
    ):
        arguments, leaves = split_leaves(moved_inputs)
        tokens, normed = function(**arguments)
        gradients.append(gradients_of(tokens.square().sum() + normed.pow(3).sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name].cpu(), expected, 1e-5)


@pytest.mark.parametrize("present", ["shift scale", "shift scale branch gate"])
def test_one_graph_holds_it(present: str) -> None:
    inputs = moved(make_modulate_inputs(torch.float32, present), device=DEVICE)
    captured = torch.compile(modulate_triton, fullgraph=True, backend="eager", dynamic=False)
    for actual, expected in zip(captured(**inputs), modulate_triton(**inputs), strict=True):
        assert torch.equal(actual, expected)
