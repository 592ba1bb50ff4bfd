"""The fast SSD equals the sequential recurrence: values, states, gradients, odd lengths, both directions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from kernel_checks import assert_near, gradients_of, leaves_of
from ssd_problem import Problem, make_problem
from torch import Tensor

from lingen_kernels import ssd_bidirectional, ssd_state
from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference
from lingen_kernels.ssd.torch_ssd import ssd_bidirectional_torch, ssd_state_torch

LENGTHS = (1, 63, 128, 131, 300)
BLOCK_LENS = (1, 16, 64, 128, 1000)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("block_len", BLOCK_LENS)
def test_float64_equals_the_recurrence(length: int, block_len: int) -> None:
    problem = make_problem(length)
    expected = ssd_bidirectional_reference(**problem.arguments())
    actual = ssd_bidirectional_torch(**problem.arguments(), block_len=block_len)
    assert_near(actual[0], expected[0], 1e-13)
    assert_near(actual[1], expected[1], 1e-13)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.bfloat16, 3e-2)])
def test_narrow_dtypes_stay_near(length: int, dtype: torch.dtype, tolerance: float) -> None:
    problem = make_problem(length, step=0.1).to(dtype)
    expected = ssd_bidirectional_reference(**problem.to(torch.float64).arguments())
    y, state = ssd_bidirectional_torch(**problem.arguments(), block_len=64)
    assert y.dtype == dtype
    assert state.dtype == torch.float32
    assert_near(y, expected[0], tolerance)
    assert_near(state, expected[1], tolerance)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("direction", ["fwd", "bwd"])
@pytest.mark.parametrize("block_len", [32, 512])
def test_each_direction_alone(length: int, direction: str, block_len: int) -> None:
    problem = make_problem(length)
    if direction == "fwd":
        problem.dt_bwd, problem.state_bwd = torch.zeros_like(problem.dt_bwd), None
        inputs = (problem.x, problem.dt_fwd, problem.A_fwd, problem.B, problem.C, problem.state_fwd)
        expected = one_direction(*inputs)
    else:
        problem.dt_fwd, problem.state_fwd = torch.zeros_like(problem.dt_fwd), None
        flipped = [t.flip(1) for t in (problem.x, problem.dt_bwd, problem.B, problem.C)]
        assert problem.state_bwd is not None
        expected = one_direction(flipped[0], flipped[1], problem.A_bwd, flipped[2], flipped[3], problem.state_bwd).flip(
            1
        )
    assert_near(ssd_bidirectional_torch(**problem.arguments(), block_len=block_len)[0], expected, 1e-13)


def one_direction(x: Tensor, dt: Tensor, A: Tensor, B: Tensor, C: Tensor, state: Tensor | None) -> Tensor:
    """The causal recurrence in its barest form, written apart from both implementations."""
    assert state is not None
    outputs = []
    for i in range(x.shape[1]):
        state = torch.einsum("bh,bhpn->bhpn", torch.exp(dt[:, i] * A), state)
        state = state + torch.einsum("bh,bhp,bn->bhpn", dt[:, i], x[:, i], B[:, i])
        outputs.append(torch.einsum("bhpn,bn->bhp", state, C[:, i]))
    return torch.stack(outputs, dim=1)


@pytest.mark.parametrize("length", LENGTHS)
def test_final_state_alone(length: int) -> None:
    problem = make_problem(length)
    expected = ssd_state_reference(**problem.forward_arguments())
    assert_near(ssd_state_torch(**problem.forward_arguments()), expected, 1e-13)
    assert_near(ssd_bidirectional_torch(**problem.arguments())[1], expected, 1e-13)


def test_missing_states_are_zeros() -> None:
    problem = make_problem(131)
    assert problem.state_fwd is not None
    zeros = torch.zeros_like(problem.state_fwd)
    problem.state_fwd = problem.state_bwd = zeros
    with_zeros = ssd_bidirectional(**problem.arguments(), block_len=64)
    state_with_zeros = ssd_state(**problem.forward_arguments())
    problem.state_fwd = problem.state_bwd = None
    for block_len in (64, 256):
        without = ssd_bidirectional(**problem.arguments(), block_len=block_len)
        assert_near(without[0], with_zeros[0], 1e-13)
        assert_near(without[1], with_zeros[1], 1e-13)
    assert_near(ssd_state(**problem.forward_arguments()), state_with_zeros, 1e-15)


def cut_out(problem: Problem, positions: slice, state_fwd: Tensor | None) -> dict[str, Any]:
    """The arguments for a part of the sequence that starts from `state_fwd`."""
    along = {"x", "dt_fwd", "dt_bwd", "B", "C"}
    part = {name: t[:, positions] if name in along else t for name, t in problem.arguments().items()}
    return part | {"state_fwd": state_fwd}


@pytest.mark.parametrize("cut", [1, 64, 100, 199])
def test_two_calls_equal_one(cut: int) -> None:
    """Forward only: what a stream does at a chunk edge."""
    problem = make_problem(200)
    problem.dt_bwd, problem.state_bwd = torch.zeros_like(problem.dt_bwd), None
    whole, whole_state = ssd_bidirectional(**problem.arguments(), block_len=64)
    first, middle_state = ssd_bidirectional(**cut_out(problem, slice(0, cut), problem.state_fwd))
    second, final_state = ssd_bidirectional(**cut_out(problem, slice(cut, 200), middle_state))
    assert_near(torch.cat((first, second), dim=1), whole, 1e-13)
    assert_near(final_state, whole_state, 1e-13)


@pytest.mark.parametrize(("length", "block_len"), [(1, 128), (40, 128), (40, 16), (37, 16)])
def test_gradients_equal_the_reference(length: int, block_len: int) -> None:
    problem = make_problem(length)
    problem.dt_fwd[0, length // 2] = 0.0  # a step of zero is legal and has a gradient
    weights = torch.randn(2, length, 3, 8, dtype=torch.float64)

    def gradients(function: Callable[..., tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        leaves = leaves_of(problem.arguments())
        y, state = function(**leaves, block_len=block_len)
        return gradients_of((y * weights).sum() + state.square().sum(), leaves)

    expected = gradients(ssd_bidirectional_reference)
    for name, actual in gradients(ssd_bidirectional_torch).items():
        assert torch.isfinite(actual).all(), name
        assert_near(actual, expected[name], 1e-11)


def test_gradients_of_the_final_state_equal_the_reference() -> None:
    problem = make_problem(50)

    def gradients(function: Callable[..., Tensor]) -> dict[str, Tensor]:
        leaves = leaves_of(problem.forward_arguments())
        return gradients_of(function(**leaves).square().sum(), leaves)

    expected = gradients(ssd_state_reference)
    for name, actual in gradients(ssd_state_torch).items():
        assert_near(actual, expected[name], 1e-12)


@pytest.mark.parametrize("block_len", [16, 256])
def test_extreme_decay_stays_finite(block_len: int) -> None:
    """Exponents of the wrong triangle would reach exp(+8000): neither values nor gradients may notice."""
    problem = make_problem(200, step=40.0).to(torch.float32)
    leaves = leaves_of(problem.arguments())
    y, state = ssd_bidirectional_torch(**leaves, block_len=block_len)
    assert torch.isfinite(y).all()
    for name, gradient in gradients_of(y.sum() + state.sum(), leaves).items():
        assert torch.isfinite(gradient).all(), name


@pytest.mark.parametrize("block_len", [16, 256])
def test_a_poisoned_row_stays_alone(block_len: int) -> None:
    """One stream gone NaN must not reach another stream of the same batch, nor must the padding."""
    problem = make_problem(131)
    clean = ssd_bidirectional(**problem.arguments(), block_len=block_len)
    assert problem.state_fwd is not None
    problem.x[0], problem.B[0], problem.state_fwd[0] = torch.nan, torch.nan, torch.nan
    poisoned = ssd_bidirectional(**problem.arguments(), block_len=block_len)
    assert poisoned[0][0].isnan().all()
    assert torch.equal(poisoned[0][1], clean[0][1])
    assert torch.equal(poisoned[1][1], clean[1][1])


def test_autocast_does_not_round_the_state() -> None:
    problem = make_problem(64, step=0.1).to(torch.float32)
    expected = ssd_bidirectional(**problem.arguments())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y, state = ssd_bidirectional(**problem.arguments())
        only_state = ssd_state(**problem.forward_arguments())
    assert torch.equal(state, expected[1])
    assert torch.equal(y, expected[0])
    assert only_state.dtype == torch.float32


@pytest.mark.parametrize("block_len", [32, 128])
def test_one_graph_holds_it(block_len: int) -> None:
    """Captured whole by torch.compile; the backend that only replays needs no compiler."""
    problem = make_problem(100)
    captured = torch.compile(ssd_bidirectional, fullgraph=True, backend="eager", dynamic=False)
    actual = captured(**problem.arguments(), block_len=block_len)
    expected = ssd_bidirectional(**problem.arguments(), block_len=block_len)
    assert torch.equal(actual[0], expected[0])
    assert torch.equal(actual[1], expected[1])


def test_wrong_shapes_name_both() -> None:
    problem = make_problem(8)
    problem.B = problem.B[:, :7]
    with pytest.raises(ValueError, match=r"B has shape \(2, 7, 5\); the others ask for \(2, 8, any\)"):
        ssd_bidirectional(**problem.arguments())
    with pytest.raises(ValueError, match="block_len is 0"):
        ssd_bidirectional(**make_problem(8).arguments(), block_len=0)


@pytest.mark.parametrize("function", [ssd_bidirectional_reference, ssd_bidirectional_torch])
def test_an_order_equals_copies_in_that_order(function: Callable[..., tuple[Tensor, Tensor]]) -> None:
    """Inputs and outputs stay where they lie; only the recurrence goes another way."""
    problem = make_problem(37)
    order = torch.randperm(37, generator=torch.Generator().manual_seed(3))
    along = {"x", "dt_fwd", "dt_bwd", "B", "C"}
    copies = {name: t[:, order] if name in along else t for name, t in problem.arguments().items()}
    expected = function(**copies, block_len=16)
    y, state = function(**problem.arguments(), block_len=16, order=order)
    assert torch.equal(y[:, order], expected[0])
    assert torch.equal(state, expected[1])


@pytest.mark.parametrize("function", [ssd_state_reference, ssd_state_torch])
def test_an_order_of_the_state_alone(function: Callable[..., Tensor]) -> None:
    problem = make_problem(21)
    order = torch.randperm(21, generator=torch.Generator().manual_seed(3))
    copies = {n: t[:, order] if n in {"x", "dt", "B"} else t for n, t in problem.forward_arguments().items()}
    assert torch.equal(function(**problem.forward_arguments(), order=order), function(**copies))
    assert torch.equal(
        ssd_state(**problem.forward_arguments(), order=order), ssd_state(**copies)
    )  # the front door passes it on
