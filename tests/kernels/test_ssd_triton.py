"""The Triton SSD equals the float64 recurrence: values, states, gradients, orders, strides; nothing is left unwritten.

Where there is no GPU the kernels run in Triton's interpreter, which takes tiny shapes only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of, leaves_of
from ssd_problem import Problem, make_problem
from torch import Tensor

from lingen_kernels.ssd.prefix import with_prefix
from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference

pytest.importorskip("triton", reason="Triton is not installed")

from lingen_kernels.ssd.tile import tile_for
from lingen_kernels.ssd.triton import ssd_bidirectional_triton, ssd_state_triton

pytestmark = pytest.mark.usefixtures("poisoned_memory")

TOLERANCES = {torch.float32: 1e-5, torch.bfloat16: 8e-3}


def on_device(problem: Problem) -> dict[str, Any]:
    """The arguments, on the GPU if there is one."""
    return {name: None if value is None else value.to(DEVICE) for name, value in problem.arguments().items()}


def make_order(length: int) -> Tensor:
    """A permutation of the positions."""
    return torch.randperm(length, generator=torch.Generator().manual_seed(7)).to(DEVICE)


def exact(problem: Problem, order: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The answer in float64, on the device."""
    order = None if order is None else order.cpu()
    y, state = ssd_bidirectional_reference(**problem.to(torch.float64).arguments(), order=order)
    return y.to(DEVICE), state.to(DEVICE)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("length", "block_len"), [(1, 128), (16, 16), (37, 16), (37, 64)])
@pytest.mark.parametrize("has_order", [False, True])
def test_equals_the_recurrence(length: int, block_len: int, dtype: torch.dtype, has_order: bool) -> None:
    problem = make_problem(length, batch=1, step=0.1).to(dtype)
    order = make_order(length) if has_order else None
    expected = exact(problem, order)
    y, state = ssd_bidirectional_triton(**on_device(problem), block_len=block_len, order=order)
    assert y.dtype == dtype
    assert state.dtype == torch.float32
    assert_near(y, expected[0], TOLERANCES[dtype])
    assert_near(state, expected[1], TOLERANCES[dtype])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("has_order", [False, True])
def test_final_state_alone(dtype: torch.dtype, has_order: bool) -> None:
    problem = make_problem(21, batch=1).to(dtype)
    order = make_order(21) if has_order else None
    arguments: dict[str, Any] = {name: t.to(DEVICE) for name, t in problem.forward_arguments().items()}
    assert_near(ssd_state_triton(**arguments, order=order), exact(problem, order)[1], TOLERANCES[dtype])
    arguments["initial_state"] = None
    wide: dict[str, Any] = {name: None if t is None else t.double().cpu() for name, t in arguments.items()}
    expected = ssd_state_reference(**wide, order=None if order is None else order.cpu()).to(DEVICE)
    assert_near(ssd_state_triton(**arguments, order=order), expected, TOLERANCES[dtype])


@pytest.mark.parametrize("missing", [("state_fwd",), ("state_bwd",), ("state_fwd", "state_bwd")])
def test_missing_states_are_zeros(missing: tuple[str, ...]) -> None:
    problem = make_problem(20, batch=1, step=0.1).to(torch.float32)
    for name in missing:
        setattr(problem, name, None)
    y, state = ssd_bidirectional_triton(**on_device(problem), block_len=16)
    expected = exact(problem)
    assert_near(y, expected[0], 1e-5)
    assert_near(state, expected[1], 1e-5)


