"""Percentiles, and what is told of chunks."""

from __future__ import annotations

import pytest

from lingen_live.profile.lives import LifeBook
from lingen_live.profile.spans import ChunkProfile, Span
from lingen_live.profile.summary import life_to_json, percentile, stages_ms, steers_ms, summarise


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.95, 95), (0.99, 99), (1.0, 100)])
def test_percentiles_are_values_that_occurred(share: float, value: float) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value


def test_of_one_value_all_percentiles_are_that() -> None:
    assert summarise([0.0125]) == {"p50": 12.5, "p95": 12.5, "p99": 12.5, "max": 12.5}


def test_of_nothing_there_is_none() -> None:
    with pytest.raises(ValueError, match="0 values"):
        percentile([], 0.5)


def test_stages_count_where_they_occur() -> None:
    book = LifeBook()
    for index in range(4):
        asked_s = 0.9 if index == 2 else None
        life = book.open(ChunkProfile(index, (Span("denoise", 0.0, 0.1 * (index + 1)),), 1.0), 1.0, 2.0, asked_s)
        book.play(life, 5625 * index, 3.0)
    stages = stages_ms(book.lives())
    assert (stages["denoise"]["p50"], stages["denoise"]["max"]) == (200.0, 400.0)
    assert stages["mailbox"] == {"p50": 100.0, "p95": 100.0, "p99": 100.0, "max": 100.0}
    assert steers_ms(book.lives()) == {"n": 1, "p50": 2100.0, "p95": 2100.0, "p99": 2100.0, "max": 2100.0}
    assert steers_ms(book.lives(1)) == {"n": 0}
    told = life_to_json(book.lives()[2])
    assert (told["chunk_index"], told["pts"], told["steered_ms"]) == (2, 11250, 2100.0)
    assert ["denoise", 0.0, 300.0] in told["spans"]
