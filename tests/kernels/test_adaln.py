"""Residual, norm, scale and shift: the torch form equals the reference and what the model writes out."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import assert_near, gradients_of
from row_problems import EPS, PRESENT, make_modulate_inputs, moved, split_leaves
from torch.nn import functional

from lingen_kernels import modulate
from lingen_kernels.adaln.reference import modulate_reference
from lingen_kernels.adaln.torch_adaln import modulate_torch


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-6), (torch.bfloat16, 2e-2)]
)
@pytest.mark.parametrize("present", PRESENT)
def test_equals_the_reference(dtype: torch.dtype, tolerance: float, present: str) -> None:
    inputs = make_modulate_inputs(dtype, present)
    expected = modulate_reference(**moved(inputs, dtype=torch.float64))
    for actual, wanted in zip(modulate_torch(**inputs), expected, strict=True):
        assert actual.dtype == dtype
        assert_near(actual, wanted, tolerance)


def test_equals_the_formula() -> None:
    """As a block of the model writes it."""
    i = make_modulate_inputs(torch.float64, "shift scale branch gate")
    tokens = i["tokens"] + i["gate"].unsqueeze(1) * i["branch"]
    normed = functional.layer_norm(tokens, (19,), eps=EPS)
    expected = torch.addcmul(i["shift"].unsqueeze(1), normed, 1 + i["scale"].unsqueeze(1))
    actual = modulate(**i)
    assert_near(actual[0], tokens, 1e-14)
    assert_near(actual[1], expected, 1e-13)


@pytest.mark.parametrize("present", PRESENT)
def test_gradients_equal_the_reference(present: str) -> None:
    gradients = []
    for function in (modulate_reference, modulate_torch):
        arguments, leaves = split_leaves(make_modulate_inputs(torch.float64, present))
        tokens, normed = function(**arguments)
        gradients.append(gradients_of(tokens.square().sum() + normed.pow(3).sum(), leaves))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-11, atol=1e-11)


def test_a_gate_without_a_branch_is_refused() -> None:
    inputs = make_modulate_inputs(torch.float64, "gate")
    with pytest.raises(ValueError, match="gate is given, branch is not"):
        modulate(**inputs)


def test_wrong_shapes_name_both() -> None:
    inputs = make_modulate_inputs(torch.float64, "shift scale")
    with pytest.raises(ValueError, match=r"scale has shape \(1, 19\); the others ask for \(2, 19\)"):
        modulate(**inputs | {"scale": inputs["scale"][:1]})
