"""The fast causal convolution equals the one-position-at-a-time reference, and continues across calls."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from lingen_kernels import causal_conv1d_silu
from lingen_kernels.conv.reference import causal_conv1d_silu_reference
from lingen_kernels.conv.torch_conv import causal_conv1d_silu_torch


def make_inputs(length: int, taps: int, channels: int = 6) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """x, weight, bias and tail in float64, batch 2."""
    generator = torch.Generator().manual_seed(100 * length + taps)
    shapes = ((2, length, channels), (channels, taps), (channels,), (2, taps - 1, channels))
    x, weight, bias, tail = (torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes)
    return x, weight, bias, tail


@pytest.mark.parametrize("length", [1, 2, 3, 63, 131])
@pytest.mark.parametrize("taps", [1, 2, 3, 4])
@pytest.mark.parametrize("has_bias", [True, False])
def test_equals_the_reference_and_torch(length: int, taps: int, has_bias: bool) -> None:
    x, weight, bias, tail = make_inputs(length, taps)
    expected = causal_conv1d_silu_reference(x, weight, bias if has_bias else None, tail)
    actual = causal_conv1d_silu_torch(x, weight, bias if has_bias else None, tail)
    torch.testing.assert_close(actual, expected, rtol=1e-13, atol=1e-13)
    sequence = torch.cat((tail, x), dim=1)
    grouped = functional.conv1d(
        sequence.transpose(1, 2), weight[:, None], bias if has_bias else None, groups=x.shape[2]
    )
    torch.testing.assert_close(actual[0], functional.silu(grouped.transpose(1, 2)), rtol=1e-12, atol=1e-12)
    assert torch.equal(actual[1], sequence[:, length:])


@pytest.mark.parametrize("cut", [1, 2, 17, 29])
def test_two_calls_equal_one(cut: int) -> None:
    x, weight, bias, tail = make_inputs(30, taps=4)
    whole, last_tail = causal_conv1d_silu(x, weight, bias, tail)
    first, middle_tail = causal_conv1d_silu(x[:, :cut], weight, bias, tail)
    second, second_tail = causal_conv1d_silu(x[:, cut:], weight, bias, middle_tail)
    torch.testing.assert_close(torch.cat((first, second), dim=1), whole, rtol=1e-14, atol=1e-14)
    assert torch.equal(second_tail, last_tail)


def test_gradients_equal_the_reference() -> None:
    inputs = make_inputs(20, taps=4)
    gradients = []
    for function in (causal_conv1d_silu_reference, causal_conv1d_silu_torch):
        x, weight, bias, tail = leaves = [t.clone().requires_grad_() for t in inputs]
        y, tail = function(x, weight, bias, tail)
        gradients.append(torch.autograd.grad(y.square().sum() + tail.sum(), leaves))
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 2e-6), (torch.bfloat16, 4e-2)])
def test_narrow_dtypes_stay_near(dtype: torch.dtype, tolerance: float) -> None:
    x, weight, bias, tail = make_inputs(131, taps=4)
    rounded = x.to(dtype)
    expected, _ = causal_conv1d_silu_reference(rounded.double(), weight, bias, tail)
    y, new_tail = causal_conv1d_silu_torch(rounded, weight.float(), bias.float(), tail.float())
    assert y.dtype == dtype
    assert new_tail.dtype == torch.float32  # the dtype of the state does not drift with the activations
    torch.testing.assert_close(y.double(), expected, rtol=tolerance, atol=tolerance)


def test_the_tail_is_a_copy() -> None:
    x, weight, bias, tail = make_inputs(10, taps=4)
    _, new_tail = causal_conv1d_silu_torch(x, weight, bias, tail)
    assert new_tail.untyped_storage().nbytes() == new_tail.numel() * new_tail.element_size()


def test_a_poisoned_row_stays_alone() -> None:
    x, weight, bias, tail = make_inputs(10, taps=4)
    clean, _ = causal_conv1d_silu(x, weight, bias, tail)
    x[0], tail[0] = torch.nan, torch.nan
    poisoned, _ = causal_conv1d_silu(x, weight, bias, tail)
    assert torch.equal(poisoned[1], clean[1])


def test_wrong_shapes_name_both() -> None:
    x, weight, bias, tail = make_inputs(10, taps=4)
    with pytest.raises(ValueError, match=r"tail has shape \(2, 2, 6\); the others ask for \(2, 3, 6\)"):
        causal_conv1d_silu(x, weight, bias, tail[:, 1:])
