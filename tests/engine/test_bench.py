"""The numbers of a bench add up; none of them is judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from lingen_live.engine import bench, memory
from lingen_live.engine.bench import as_table, run_bench, settle
from lingen_live.engine.engine import Engine

MakeEngine = Callable[..., Engine]


def test_every_stage_is_measured_and_the_rates_fit_the_median(make_engine: MakeEngine) -> None:
    engine, heard = make_engine(), []
    result = run_bench(engine, 5, lambda: heard.append(engine.chunk_index))
    assert heard == [1, 2, 3, 4, 5]
    assert set(result["stages_ms"]) == {"text", "noise", "denoise", "commit", "decode", "snapshot", "chunk"}
    for numbers in result["stages_ms"].values():
        assert 0 <= numbers["median"] <= numbers["p95"] <= numbers["max"]
    chunk_ms = result["stages_ms"]["chunk"]["median"]
    assert result["frames_per_second"] == pytest.approx(8000 / chunk_ms)
    assert result["times_faster_than_playback"] == pytest.approx(result["frames_per_second"] / 16.0)
    assert result["n_chunks"] == 5
    assert result["engine"]["path"] == "eager"
    assert json.loads(json.dumps(result)) == result


def test_the_stream_is_steered_while_it_is_measured(make_engine: MakeEngine) -> None:
    engine, prompts = make_engine(), []
    run_bench(engine, 17, lambda: prompts.append(engine.prompt))
    assert set(prompts[:15]) == {"a meadow"}
    assert prompts[15] == prompts[16] != "a meadow"


def test_the_table_holds_every_stage(make_engine: MakeEngine) -> None:
    result = run_bench(make_engine(), 2, lambda: None)
    table = as_table(result)
    assert "1 compute thread(s), float32, eager" in table.splitlines()[0]
    for name, numbers in result["stages_ms"].items():
        (line,) = [line for line in table.splitlines() if line.startswith(name)]
        assert f"{numbers['median']:.1f}" in line
    assert f"{result['times_faster_than_playback']:.2f} times playback" in table


def test_nothing_is_measured_before_the_path_is_decided(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(bench.time, "sleep", waits.append)
    engine = make_engine(upgrade=iter([None, None]))
    settle(engine)
    assert len(waits) == 2
    assert not engine.seek_upgrade()


def test_resident_memory_is_read_where_the_system_tells(monkeypatch: pytest.MonkeyPatch) -> None:
    if Path("/proc/self/statm").exists():
        assert (memory.resident_bytes() or 0) > 10 * 2**20
    monkeypatch.setattr(memory, "_STATM", Path("/no/such/place"))
    assert memory.resident_bytes() is None
