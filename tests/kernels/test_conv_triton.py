"""The Triton convolution equals the reference: tails, orders, strides, gradients; nothing is left unwritten."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of, leaves_of
from torch import Tensor

from lingen_kernels.conv.reference import causal_conv1d_silu_reference

pytest.importorskip("triton", reason="Triton is not installed")

from lingen_kernels.conv.triton import causal_conv1d_silu_triton

pytestmark = pytest.mark.usefixtures("poisoned_memory")

TOLERANCES = {torch.float32: 1e-6, torch.bfloat16: 5e-3}


def make_inputs(length: int, taps: int, dtype: torch.dtype = torch.float32, n_channels: int = 6) -> dict[str, Any]:
    """Arguments by name on the device, batch 2; only x is in `dtype`."""
    generator = torch.Generator().manual_seed(100 * length + taps)
    shapes = {"x": (2, length, n_channels), "weight": (n_channels, taps), "bias": (n_channels,)}
    shapes["tail"] = (2, taps - 1, n_channels)
    inputs = {name: torch.randn(shape, generator=generator).to(DEVICE) for name, shape in shapes.items()}
    return inputs | {"x": inputs["x"].to(dtype)}


def exact(inputs: dict[str, Any], order: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The answer in float64; the tail is read in the dtype of x, as everywhere."""
    wide: dict[str, Any] = {name: None if t is None else t.double() for name, t in inputs.items()}
    wide["tail"] = inputs["tail"].to(inputs["x"].dtype).double()
    return causal_conv1d_silu_reference(**wide, order=order)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("length", "taps"), [(1, 4), (2, 4), (3, 2), (37, 4), (40, 1)])
@pytest.mark.parametrize("has_order", [False, True])
def test_equals_the_reference(length: int, taps: int, dtype: torch.dtype, has_order: bool) -> None:
    inputs = make_inputs(length, taps, dtype)
    order = torch.randperm(length, device=DEVICE) if has_order else None
    y, tail = causal_conv1d_silu_triton(**inputs, order=order)
    expected = exact(inputs, order)
    assert y.dtype == dtype
    assert tail.dtype == torch.float32
    assert_near(y, expected[0], TOLERANCES[dtype])
    assert torch.equal(tail.double(), expected[1])


def test_more_channels_than_a_tile_and_no_bias() -> None:
    inputs = make_inputs(5, 3, n_channels=150) | {"bias": None}
    y, tail = causal_conv1d_silu_triton(**inputs)
    expected = exact(inputs)
    assert_near(y, expected[0], 1e-6)
    assert torch.equal(tail.double(), expected[1])


@pytest.mark.parametrize("cut", [1, 2, 17])
def test_two_calls_equal_one(cut: int) -> None:
    inputs = make_inputs(20, taps=4)
    whole, last_tail = causal_conv1d_silu_triton(**inputs)
    first, tail = causal_conv1d_silu_triton(**inputs | {"x": inputs["x"][:, :cut]})
    second, tail = causal_conv1d_silu_triton(**inputs | {"x": inputs["x"][:, cut:], "tail": tail})
    assert_near(torch.cat((first, second), dim=1), whole, 1e-6)
    assert torch.equal(tail, last_tail)


def test_strides_are_taken_as_they_are() -> None:
    """x as the model has it: columns of a wider projection, whose other columns are poison."""
    inputs = make_inputs(9, taps=4)
    expected = exact(inputs)
    wide = torch.full((2, 9, 20), torch.nan, device=DEVICE)
    wide[..., 7:13] = inputs["x"]
    y, tail = causal_conv1d_silu_triton(**inputs | {"x": wide[..., 7:13]})
    assert_near(y, expected[0], 1e-6)
    assert torch.equal(tail.double(), expected[1])


@pytest.mark.parametrize("has_order", [False, True])
def test_gradients_equal_the_reference(has_order: bool) -> None:
    inputs = make_inputs(11, taps=4)
    order = torch.randperm(11, device=DEVICE) if has_order else None
    gradients = []
    for function, arguments in (
        (causal_conv1d_silu_reference, {name: t.double() for name, t in inputs.items()}),
        (causal_conv1d_silu_triton, inputs),
    ):
        leaves: dict[str, Any] = leaves_of(arguments)
        y, tail = function(**leaves, order=order)
        gradients.append(gradients_of(y.square().sum() + tail.sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name], expected, 1e-5)


def test_one_graph_holds_it() -> None:
    inputs = make_inputs(7, taps=4)
    captured = torch.compile(causal_conv1d_silu_triton, fullgraph=True, backend="eager", dynamic=False)
    for actual, expected in zip(captured(**inputs), causal_conv1d_silu_triton(**inputs), strict=True):
        assert torch.equal(actual, expected)


def test_float64_is_refused() -> None:
    inputs = make_inputs(4, taps=2, dtype=torch.float64)
    with pytest.raises(ValueError, match=r"x is torch.float64; the Triton kernels take"):
        causal_conv1d_silu_triton(**inputs)


@pytest.mark.parametrize(("n_prefix", "length"), [(1, 2), (3, 4), (5, 37)])
def test_a_prefix_comes_first_whatever_the_order(n_prefix: int, length: int) -> None:
    inputs = make_inputs(length, 4)
    order = torch.randperm(length - n_prefix, generator=torch.Generator().manual_seed(1)).to(DEVICE)
    whole: Tensor = torch.cat((torch.arange(n_prefix, device=DEVICE), order + n_prefix))
    y, tail = causal_conv1d_silu_triton(**inputs, order=order, n_prefix=n_prefix)
    expected = exact(inputs, whole)
    assert_near(y, expected[0], 1e-6)
    assert torch.equal(tail.double(), expected[1])
