"""Skip, gate and norm: the torch form equals the reference and what the model writes out."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import assert_near, gradients_of
from row_problems import EPS, make_gate_inputs, moved, split_leaves
from torch.nn import functional

from lingen_kernels import gated_rms_norm
from lingen_kernels.gate.reference import gated_rms_norm_reference
from lingen_kernels.gate.torch_gate import gated_rms_norm_torch


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-13), (torch.float32, 2e-6), (torch.bfloat16, 2e-2)]
)
def test_equals_the_reference(dtype: torch.dtype, tolerance: float) -> None:
    inputs = make_gate_inputs(dtype)
    out = gated_rms_norm_torch(**inputs)
    assert out.dtype == dtype
    assert_near(out, gated_rms_norm_reference(**moved(inputs, dtype=torch.float64)), tolerance)


def test_equals_the_formula() -> None:
    """Written apart from both implementations."""
    i = make_gate_inputs(torch.float64)
    mixed = (i["y"] + torch.einsum("h,blhp->blhp", i["skip"], i["x"])).reshape(2, 5, 21) * functional.silu(i["gate"])
    expected = mixed * torch.rsqrt((mixed**2).sum(-1, keepdim=True) / 21 + EPS) * i["weight"]
    assert_near(gated_rms_norm(**i), expected, 1e-13)


def test_gradients_equal_the_reference() -> None:
    gradients = []
    for function in (gated_rms_norm_reference, gated_rms_norm_torch):
        arguments, leaves = split_leaves(make_gate_inputs(torch.float64))
        gradients.append(gradients_of(function(**arguments).pow(3).sum(), leaves))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-11, atol=1e-11)


def test_wrong_shapes_name_both() -> None:
    inputs = make_gate_inputs(torch.float64)
    with pytest.raises(ValueError, match=r"gate has shape \(2, 4, 21\); the others ask for \(2, 5, 21\)"):
        gated_rms_norm(**inputs | {"gate": inputs["gate"][:, :4]})
    with pytest.raises(ValueError, match=r"skip has shape \(2,\); the others ask for \(3,\)"):
        gated_rms_norm(**inputs | {"skip": inputs["skip"][:2]})
