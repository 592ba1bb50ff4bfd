"""Two processes train one network: the same weights in both, as one process would make of both batches."""

from __future__ import annotations

import json
import os
import signal
import socket
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, multiprocessing, nn
from toy_training import Plan, everything, toy_trainer

from lingen_live.errors import ConfigError
from lingen_live.train import loop
from lingen_live.train.parallel import Ranks, current_ranks, joined, seed_rank

PLAN = replace(Plan(), n_steps=5)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _in_rank(index: int, job: str, folder: Path, port: int) -> None:
    """Be one of two, as `torchrun` would start it."""
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    names = {"RANK": index, "WORLD_SIZE": 2, "LOCAL_RANK": index, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ |= {name: str(value) for name, value in names.items()}
    loop.LOG_EVERY = 1
    with joined("cpu"):
        globals()[job](index, folder)


def in_two(job: str, folder: Path) -> list[Any]:
    """Run a function of this module in both processes; what each has saved under its number."""
    multiprocessing.spawn(_in_rank, (job, folder, _free_port()), nprocs=2)
    return [torch.load(folder / f"{index}.pt", weights_only=True) for index in range(2)]


def train(index: int, folder: Path) -> None:
    exported: list[int] = []
    trainer = toy_trainer(folder / "run", plan=PLAN)
    trainer.run(lambda: exported.append(trainer.step))
    torch.save({**everything(trainer), "exported": exported}, folder / f"{index}.pt")


def train_interrupted(index: int, folder: Path) -> None:
    """Ctrl-C reaches the second process alone; then both go on with the wrong random numbers in hand."""
    signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_step(step: int) -> None:
        if step == 2 and index == 1:
            os.kill(os.getpid(), signal.SIGINT)

    first = toy_trainer(folder / "run", on_step, plan=PLAN)
    try:
        first.run()
    except KeyboardInterrupt:
        assert first.step == 3
    else:
        raise AssertionError("nobody was interrupted")
    torch.manual_seed(999)
    train(index, folder)


def use_primitives(index: int, folder: Path) -> None:
    ranks = current_ranks()
    layers = [nn.Linear(2, 1, bias=False) for _ in range(3)]
    for layer in layers:
        nn.init.constant_(layer.weight, float(index))
    weights = [parameter for layer in layers for parameter in layer.parameters()]
    ranks.broadcast(weight.data for weight in weights)
    values = [weight.detach().clone() for weight in weights]
    weights[0].grad = torch.full_like(weights[0], 1.0 + index)
    if index:
        weights[1].grad = torch.full_like(weights[1], 4.0)
    ranks.average_gradients(weights)
    found = {
        "values": torch.stack(values),
        "gradients": [weight.grad for weight in weights],
        "any": ranks.any_of(index == 1, False),
        "mean": ranks.mean({"a": float(index), "b": 2.0}),
        "rows": ranks.gather({"n": torch.tensor(index)}),
    }
    torch.save(found, folder / f"{index}.pt")


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


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A finished run of two processes: its folder, and what each ended with."""
    folder = tmp_path_factory.mktemp("two")
    return folder, in_two("train", folder)


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
    for resumed, straight in zip(in_two("train_interrupted", tmp_path), trained[1], strict=True):
        torch.testing.assert_close(resumed, straight, rtol=0, atol=0)
    logs = [(folder / "run" / "log.jsonl").read_text() for folder in (tmp_path, trained[0])]
    assert logs[0] == logs[1]


def test_a_run_goes_on_in_as_many_processes_as_it_was_begun_in(trained: tuple[Path, list[Any]]) -> None:
    with pytest.raises(ConfigError, match=r"state\.pt is of a run in 2 processes, this one has 1; go on with as many"):
        toy_trainer(trained[0] / "run", plan=PLAN)


def test_what_the_processes_tell_each_other(tmp_path: Path) -> None:
    for found in in_two("use_primitives", tmp_path):
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