def test_strides_are_taken_as_they_are() -> None:
    """As the model calls it: x, B and C are columns of one projection, behind review tokens; the state a slot."""
    problem = make_problem(22, batch=2, step=0.1).to(torch.float32)
    columns = torch.full((2, 25, 3 * 8 + 5 + 5 + 1), torch.nan)
    columns[:, 3:, :24], columns[:, 3:, 24:29] = problem.x.flatten(2), problem.B
    columns[:, 3:, 29:34] = problem.C
    steps = torch.full((2, 25, 7), torch.nan)
    steps[:, 3:, :3], steps[:, 3:, 3:6] = problem.dt_fwd, problem.dt_bwd
    assert problem.state_fwd is not None
    columns, steps = columns.to(DEVICE), steps.to(DEVICE)
    arguments = on_device(problem) | {
        "x": columns[:, 3:, :24].unflatten(-1, (3, 8)),
        "B": columns[:, 3:, 24:29],
        "C": columns[:, 3:, 29:34],
        "dt_fwd": steps[:, 3:, :3],
        "dt_bwd": steps[:, 3:, 3:6],
        "state_fwd": problem.state_fwd.transpose(2, 3).contiguous().transpose(2, 3).to(DEVICE),
    }
    y, state = ssd_bidirectional_triton(**arguments, block_len=16)
    expected = exact(problem)
    assert_near(y, expected[0], 1e-5)
    assert_near(state, expected[1], 1e-5)


def test_more_heads_than_share_a_program_and_batches_stay_apart() -> None:
    """Five heads of two streams; the first stream is gone NaN, the second must not notice."""
    wide = make_problem(18, batch=2, step=0.1).to(torch.float32)
    heads = torch.tensor([0, 1, 2, 0, 1])
    problem = Problem(
        x=wide.x[:, :, heads],
        dt_fwd=wide.dt_fwd[:, :, heads],
        dt_bwd=wide.dt_bwd[:, :, heads],
        A_fwd=wide.A_fwd[heads],
        A_bwd=wide.A_bwd[heads],
        B=wide.B,
        C=wide.C,
        state_fwd=None if wide.state_fwd is None else wide.state_fwd[:, heads],
        state_bwd=None if wide.state_bwd is None else wide.state_bwd[:, heads],
    )
    expected = exact(problem)
    problem.x[0], problem.B[0] = torch.nan, torch.nan
    y, state = ssd_bidirectional_triton(**on_device(problem), block_len=16)
    assert y[0].isnan().all()
    assert_near(y[1], expected[0][1], 1e-5)
    assert_near(state[1], expected[1][1], 1e-5)


def test_extreme_decay_stays_finite() -> None:
    """Exponents of the wrong triangle would reach exp(+8000)."""
    problem = make_problem(20, batch=1, step=40.0).to(torch.float32)
    y, state = ssd_bidirectional_triton(**on_device(problem), block_len=16)
    assert torch.isfinite(y).all()
    assert_near(state, exact(problem)[1], 1e-5)


