"""The training loop: its schedule, and that an interrupted run goes on exactly as if it had not been."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from lingen_live.errors import CheckpointError, ConfigError, TrainingError
from lingen_live.train import loop
from lingen_live.train.loop import Trainer, first_detail, rate_at, split_parameters


@dataclass(frozen=True)
class Plan:
    """A schedule of six steps."""

    n_steps: int = 6
    learning_rate: float = 0.05
    weight_decay: float = 0.01
    warmup_steps: int = 2
    cooldown: float = 0.5
    ema_decay: float = 0.9
    clip_norm: float = 1.0


class Toy(nn.Module):
    """An input layer, a hidden one for Muon, and a buffer of integers."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.first = nn.Linear(4, width)
        self.norm = nn.BatchNorm1d(width)
        self.hidden = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.hidden(self.norm(self.first(x)))


OnStep = Callable[[int], None]


def toy_trainer(
    folder: Path,
    on_step: OnStep = lambda step: None,
    *,
    device: str = "cpu",
    width: int = 8,
    plan: Plan = Plan(),
    hidden_prefix: str = "hidden.",
) -> Trainer:
    """A trainer whose loss draws from the batch generator, from torch's own and from the device's."""
    torch.manual_seed(0)
    module = Toy(width).to(device)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        on_step(trainer.step)
        x = torch.randn(16, 4, generator=generator)
        y = x.prod(1, keepdim=True) + 0.1 * torch.randn(16, 1)
        out = module(x.to(device)) + 0.1 * torch.randn(16, 1, device=device)
        return (out - y.to(device)).square().mean(), {"mean": out.mean().item()}

    trainer = Trainer(module, loss, plan, folder, hidden_prefix=hidden_prefix)
    return trainer


def everything(trainer: Trainer) -> dict[str, Any]:
    """All that a later step depends on."""
    return {
        "module": trainer.module.state_dict(),
        "ema": trainer.ema,
        "optimisers": [optimiser.state_dict()["state"] for optimiser in trainer.optimisers],
        "rates": [optimiser.param_groups[0]["lr"] for optimiser in trainer.optimisers],
        "generator": trainer.generator.get_state(),
        "torch_rng": torch.get_rng_state(),
        "step": trainer.step,
    }


def interrupt_at(step: int) -> OnStep:
    def on_step(now: int) -> None:
        if now == step:
            raise KeyboardInterrupt

    return on_step


