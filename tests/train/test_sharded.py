"""Two processes that each keep a part of the weights: the same training as with whole ones, resumable by any number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rank_jobs import PLAN, told
from toy_training import Plan, everything, toy_trainer
from two_ranks import saved_by_two

from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train.jobs import run_job

Trained = tuple[Path, dict[str, Any], list[Any]]


@pytest.fixture
def trained(two_ranks: Path) -> Trained:
    """A folder, what one process began, and what two made of that and of other runs."""
    folder = two_ranks / "parts"
    return folder, torch.load(folder / "alone.pt", weights_only=True), saved_by_two(folder)


def test_parts_are_trained_as_wholes_are(trained: Trained) -> None:
    _, _, ranks = trained
    first, second = ranks
    # A bias before a norm has a gradient of rounding errors alone, and Adam makes steps of any.
    for name in first["whole"]["module"].keys() - {"first.bias", "norm.running_mean"}:
        for kept in ("module", "ema"):
            torch.testing.assert_close(first["parts"][kept][name], first["whole"][kept][name], rtol=0, atol=1e-6)
            torch.testing.assert_close(first["parts"][kept][name], second["parts"][kept][name], rtol=0, atol=0)
    n_whole, n_parts = first["whole"]["n_own"], [one["parts"]["n_own"] for one in ranks]
    assert first["parts"]["n_parts"] == 4  # two layers of a weight and a bias
    assert all(n < n_whole for n in n_parts)
    n_outside = sum(n_parts) - n_whole  # what both have
    assert n_outside == sum(value.numel() for name, value in first["whole"]["module"].items() if "hidden" not in name)


def test_the_denoiser_in_parts_has_the_losses_of_the_whole_one(trained: Trained) -> None:
    for found in trained[2]:
        assert found["losses parts"] == pytest.approx(found["losses whole"], rel=1e-5)
        assert len(found["losses mixed"]) == 1  # nobody waits for a layer that the other does not call
    logs = [
        (trained[0] / f"denoiser {name}" / "log.jsonl").read_text(encoding="utf-8").splitlines()
        for name in ("whole", "parts")
    ]
    assert len(logs[0]) == len(logs[1]) == 2


def test_a_run_in_parts_goes_on_in_any_number_of_processes(trained: Trained) -> None:
    folder, alone, (first, second) = trained
    for found in (first, second):
        assert found["begun"]["step"] == 2
        for kept in ("module", "ema"):
            torch.testing.assert_close(found["begun"][kept], alone[kept], rtol=0, atol=0)
    assert not torch.equal(first["begun"]["generator"], second["begun"]["generator"])
    again = toy_trainer(folder / "grown", plan=replace(PLAN, n_steps=6), in_shards=True)
    for kept in ("module", "ema"):
        torch.testing.assert_close(told(again)[kept], first["grown"][kept], rtol=0, atol=0)
    again.run()
    assert again.step == 6
    assert toy_trainer(folder / "grown", in_shards=True).is_finished
    assert sorted(path.name for path in (folder / "grown").iterdir()) == ["log.jsonl", "state.shards"]


def test_the_first_exports_the_average_as_a_whole(trained: Trained) -> None:
    _, _, (first, second) = trained
    (exported,) = first["exported"]
    torch.testing.assert_close(exported, first["grown"]["ema"], rtol=0, atol=0)
    assert second["exported"] == []


def test_a_run_alone_in_parts_is_resumed_bit_by_bit(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "halves", plan=replace(Plan(), n_steps=3, cooldown=0.0), in_shards=True).run()
    wanted = toy_trainer(tmp_path / "wanted", plan=replace(Plan(), n_steps=3, cooldown=0.0))
    wanted.run()
    (tmp_path / "halves" / "state.shards").rename(tmp_path / "halves" / "state.shards.old")  # killed while it was saved
    torch.manual_seed(999)
    resumed = toy_trainer(tmp_path / "halves", in_shards=True)
    for kept in everything(wanted).keys() - {"rates"}:  # those come with the next step
        torch.testing.assert_close(everything(resumed)[kept], everything(wanted)[kept], rtol=0, atol=0)


def test_what_does_not_fit_is_told_in_a_sentence(tmp_path: Path) -> None:
    toy_trainer(tmp_path / "parts", in_shards=True).save()
    toy_trainer(tmp_path / "whole").save()
    with pytest.raises(ConfigError, match="holds a run with --shard; go on with it so"):
        toy_trainer(tmp_path / "parts")
    with pytest.raises(ConfigError, match="holds a run without --shard; go on with it so"):
        toy_trainer(tmp_path / "whole", in_shards=True)
    with pytest.raises(
        ConfigError, match=r"another architecture than the recipe \(ema\.first\.bias: \(8,\) for \(16,\)\)"
    ):
        toy_trainer(tmp_path / "parts", width=16, in_shards=True)
    (file,) = (tmp_path / "parts" / "state.shards").iterdir()
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(CheckpointError, match=r"state\.shards is damaged; remove it to start anew"):
        toy_trainer(tmp_path / "parts", in_shards=True)
    with pytest.raises(ConfigError, match="--shard goes with `denoiser`, whose blocks can be large; got `codec`"):
        run_job("codec", None, tmp_path, "cpu", 1, in_shards=True)