@pytest.mark.parametrize("has_order", [False, True])
def test_gradients_equal_the_reference(has_order: bool) -> None:
    problem = make_problem(19, batch=1, step=0.1).to(torch.float32)
    order = make_order(19) if has_order else None
    weights = torch.randn(1, 19, 3, 8, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def gradients(
        function: Callable[..., tuple[Tensor, Tensor]], arguments: dict[str, Any], order: Tensor | None
    ) -> dict[str, Tensor]:
        leaves = leaves_of(arguments)
        y, state = function(**leaves, block_len=16, order=order)
        return gradients_of((y * weights.to(y)).sum() + state.square().sum(), leaves)

    wide = problem.to(torch.float64).arguments()
    expected = gradients(ssd_bidirectional_reference, wide, None if order is None else order.cpu())
    for name, actual in gradients(ssd_bidirectional_triton, on_device(problem), order).items():
        assert actual.dtype == torch.float32, name
        assert_near(actual.cpu(), expected[name], 1e-4)


def test_gradients_of_the_final_state_and_of_some_inputs_only() -> None:
    problem = make_problem(10, batch=1).to(torch.float32)
    arguments = {name: t.to(DEVICE) for name, t in problem.forward_arguments().items()}
    for name in ("x", "initial_state"):
        leaf = arguments[name].clone().requires_grad_()
        (actual,) = torch.autograd.grad(ssd_state_triton(**arguments | {name: leaf}).square().sum(), leaf)
        wide = {key: t.double().cpu() for key, t in arguments.items()}
        wide[name].requires_grad_()
        (expected,) = torch.autograd.grad(ssd_state_reference(**wide).square().sum(), wide[name])
        assert_near(actual.cpu(), expected, 1e-5)


def test_one_graph_holds_it() -> None:
    """torch.compile sees one opaque operator, forward and backward."""
    arguments = on_device(make_problem(17, batch=1, step=0.1).to(torch.float32))
    captured = torch.compile(ssd_bidirectional_triton, fullgraph=True, backend="eager", dynamic=False)
    actual = captured(**arguments, block_len=16)
    expected = ssd_bidirectional_triton(**arguments, block_len=16)
    assert torch.equal(actual[0], expected[0])
    assert torch.equal(actual[1], expected[1])


def test_the_tile_obeys_the_caller() -> None:
    assert tile_for(torch.bfloat16, 2048, 64, 128).block_len == 128
    assert tile_for(torch.bfloat16, 2048, 64, 100).block_len == 64
    assert tile_for(torch.bfloat16, 2048, 64, 40).block_len == 32
    assert tile_for(torch.bfloat16, 2048, 64, 1).block_len == 16
    assert tile_for(torch.bfloat16, 20, 24, 128).block_len == 32
    assert tile_for(torch.float32, 2048, 24, 128).state_columns == 32


def test_limits_are_named() -> None:
    problem = make_problem(4, batch=1)
    with pytest.raises(ValueError, match=r"x is torch.float64; the Triton kernels take float32, bfloat16"):
        ssd_bidirectional_triton(**problem.arguments())
    problem.x = torch.zeros(1, 4, 3, 65)
    with pytest.raises(ValueError, match="headdim is 65; the Triton kernels take at most 64"):
        ssd_bidirectional_triton(**problem.arguments())
    problem.x, problem.B = torch.zeros(1, 4, 3, 8), torch.zeros(1, 4, 129)
    with pytest.raises(ValueError, match="d_state is 129; the Triton kernels take at most 128"):
        ssd_state_triton(problem.x, problem.dt_fwd, problem.A_fwd, problem.B, None)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("n_prefix", "has_order"), [(1, True), (5, False), (20, True)])
def test_a_prefix_is_read_first_by_both_walks(dtype: torch.dtype, n_prefix: int, has_order: bool) -> None:
    """One launch of walks instead of three: the states of the prefix, then the outputs."""
    problem = make_problem(n_prefix + 18, batch=2, step=0.1).to(dtype)
    order = make_order(18) if has_order else None
    wide: dict[str, Any] = problem.to(torch.float64).arguments()
    prefixed = with_prefix(ssd_state_reference, ssd_bidirectional_reference)
    expected = prefixed(**wide, block_len=1, order=None if order is None else order.cpu(), n_prefix=n_prefix)
    y, state = ssd_bidirectional_triton(**on_device(problem), block_len=16, order=order, n_prefix=n_prefix)
    assert_near(y, expected[0].to(DEVICE), TOLERANCES[dtype])
    assert_near(state, expected[1].to(DEVICE), TOLERANCES[dtype])


def test_gradients_reach_a_prefix() -> None:
    problem = make_problem(23, batch=1, step=0.1)
    gradients = []
    for moved, function in (
        (problem, with_prefix(ssd_state_reference, ssd_bidirectional_reference)),
        (problem.to(torch.float32), ssd_bidirectional_triton),
    ):
        leaves = leaves_of(moved.arguments() if moved is problem else on_device(moved))
        y, state = function(**leaves, block_len=16, order=None, n_prefix=4)
        gradients.append(gradients_of(y.pow(3).sum() + state.square().sum(), leaves))
    for name, expected in gradients[0].items():
        assert_near(gradients[1][name].cpu(), expected, 1e-4)
