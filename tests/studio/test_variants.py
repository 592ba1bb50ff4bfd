"""What a page asks to compare, and from which moment: every mistake in one sentence that names the variant."""

from __future__ import annotations

import dataclasses
from typing import Any

import fake_engine
import pytest

from lingen_live.engine.control import Blend, Cut, Reanchor, Steer
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.view import NO_TIMELINE
from lingen_live.errors import LingenError, ScenarioError
from lingen_live.studio.compare_view import show_comparison
from lingen_live.studio.desk import Film
from lingen_live.studio.moments import choose_moment
from lingen_live.studio.storyboard import Grid
from lingen_live.studio.variants import (
    Comparison,
    Opening,
    Result,
    Taken,
    Variant,
    compare,
    read_back,
    read_length,
    read_opening,
    read_variants,
)

GRID = Grid.of(fake_engine.FakeEngine(EngineOptions()).info)  # chunks of half a second, 1 step
PLAIN = ("a sea", "soft", "", "")
TIMELINE = dataclasses.replace(
    NO_TIMELINE, chunk_index=20, moments=tuple((index, index) for index in (0, 8, 12, 16, 17, 18, 19, 20, 24))
)
SPARSE = dataclasses.replace(TIMELINE, moments=((0, 0), (20, 1)))


def reanchor(n_chunks: int) -> tuple[Variant, ...]:
    return read_variants([PLAIN, ("ice", "re-anchor", n_chunks / 2, None)], GRID)


def test_what_is_said_reaches_the_engine_as_it_was_meant() -> None:
    told = [PLAIN, ("a sea\n\nice * 3", "blend", "2", "8"), ("night", "cut", 5, 1), ("day", "re-anchor", 1, None)]
    variants = read_variants(told, GRID)
    assert [one.control(9) for one in variants] == [
        Steer(9, "a sea", 2),
        Blend(9, (("a sea", 0.25), ("ice", 0.75)), 4),
        Cut(9, "night"),
        Reanchor(9, "day", 2),
    ]
    assert [one.n_steps for one in variants] == [None, 8, None, None]  # one step is this model's own number
    assert read_variants([("", "soft", "", ""), ("only * 2", "blend", "", "")], GRID)[0].control(9) is None


