"""The training loop: its schedule, its optimisers, its average, and when it gives up."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from toy_training import Plan, Toy, interrupt_at, toy_trainer

from lingen_live.errors import TrainingError
from lingen_live.train.loop import Trainer
from lingen_live.train.optimisers import split_parameters
from lingen_live.train.schedule import rate_at
from lingen_live.train.state_file import first_detail


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


def test_the_first_detail_of_an_error_is_one_short_line() -> None:
    error = RuntimeError("Error(s) in loading:\n\tsize mismatch for a\n\tsize mismatch for b")
    assert first_detail(error) == "size mismatch for a"
    assert first_detail(ValueError("just this")) == "just this"
    assert first_detail(ValueError()) == "ValueError"
    assert len(first_detail(ValueError("word " * 400))) <= 200
