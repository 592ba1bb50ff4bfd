"""A long stream's numbers follow from the time that passes and the memory that there is; both are invented here."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from xml.etree import ElementTree

import pytest

from lingen_live.engine import bench_hour
from lingen_live.engine.bench_hour import as_hour_table, hour_picture, run_bench_hour
from lingen_live.engine.curve import Curve, draw
from lingen_live.engine.engine import Engine
from lingen_live.errors import ConfigError

MakeEngine = Callable[..., Engine]


def slower_and_slower() -> Iterator[float]:
    """Times of a clock that is asked twice a chunk: chunk k takes k seconds."""
    now_s = 0.0
    for chunk in itertools.count():
        yield now_s
        now_s += chunk
        yield now_s


def test_the_last_minutes_are_held_against_the_first(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = itertools.count(1_000_000, 1_000)
    monkeypatch.setattr(bench_hour, "resident_bytes", lambda: next(memory))
    wall, work = slower_and_slower(), itertools.count(0, 0.5)
    engine = make_engine()
    seen: list[int] = []
    result = run_bench_hour(engine, 0.25, seen.append, (lambda: next(wall), lambda: next(work)))
    assert (result["n_chunks"], result["n_frames"], seen) == (30, 240, [30] * 30)
    assert (result["prompt"], engine.chunk_index) == ("a meadow at dawn", 0)
    assert result["window_s"] == 5.0
    assert result["chunk_ms"] == {"first": 4_500.0, "last": 24_500.0, "growth": 20_000.0}
    assert result["processor_ms"] == {"first": 500.0, "last": 500.0, "growth": 0.0}
    assert result["rss_bytes"] == {"first": 1_004_500.0, "last": 1_024_500.0, "growth": 20_000.0}
    assert result["n_kept"] == 31
    assert result["curves"]["minutes"] == pytest.approx([0.025 * k for k in range(1, 11)])
    assert result["curves"]["chunk_ms"] == [1_000.0 + 3_000.0 * k for k in range(10)]
    assert json.loads(json.dumps(result)) == result
    table = as_hour_table(result)
    assert "a chunk: 4500.0 and 24500.0 ms, +20000.0 ms (+444.4 %)" in table
    assert "resident memory: 1.0 and 1.0 MB, +0.0 MB (+2.0 %)" in table
    assert hour_picture(result).count("<polyline") == 2


@pytest.mark.parametrize("minutes", [0.0, -1.0, 0.01, 1e9, float("nan")])
def test_lengths_that_cannot_be(make_engine: MakeEngine, minutes: float) -> None:
    with pytest.raises(ConfigError, match=r"minutes is .*; it must be 0\.025 to 1440"):
        run_bench_hour(make_engine(), minutes)


def test_a_curve_is_drawn_from_zero_up() -> None:
    svg = ElementTree.fromstring(draw("t <s>", [1.0, 2.0, 4.0], [Curve("a & b", [0.0, 5.0, 10.0])]))
    (line,) = (node for node in svg.iter() if node.tag.endswith("polyline"))
    points = [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]
    assert [x for x, _ in points] == pytest.approx([144.0, 238.0, 426.0])
    assert points[0][1] == 226.0
    assert (points[0][1] - points[1][1]) * 2 == pytest.approx(points[0][1] - points[2][1], abs=0.2)
    texts = [node.text for node in svg.iter() if node.tag.endswith("text")]
    assert {"a & b", "t <s>", "0", "4"} <= set(texts)


def test_a_flat_curve_of_nothing_is_drawn_too() -> None:
    assert "nan" not in draw("t", [0.0], [Curve("a", [0.0])])