@pytest.fixture
def plain_ctrl_c() -> Iterator[None]:
    """Python's own handling of SIGINT, which a test run in the background does not begin with."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


# The schedule


def test_the_rate_rises_stays_and_falls_to_zero() -> None:
    plan = Plan(n_steps=100, warmup_steps=10, cooldown=0.4)
    rates = [rate_at(step, plan) for step in range(101)]
    assert rates[:10] == pytest.approx([(step + 1) / 10 for step in range(10)])
    assert rates[10:61] == [1.0] * 51
    assert rates[80] == pytest.approx(0.5)
    assert rates[99] == pytest.approx(1 / 40)
    assert rates[100] == 0.0


def test_without_warm_up_and_cooldown_the_rate_is_constant() -> None:
    assert {rate_at(step, Plan(warmup_steps=0, cooldown=0.0)) for step in range(6)} == {1.0}


def test_muon_gets_the_hidden_matrices_and_adamw_the_rest() -> None:
    toy = Toy()
    matrices, others = split_parameters(toy, "hidden.")
    assert [id(m) for m in matrices] == [id(toy.hidden[0].weight), id(toy.hidden[2].weight)]
    assert {id(p) for p in (*matrices, *others)} == {id(p) for p in toy.parameters()}
    assert len(matrices) + len(others) == len(list(toy.parameters()))
    assert split_parameters(toy, "")[0] == []


# Training


def test_training_lowers_the_loss_and_keeps_its_numbers(tmp_path: Path) -> None:
    plan = Plan(n_steps=60, learning_rate=0.02)
    toy_trainer(tmp_path, plan=plan).run()
    log = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [10, 20, 30, 40, 50, 60]
    assert set(log[0]) == {"step", "loss", "mean", "grad_norm", "rate"}
    assert log[-1]["loss"] < 0.8 * log[0]["loss"]


def test_the_average_follows_its_formula(tmp_path: Path) -> None:
    seen: list[Tensor] = []

    def look(step: int = 0) -> None:
        seen.append(trainer.module.get_parameter("first.weight").detach().clone())

    trainer = toy_trainer(tmp_path, look)
    trainer.run()
    look()
    average = seen[0]
    for step, weight in enumerate(seen[1:], start=1):
        keep = min(0.9, step / (step + 10))
        average = keep * average + (1 - keep) * weight
    torch.testing.assert_close(trainer.ema["first.weight"], average)
    assert trainer.ema["norm.num_batches_tracked"] == 6


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_a_resumed_run_equals_an_uninterrupted_one_bit_by_bit(tmp_path: Path, device: str) -> None:
    straight = toy_trainer(tmp_path / "straight", device=device)
    straight.run()
    wanted = everything(straight)

    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path / "halves", interrupt_at(3), device=device).run()
    torch.manual_seed(999)  # another process would begin with other numbers
    resumed = toy_trainer(tmp_path / "halves", device=device)
    assert resumed.step == 3
    resumed.run()
    torch.testing.assert_close(everything(resumed), wanted, rtol=0, atol=0)


def test_saving_often_changes_nothing_even_if_exporting_draws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    straight = toy_trainer(tmp_path / "straight")
    straight.run()
    wanted = everything(straight)

    monkeypatch.setattr(loop, "SAVE_EVERY_S", -1.0)  # after every step
    steps: list[int] = []
    often = toy_trainer(tmp_path / "often")

    def export() -> None:
        steps.append(torch.load(often.state_path, weights_only=True)["step"])
        torch.randn(100)  # as building a network to export does

    often.run(export)
    torch.testing.assert_close(everything(often), wanted, rtol=0, atol=0)
    assert steps == [1, 2, 3, 4, 5, 6, 6]


def test_a_finished_run_takes_no_more_steps(tmp_path: Path) -> None:
    toy_trainer(tmp_path).run()
    taken: list[int] = []
    again = toy_trainer(tmp_path, taken.append)
    assert again.is_finished
    again.run()
    assert taken == []


# Interruption


@pytest.mark.usefixtures("plain_ctrl_c")
def test_ctrl_c_lets_the_step_finish(tmp_path: Path) -> None:
    def on_step(step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)

    exported: list[int] = []
    trainer = toy_trainer(tmp_path, on_step)
    with pytest.raises(KeyboardInterrupt):
        trainer.run(lambda: exported.append(trainer.step))
    assert exported == [4]
    assert toy_trainer(tmp_path).step == 4


@pytest.mark.usefixtures("plain_ctrl_c")
def test_a_second_ctrl_c_does_not_wait(tmp_path: Path) -> None:
    def on_step(step: int) -> None:
        if step == 3:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    trainer = toy_trainer(tmp_path, on_step)
    with pytest.raises(KeyboardInterrupt):
        trainer.run()
    assert trainer.step == 3


def test_a_step_torn_in_two_is_never_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path, interrupt_at(3)).run()
    before = (tmp_path / "state.pt").read_bytes()

    def torn() -> None:
        raise KeyboardInterrupt  # AdamW has taken its step by now

    trainer = toy_trainer(tmp_path)
    monkeypatch.setattr(trainer.optimisers[1], "step", torn)
    exported: list[int] = []
    with pytest.raises(KeyboardInterrupt):
        trainer.run(lambda: exported.append(trainer.step))
    assert exported == []
    assert (tmp_path / "state.pt").read_bytes() == before


def test_an_interrupted_save_leaves_the_old_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = toy_trainer(tmp_path)
    trainer.save()
    before = (tmp_path / "state.pt").read_bytes()

    def half_a_save(state: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", half_a_save)
    with pytest.raises(OSError, match="No space left"):
        trainer.save()
    assert (tmp_path / "state.pt").read_bytes() == before


def test_steps_taken_again_are_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop, "LOG_EVERY", 1)
    toy_trainer(tmp_path, plan=replace(Plan(), n_steps=3)).run()
    log = tmp_path / "log.jsonl"
    with log.open("a") as file:  # a process that was killed before it could save
        file.write('{"step": 4, "loss": 9.0}\n{"step": 5, "lo')
    toy_trainer(tmp_path).run()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert lines[3]["loss"] != 9.0


# What goes wrong


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_ends_training_and_keeps_the_old_state(tmp_path: Path, bad: float) -> None:
    with pytest.raises(KeyboardInterrupt):
        toy_trainer(tmp_path, interrupt_at(2)).run()
    before = (tmp_path / "state.pt").read_bytes()

    def spoil(step: int) -> None:
        if step == 4:
            trainer.module.get_parameter("hidden.2.bias").data.fill_(bad)

    trainer = toy_trainer(tmp_path, spoil)
    with pytest.raises(TrainingError, match=f"The loss is {bad} at step 5, so training stopped"):
        trainer.run()
    assert (tmp_path / "state.pt").read_bytes() == before


def test_a_gradient_that_is_not_finite_does_not_reach_the_weights(tmp_path: Path) -> None:
    module = nn.Linear(1, 1)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        return (module.weight * 0).abs().sqrt().sum(), {}  # 0, with a slope of 0 * inf

    trainer = Trainer(module, loss, Plan(), tmp_path)
    before = module.weight.detach().clone()
    with pytest.raises(TrainingError, match="The norm of the gradient is nan at step 1"):
        trainer.run()
    assert torch.equal(module.weight.detach(), before)
    assert not trainer.state_path.exists()


@pytest.mark.parametrize(
    ("other", "detail"),
    [({"width": 16}, "size mismatch for first.weight"), ({"hidden_prefix": ""}, "parameter group")],
)
def test_a_state_of_another_architecture_is_refused(tmp_path: Path, other: dict[str, Any], detail: str) -> None:
    toy_trainer(tmp_path).save()
    with pytest.raises(ConfigError, match=r"state\.pt is of another architecture than the recipe") as caught:
        toy_trainer(tmp_path, **other)
    assert detail in caught.value.message
    assert "\n" not in caught.value.message


class Trap:
    """Would run code when it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("trap-sprung",)


