"""Spans of a chunk, by an invented clock."""

from __future__ import annotations

import itertools

import pytest

from lingen_live.profile.spans import ChunkProfile, Span, SpanRecorder


def test_spans_count_from_the_first() -> None:
    times_s = iter([10.0, 10.2, 10.5, 11.0])
    recorder = SpanRecorder(clock=lambda: next(times_s))
    with recorder.span("denoise"):
        pass
    with recorder.span("decode"):
        pass
    profile = recorder.finish(3)
    assert profile.chunk_index == 3
    assert [span.name for span in profile.spans] == ["denoise", "decode"]
    assert [span.start_s for span in profile.spans] == pytest.approx([0.0, 0.5])
    assert [span.duration_s for span in profile.spans] == pytest.approx([0.2, 0.5])
    assert profile.total_s == pytest.approx(1.0)


def test_spans_of_one_name_add_up_in_json() -> None:
    profile = ChunkProfile(5, (Span("step", 0.0, 0.001), Span("step", 0.001, 0.002), Span("commit", 0.003, 0.004)))
    assert profile.to_json() == {
        "chunk_index": 5,
        "total_ms": 7.0,
        "spans_ms": {"step": 3.0, "commit": 4.0},
    }


def test_nested_spans_do_not_stretch_the_total() -> None:
    times_s = iter([0.0, 1.0, 2.0, 3.0])
    recorder = SpanRecorder(clock=lambda: next(times_s))
    with recorder.span("outer"), recorder.span("inner"):
        pass
    assert recorder.finish(0).total_s == 3.0


def test_a_span_that_raises_is_recorded() -> None:
    recorder = SpanRecorder()
    with pytest.raises(ZeroDivisionError), recorder.span("broken"):
        raise ZeroDivisionError
    assert [span.name for span in recorder.finish(0).spans] == ["broken"]


def test_finish_begins_a_new_chunk() -> None:
    ticks = itertools.count()
    recorder = SpanRecorder(clock=lambda: float(next(ticks)))
    with recorder.span("a"):
        pass
    recorder.finish(0)
    assert recorder.finish(1) == ChunkProfile(1, ())
    with recorder.span("b"):
        pass
    assert recorder.finish(2).spans == (Span("b", 0.0, 1.0),)


def test_nothing_takes_no_time() -> None:
    assert ChunkProfile(0, ()).total_s == 0.0
