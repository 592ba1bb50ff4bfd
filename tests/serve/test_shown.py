"""What was on when."""

from __future__ import annotations

from lingen_live.serve.shown import MAX_CHUNKS, Shown, Stretch


def test_a_span_touches_the_chunks_that_it_begins_and_ends_in() -> None:
    shown = Shown()
    for k in range(6):
        shown.note(100 * k, 1, 10 + k)
    assert shown.between(100, 300) == Stretch(1, 11, 2)
    assert shown.between(150, 301) == Stretch(1, 11, 3)
    assert shown.between(550, 900) == Stretch(1, 15, 1)


def test_going_back_or_elsewhere_parts_it_and_a_pause_does_not() -> None:
    shown = Shown()
    for pts, branch, chunk in ((0, 1, 5), (100, 1, 6), (9000, 1, 7), (9100, 1, 6), (9200, 2, 7)):
        shown.note(pts, branch, chunk)
    assert shown.between(0, 9100) == Stretch(1, 5, 3)
    assert shown.between(0, 9101) is None
    assert shown.between(9100, 9300) is None
    assert shown.between(9100, 9200) == Stretch(1, 6, 1)


def test_what_was_before_or_is_forgotten_has_no_place() -> None:
    shown = Shown()
    assert shown.between(0, 100) is None
    for k in range(MAX_CHUNKS + 1):
        shown.note(100 * k, 1, k)
    assert shown.between(50, 500) is None
    assert shown.between(100, 200) == Stretch(1, 1, 1)