@pytest.mark.parametrize("content", ["garbage", "empty", "cut", "foreign", "trap"])
def test_a_damaged_or_foreign_state_is_refused_and_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str
) -> None:
    monkeypatch.chdir(tmp_path)
    trainer = toy_trainer(tmp_path)
    trainer.save()
    whole = trainer.state_path.read_bytes()
    match content:
        case "garbage":
            trainer.state_path.write_bytes(b"\x00\x01 not a state")
        case "empty":
            trainer.state_path.write_bytes(b"")
        case "cut":
            trainer.state_path.write_bytes(whole[: len(whole) // 2])
        case "foreign":
            torch.save({"weights": torch.zeros(3)}, trainer.state_path)
        case "trap":
            torch.save({"module": Trap()}, trainer.state_path)
    with pytest.raises(CheckpointError, match=r"state\.pt is damaged, or not a state of training"):
        toy_trainer(tmp_path)
    assert not (tmp_path / "trap-sprung").exists()


def test_the_first_detail_of_an_error_is_one_short_line() -> None:
    error = RuntimeError("Error(s) in loading:\n\tsize mismatch for a\n\tsize mismatch for b")
    assert first_detail(error) == "size mismatch for a"
    assert first_detail(ValueError("just this")) == "just this"
    assert first_detail(ValueError()) == "ValueError"
    assert len(first_detail(ValueError("word " * 400))) <= 200
