"""Latency is timed on what it names: whole models where they fit the budget, one block else; full memories are rows."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch

from lingen_live.paper import latency
from lingen_live.paper.configs import toy_config
from lingen_live.paper.latency import LinGenTimer, Machine, time_dits, time_windowed_dit
from lingen_live.paper.latency_report import PAPER_RATIOS, as_markdown, fitted_power, paper_plan, run_latency, toy_plan

PATIENT = Machine("cpu", torch.float32, 1.0)
HASTY = Machine("cpu", torch.float32, 1e-9)


def test_every_row_of_the_plan_is_timed_and_growth_fitted() -> None:
    said: list[str] = []
    result = run_latency(toy_plan(), PATIENT, said.append)
    assert json.loads(json.dumps(result)) == result
    assert [(row["seconds"], row["model"]) for row in result["clips"]] == [
        (length, name) for length in (1, 2) for name in ("toy", "DiT, same depth", "DiT, deeper")
    ]
    assert all(row["step_s"] > 0 for row in (*result["clips"], *result["streams"]))
    assert set(result["growth"]["64"]) == {"toy", "DiT, same depth", "DiT, deeper"}
    rows = {row["model"]: row for row in result["streams"]}
    config = toy_config()
    assert rows["DiT, same depth"]["state_bytes"] == 4 * config.n_layers * 2 * 3 * config.n_tokens * config.width
    assert len(said) == 4
    table = as_markdown(result)
    assert "random weights" in table
    ratio = result["clips"][1]["step_s"] / result["clips"][0]["step_s"]
    (line,) = [line for line in table.splitlines() if line.startswith("| 64 | 1 | 64 |")]
    assert line.split(" | ")[6] == f"{ratio:.1f}"


def test_a_clip_of_lingen_is_its_chunks() -> None:
    timer = LinGenTimer("toy", toy_config(), PATIENT)
    calls: list[int] = []
    timer._step = lambda: calls.append(1)
    row = timer.clip(7)
    assert row.how == "4 chunks"
    assert row.n_tokens == 4 * toy_config().n_tokens
    assert (len(calls) - 13) % 4 == 0  # one chunk by itself first, then whole clips


def test_what_would_take_too_long_is_one_block_or_chunk_times_how_many_and_says_so() -> None:
    row = LinGenTimer("toy", toy_config(), HASTY).clip(8)
    assert row.how == "one chunk x 4"
    rows = time_dits({"two": 2, "nine": 9}, toy_config(), 2, HASTY)
    assert [row.how for row in rows] == ["one block x 2", "one block x 9"]
    assert rows[1].step_s == pytest.approx(4.5 * (rows[0].step_s or 0))
    assert [row.how for row in time_dits({"two": 2}, toy_config(), 2, PATIENT)] == ["whole model"]


def test_a_full_memory_is_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(make: Any, *args: Any) -> Any:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(latency, "random_module", full)
    for row in (
        *time_dits({"a": 1, "b": 2}, toy_config(), 2, PATIENT),
        time_windowed_dit("c", toy_config(), 1, 2, PATIENT),
    ):
        assert row.step_s is None
        assert row.failure == "out of memory"


def test_a_failure_is_said_in_the_table() -> None:
    clip = {"side_px": 512, "seconds": 17, "n_tokens": 1, "how": "", "failure": None}
    clips = [clip | {"model": "ours", "step_s": 1.0}]
    clips.append(clip | {"model": "theirs", "step_s": None, "failure": "out of memory"})
    facts = {"device": "x", "torch": "y", "dtype": "z", "kernels": "k", "attention": "a", "growth": {}, "streams": []}
    assert "| 512 | 17 | 1 | 1 | out of memory |  | 2 |" in as_markdown(facts | {"clips": clips})


def test_growth_is_the_slope_of_the_logarithms() -> None:
    assert fitted_power([(1, 5), (2, 20), (4, 80)]) == pytest.approx(2.0)
    assert fitted_power([(17, 3), (34, 6), (68, 12)]) == pytest.approx(1.0)


def test_the_plan_is_the_papers() -> None:
    plan = paper_plan()
    assert set(PAPER_RATIOS) <= {(side, length) for side in plan.sides_px for length in plan.seconds}
    assert plan.dits["DiT, same depth"] == plan.config_of(512).n_layers
    assert plan.config_of(512).n_tokens == 2048
