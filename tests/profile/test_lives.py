"""Lives of chunks by invented clocks: what each stage took, and whose frame it was."""

from __future__ import annotations

import pytest

from lingen_live.profile.lives import ChunkLife, LifeBook, stage_names
from lingen_live.profile.spans import ChunkProfile, Span


def profile(index: int, origin_s: float) -> ChunkProfile:
    return ChunkProfile(index, (Span("denoise", 0.0, 0.2), Span("decode", 0.2, 0.1)), origin_s)


def spans_of(life: ChunkLife) -> dict[str, tuple[float, float]]:
    return {span.name: (round(span.start_s, 6), round(span.duration_s, 6)) for span in life.spans}


def test_a_life_from_the_words_to_the_last_frame() -> None:
    book = LifeBook()
    life = book.open(profile(5, 10.05), requested_s=10.0, received_s=10.37, asked_s=9.9)
    book.add(life, "colour", 10.37, 0.01)
    book.play(life, 90_000, 10.5)
    book.observe(90_000, "encode", 10.5, 0.002)
    book.observe(95_625, "encode", 10.56, 0.003)
    assert spans_of(life) == {
        "mailbox": (-0.1, 0.15),
        "queue": (0.0, 0.05),
        "denoise": (0.05, 0.2),
        "decode": (0.25, 0.1),
        "transfer": (0.35, 0.02),
        "colour": (0.37, 0.01),
        "buffer": (0.38, 0.12),
        "encode": (0.56, 0.003),
    }
    assert life.durations_s()["encode"] == pytest.approx(0.005)
    assert life.steered_s == pytest.approx(0.6)
    assert stage_names([life])[0] == "mailbox"
    assert book.sums_s["denoise"] == pytest.approx(0.2)


@pytest.mark.parametrize("origin_s", [0.0, 9.0, 10.2, 5000.0])
def test_an_engine_with_another_clock_is_placed_before_its_arrival(origin_s: float) -> None:
    life = LifeBook().open(profile(1, origin_s), requested_s=10.0, received_s=10.4, asked_s=None)
    spans = spans_of(life)
    assert spans["denoise"] == (0.1, 0.2)
    assert spans["transfer"][1] == 0.0
    assert "mailbox" not in spans
    assert life.steered_s is None


def test_frames_count_for_the_chunk_that_plays_then() -> None:
    book = LifeBook()
    lives = [book.open(profile(index, 0.0), 1.0, 2.0, None) for index in (1, 2)]
    book.observe(1, "encode", 0.0, 9.0)  # nothing plays yet
    book.play(lives[0], 1000, 2.0)
    book.play(lives[1], 2000, 2.5)
    for pts, duration_s in ((1000, 0.1), (1999, 0.2), (2000, 0.4), (500, 9.0)):
        book.observe(pts, "encode", 2.0, duration_s)
    assert [round(life.durations_s()["encode"], 6) for life in lives] == [0.3, 0.4]


def test_a_long_stream_keeps_the_last_and_counts_all() -> None:
    book = LifeBook(max_lives=3)
    for index in range(10):
        book.open(profile(index, 0.0), 1.0, 2.0, None)
    assert [life.chunk_index for life in book.lives()] == [7, 8, 9]
    assert [life.chunk_index for life in book.lives(2)] == [8, 9]
    assert book.n_chunks == 10
    assert book.sums_s["decode"] == pytest.approx(1.0)
