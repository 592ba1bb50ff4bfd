"""The mamba-ssm adapter equals the float64 recurrence; where there is no GPU, in Triton's interpreter."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from kernel_checks import DEVICE, assert_near, gradients_of, leaves_of
from ssd_problem import Problem, make_problem
from torch import Tensor

from lingen_kernels.ssd.mamba_adapter import ssd_bidirectional_mamba, ssd_state_mamba
from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference

for package in ("mamba_ssm", "einops", "triton"):
    if importlib.util.find_spec(package) is None:
        pytest.skip(f"{package} is not installed", allow_module_level=True)

# Its autotuner measures on a GPU, and its Python is older than this project's warnings.
pytestmark = [pytest.mark.usefixtures("_on_this_device"), pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def _on_this_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU: no device to switch to, and the first configuration instead of the fastest."""
    if DEVICE == "cuda":
        return
    from triton.runtime.autotuner import Autotuner

    def run_first(self: Any, *args: Any, **kwargs: Any) -> Any:
        self.best_config = self.configs[0]
        options = kwargs | self.best_config.all_kwargs()
        if self.best_config.pre_hook is not None:
            self.best_config.pre_hook(dict(zip(self.arg_names, args, strict=False)) | options)
        return self.fn.run(*args, **options)

    monkeypatch.setattr(torch.cuda, "device", contextlib.nullcontext)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: SimpleNamespace(multi_processor_count=2))
    monkeypatch.setattr(Autotuner, "run", run_first)


def make_small(length: int) -> Problem:
    """Sizes the package takes: headdim and d_state of 16, positions not a whole number of blocks."""
    generator = torch.Generator().manual_seed(length)
    problem = make_problem(length, batch=1, step=0.1)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    problem.x, problem.B, problem.C = draw(1, length, 3, 16), draw(1, length, 16), draw(1, length, 16)
    problem.state_fwd, problem.state_bwd = draw(1, 3, 16, 16), draw(1, 3, 16, 16)
    return problem


def narrow(arguments: dict[str, Any]) -> dict[str, Any]:
    """In float32, on the device."""
    return {name: None if t is None else t.float().to(DEVICE) for name, t in arguments.items()}


@pytest.mark.parametrize("has_order", [False, True])
@pytest.mark.parametrize("has_states", [False, True])
def test_equals_the_recurrence(has_order: bool, has_states: bool) -> None:
    problem = make_small(37)
    if not has_states:
        problem.state_fwd = problem.state_bwd = None
    order = torch.randperm(37) if has_order else None
    expected = ssd_bidirectional_reference(**problem.arguments(), order=order)
    y, state = ssd_bidirectional_mamba(
        **narrow(problem.arguments()), block_len=16, order=None if order is None else order.to(DEVICE)
    )
    assert state.dtype == torch.float32
    assert_near(y.cpu(), expected[0], 1e-5)
    assert_near(state.cpu(), expected[1], 1e-5)


def test_the_state_alone() -> None:
    arguments = make_small(21).forward_arguments()
    assert_near(ssd_state_mamba(**narrow(arguments)).cpu(), ssd_state_reference(**arguments), 1e-5)


def test_gradients_equal_the_reference() -> None:
    problem = make_small(18)

    def gradients(function: Callable[..., tuple[Tensor, Tensor]], arguments: dict[str, Any]) -> dict[str, Tensor]:
        leaves = leaves_of(arguments)
        y, state = function(**leaves, block_len=16)
        return gradients_of(y.square().sum() + state.square().sum(), leaves)

    expected = gradients(ssd_bidirectional_reference, problem.arguments())
    for name, actual in gradients(ssd_bidirectional_mamba, narrow(problem.arguments())).items():
        assert_near(actual.cpu(), expected[name], 1e-4)
