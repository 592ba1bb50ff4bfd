"""Two processes train one network: the same weights in both, as one process would make of both batches."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_jobs import PLAN, train_interrupted
from torch import Tensor
from toy_training import everything, toy_trainer
from two_ranks import in_two, saved_by_two

from lingen_live.errors import ConfigError
from lingen_live.train.parallel import Ranks, current_ranks, joined, seed_rank


def as_one_process(folder: Path) -> dict[str, Any]:
    """The same training alone: every step on the mean of the losses of both processes' batches."""
    trainer = toy_trainer(folder, plan=PLAN)
    alone = trainer.loss
    generators, states = [torch.Generator(), torch.Generator()], []
    for index, generator in enumerate(generators):
        seed_rank(generator, 0, index)
        states.append(torch.get_rng_state())

    def both(_: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        losses = []
        for index, generator in enumerate(generators):
            torch.set_rng_state(states[index])
            losses.append(alone(generator)[0])
            states[index] = torch.get_rng_state()
        return torch.stack(losses).mean(), {}

    trainer.loss = both
    trainer.run()
    return everything(trainer)


@pytest.fixture
def trained(two_ranks: Path) -> tuple[Path, list[Any]]:
    """A finished run of two processes: its folder, and what each ended with."""
    return two_ranks / "whole", saved_by_two(two_ranks / "whole")


def test_both_end_with_the_same_weights_those_of_the_mean_gradient(
    trained: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    _, (first, second) = trained
    for name in ("module", "ema", "optimisers", "step", "rates"):
        torch.testing.assert_close(first[name], second[name], rtol=0, atol=0)
    assert not torch.equal(first["torch_rng"], second["torch_rng"])
    assert not torch.equal(first["generator"], second["generator"])
    weights = {name for name in first["module"] if not name.startswith("norm.running")}
    alone = as_one_process(tmp_path)["module"]
    for name in weights - {"norm.num_batches_tracked"}:
        torch.testing.assert_close(first["module"][name], alone[name], rtol=0, atol=1e-6)


def test_only_the_first_writes(trained: tuple[Path, list[Any]]) -> None:
    folder, (first, second) = trained
    assert (first["exported"], second["exported"]) == ([5], [])
    lines = [json.loads(line) for line in (folder / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [1, 2, 3, 4, 5]
    assert sorted(path.name for path in (folder / "run").iterdir()) == ["log.jsonl", "state.pt"]


def test_an_interrupt_of_one_stops_both_and_a_resumed_run_equals_an_uninterrupted_one(
    trained: tuple[Path, list[Any]], tmp_path: Path
) -> None:
    for resumed, straight in zip(in_two(train_interrupted, tmp_path), trained[1], strict=True):
        torch.testing.assert_close(resumed, straight, rtol=0, atol=0)
    logs = [(folder / "run" / "log.jsonl").read_text() for folder in (tmp_path, trained[0])]
    assert logs[0] == logs[1]


def test_a_run_goes_on_in_another_number_of_processes(trained: tuple[Path, list[Any]], tmp_path: Path) -> None:
    folder, _ = trained
    first, second = (torch.load(folder / f"{index}.grown.pt", weights_only=True) for index in range(2))
    assert (first["begun"]["step"], first["step"]) == (2, 4)
    for kept in ("module", "ema", "optimisers", "step"):
        torch.testing.assert_close(first[kept], second[kept], rtol=0, atol=0)
    for source in ("generator", "torch_rng"):  # nobody draws what another does
        assert not torch.equal(first["begun"][source], second["begun"][source])
    ends: list[dict[str, Any]] = []
    for name in ("one", "two"):
        shutil.copytree(folder / "grown", tmp_path / name)
        torch.manual_seed(len(ends))  # another process would begin with other numbers
        alone = toy_trainer(tmp_path / name, plan=replace(PLAN, n_steps=6))
        for kept in ("module", "ema", "optimisers", "step"):
            torch.testing.assert_close(everything(alone)[kept], first[kept], rtol=0, atol=0)
        alone.run()
        ends.append(everything(alone))
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=0)


def test_what_the_processes_tell_each_other(two_ranks: Path) -> None:
    for found in saved_by_two(two_ranks / "primitives"):
        assert not found["values"].any()  # those of the first
        used, half_used, unused = found["gradients"]
        assert used.tolist() == [[1.5, 1.5]]
        assert half_used.tolist() == [[2.0, 2.0]]
        assert unused is None
        assert found["any"] == (True, False)
        assert found["mean"] == {"a": 0.5, "b": 2.0}
        assert [int(row["n"]) for row in found["rows"]] == [0, 1]


def test_without_torchrun_one_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with joined("cpu"):
        assert current_ranks() == Ranks()


def test_more_processes_than_gpus_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("RANK", "1"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "1"), ("MASTER_ADDR", "x")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MASTER_PORT", "1")
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ConfigError, match="this is process 2 on a machine with 1 GPUs"), joined("cuda"):
        pass
