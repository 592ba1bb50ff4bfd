"""An interrupted run goes on exactly as if it had not been, and what is saved is whole or refused."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from toy_training import Plan, everything, interrupt_at, toy_trainer

from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train import loop


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
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
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