def test_as_many_chunks_as_are_made() -> None:
    opening = read_opening("a meadow", 3, 2, GRID)
    assert compare(opening, read_variants([PLAIN, PLAIN], GRID), 6, 0.5).n_chunks == 4 + 2 * 6
    assert compare(opening, reanchor(3), 6, 0.5).n_chunks == 1 + 2 * (3 + 6)
    taken = Taken(b"", 5, 8, "4 s")
    comparison = compare(taken, reanchor(3), 6, 0.5)
    assert comparison.n_chunks == 2 * (3 + 6)
    assert comparison.title == "a sea | ice"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ([PLAIN], "1 variants are to be compared; it must be 2 to 4."),
        ([PLAIN] * 5, "5 variants are to be compared"),
        ([PLAIN, ("a" * 501, "soft", "", "")], "Variant B: The prompt has 501 characters; at most 500"),
        ([PLAIN, ({"a": 1}, "cut", "", "")], "Variant B has no prompt; only a soft one may go on as it was."),
        ([PLAIN, ("a\nb", "soft", "", "")], "Variant B has 2 lines; only a blend has more than one."),
        ([PLAIN, ("a * b", "blend", "", "")], "Variant B has 'b' for a weight; it must be a number above 0."),
        ([PLAIN, ("a * -1\nb", "blend", "", "")], "Variant B: The blend has a weight of -1.0; weights must be above 0"),
        ([PLAIN, ("a\n" * 5, "blend", "", "")], "Variant B: The blend has 5 prompts; it must have 1 to 4."),
        (
            [("a", "melt", "", ""), PLAIN],
            "Variant A says 'melt' for how; it must be one of soft, blend, cut, re-anchor",
        ),
        ([("a", None, "", ""), PLAIN], "Variant A says no for how"),
        ([("a", "soft", 40, ""), PLAIN], "Variant A has a transition of 40 s; it must be 0.5 to 32 s of a soft one."),
        ([("a", "re-anchor", 3, ""), PLAIN], "Variant A has a transition of 3 s; it must be 0.5 to 2.5 s"),
        ([("a", "soft", "x", ""), PLAIN], "Variant A has 'x' for a transition; it must be a number."),
        ([("a", "soft", [], ""), PLAIN], "Variant A has [] for a transition"),
        ([("a", "soft", "", "17"), PLAIN], "Variant A has 17 steps; it must be a whole number of 1 to 16."),
        ([("a", "soft", "", 0.5), PLAIN], "Variant A has 0.5 steps"),
        ([("a", "soft", "", "nan"), PLAIN], "Variant A has 'nan' for steps; it must be a number."),
        ([("a", "soft", "", True), PLAIN], "Variant A has True for steps"),
    ],
)
def test_a_mistake_is_one_sentence(told: Any, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read_variants(told, GRID)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: read_opening("", 0, 2, GRID), "The opening: The prompt is empty"),
        (lambda: read_opening(None, 0, 2, GRID), "The opening: The prompt is empty"),
        (lambda: read_opening("a", -1, 2, GRID), "The seed is -1; it must be 0 to 4294967295."),
        (lambda: read_opening("a", 0, 9, GRID), "The opening has 9 seconds; it must be 0 to 8."),
        (lambda: read_opening("a", 0, None, GRID), "The opening has no seconds"),
        (lambda: read_length(9, GRID), "The length is 9; variants play 0.5 to 8 seconds."),
        (lambda: read_length(None, GRID), "The length is no; variants play"),
        (lambda: read_back(-1, GRID), "The moment is -1 s before now; it must be 0 or more."),
        (
            lambda: compare(Opening("a", 0, 2), reanchor(3), 4, 0.5),
            "Variant B tells 1.5 s anew, but the opening plays 1",
        ),
        (lambda: choose_moment(NO_TIMELINE, 0, reanchor(1)), "That session has shown nothing yet."),
        (lambda: choose_moment(TIMELINE, 40, reanchor(1)), "Variant B tells 1 chunks anew, but before chunk 0 of"),
        (lambda: choose_moment(SPARSE, 0, reanchor(1)), "Variant B tells 1 chunks anew, but before chunk 20 of"),
    ],
)
def test_a_beginning_that_cannot_be_is_one_sentence(ask: Any, message: str) -> None:
    with pytest.raises(LingenError) as caught:
        ask()
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("back", "n_chunks", "chosen"),
    [
        (0, 0, (20, 20)),  # what plays now, not what is made ahead
        (3, 0, (17, 17)),
        (6, 0, (12, 12)),  # the nearest before that is kept
        (99, 0, (0, 0)),
        (0, 3, (17, 20)),
        (1, 5, (12, 19)),  # more than it needs, for nothing between is kept
    ],
)
def test_a_moment_that_is_kept_and_what_is_needed_before_it(back: int, n_chunks: int, chosen: tuple[int, int]) -> None:
    variants = reanchor(n_chunks) if n_chunks else read_variants([PLAIN, PLAIN], GRID)
    assert choose_moment(TIMELINE, back, variants) == chosen


def test_what_was_made_is_shown_and_words_are_only_words() -> None:
    variants = read_variants([("<b>&", "soft", 1, ""), ("ice", "cut", "", 8), ("", "soft", "", "")], GRID)
    comparison = Comparison(Opening("a", 0, 2), variants, 4)
    film = Film("id-1", comparison.title, comparison, 0.5)
    assert show_comparison(film) == ""
    for told in (("A", 1, 0.14, "aa", True), ("B", 8, 0.25, "bb", True), ("C", 1, 0.1, "aa", False)):
        comparison.results.append(Result(*told))
    film.status = "done"
    shown = show_comparison(film)
    assert "<b>" not in shown
    assert "&lt;b&gt;&amp;" in shown
    assert "soft over 1 s; 1 step, 140 ms a chunk of 0.5 s." in shown
    assert "cut; 8 steps, 250 ms a chunk of 0.5 s." in shown
    assert "1 step, 100 ms a chunk of 0.5 s. Bit for bit the same as A." in shown
    assert 'href="../?play=studio/films/id-1.B.lgs"' in shown
    assert "films/id-1.B.json" in shown
    assert "films/id-1.C.json" not in shown
