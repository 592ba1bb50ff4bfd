"""Storyboards: rows to scenarios and back without loss, and every mistake named by its row."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingen_live.engine.events import Event, Start, blend_of, words_of
from lingen_live.engine.scenario import MadeWith, Scenario, scenario_from_json
from lingen_live.errors import ScenarioError
from lingen_live.studio.storyboard import MAX_ROWS, Grid, Row, Storyboard, from_scenario, to_scenario
from lingen_live.studio.table import read_table, write_table

GRID = Grid(0.5, MadeWith("tiny", "0" * 64, "float32", "cpu", 2))
HEADER = "start s,prompt,how,transition s,weight\n"

_PROMPTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20).map(
    lambda text: f"a {text}".strip()
)
_WORDS = st.lists(st.tuples(_PROMPTS, st.floats(0.01, 100)), min_size=1, max_size=4).map(
    lambda pairs: blend_of(pairs) if len(pairs) > 1 else words_of(pairs[0][0])
)


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    n_chunks = draw(st.integers(1, 7200))
    indices = sorted(draw(st.lists(st.integers(0, n_chunks), max_size=8)))
    events = []
    for index in indices:
        verb = draw(st.sampled_from(["steer", "cut"]))
        length = draw(st.integers(1, 64)) if verb == "steer" else 1
        events.append(Event(index, verb, draw(_WORDS), length))  # type: ignore[arg-type]
    asked = tuple(draw(st.lists(_WORDS, min_size=1, max_size=3)))
    return Scenario(Start(draw(st.integers(0, 2**32 - 1)), asked), tuple(events), n_chunks, GRID.made_with)


def board(table: str, length_s: float = 60.0, seed: int = 7) -> Scenario:
    return to_scenario(Storyboard(read_table((HEADER + table).encode()), seed, length_s), GRID)


@settings(max_examples=60, deadline=None)
@given(scenarios())
def test_a_scenario_survives_the_table(scenario: Scenario) -> None:
    told = from_scenario(scenario, GRID.chunk_s)
    again = Storyboard(read_table(write_table(told.rows)), told.seed, told.length_s)
    assert to_scenario(again, GRID) == scenario
    assert scenario_from_json(to_scenario(again, GRID).to_json()) == scenario


def test_what_a_table_says() -> None:
    scenario = board(
        '0,a meadow\n,a desert,,,3\n4.2,"night, and fog"\n\n10,snow,soft,2\n20,a sea,CUT\n30,dusk,re-anchor,1.5\n'
    )
    assert scenario.start == Start(7, (blend_of([("a meadow", 1), ("a desert", 3)]),))
    assert scenario.events == (
        Event(8, "steer", words_of("night, and fog"), 2),
        Event(20, "steer", words_of("snow"), 4),
        Event(40, "cut", words_of("a sea")),
        Event(60, "reanchor", words_of("dusk"), 3),
    )
    assert scenario.n_chunks == 120


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "The table is empty"),
        (",,,,\n ,  ,cut,,\n", "The table is empty"),
        ("1,a meadow\n", "Row 1 starts at 1 s; what a film begins with starts at 0 s"),
        (",a meadow\n", "Row 1 has no start time, and there is no row above it"),
        ("0,a meadow\n6,night\n4,snow\n", "Row 3 starts at 4 s, but row 2 above it at 6 s"),
        ("0,a meadow\n\n6,night\n4,snow\n", "Row 4 starts at 4 s, but row 3 above it at 6 s"),
        ("0,a meadow\n61,night\n", "Row 2 starts at 61 s; the film goes from 0 to 60 s"),
        ("0,a meadow\n-1,night\n", "Row 2 starts at -1 s; the film goes from 0 to 60 s"),
        ("0,a meadow\n5,\n", "Row 2 has no prompt"),
        ("0,a meadow\n5,!!!\n", "Row 2: The prompt has 3 characters but no letter or digit"),
        (f"0,a meadow\n5,{'a' * 501}\n", "Row 2: The prompt has 501 characters; at most 500"),
        ("0,a meadow\nsoon,night\n", "Row 2 has 'soon' for start s; it must be a number"),
        ("0,a meadow\nnan,night\n", "Row 2 has 'nan' for start s; it must be a number"),
        ("0,a meadow\n5,night,gently\n", "Row 2 says 'gently' for how; it must be one of start, soft, cut, re-anchor"),
        ("0,a meadow\n5,night,soft,0.1\n", "Row 2 has a transition of 0.1 s; it must be 0.5 to 32 s of a soft one"),
        ("0,a meadow\n5,night,re-anchor,3\n", "Row 2 has a transition of 3 s; it must be 0.5 to 2.5 s of a re-anchor"),
        ("0,a meadow\n1,night,re-anchor,1.5\n", "Row 2 tells 1.5 s anew at 1 s, but its scene begins at 0 s"),
        ("0,a meadow,re-anchor\n", "Row 1 is a re-anchor, but a film that begins has no past"),
        ("0,a meadow\n0,night,soft\n0,fog,start\n", "Row 3 says how the film starts; such rows stand above all others"),
        ("0,a meadow\n5,night,,,-1\n", "Row 2: The blend has a weight of -1.0"),
        ("0,a meadow\n5,a\n,b\n,c\n,d\n,e\n", "Rows 2 to 6: The blend has 5 prompts; it must have 1 to 4"),
        ("0,a meadow, at night,soft,1,1\n", "Row 1 has 6 cells; it has at most 5"),
        ("0,a\n" * 1000, f"The table has 1000 rows; at most {MAX_ROWS} are accepted"),
        ('0,"a meadow\n', "The table is not CSV"),
    ],
)
def test_every_mistake_is_one_sentence_that_names_its_row(table: str, message: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        board(table)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("length_s", [-5.0, 0.0, 0.4, 3601.0, float("inf"), float("nan")])
def test_no_film_has_such_a_length(length_s: float) -> None:
    with pytest.raises(ScenarioError, match=r"The film is \S+ s long; it must be 0.5 to 3600 s"):
        board("0,a meadow\n", length_s)


def test_no_dice_have_such_a_seed() -> None:
    with pytest.raises(ScenarioError, match=r"The seed is -1; it must be 0 to 4294967295"):
        board("0,a meadow\n", seed=-1)


def test_other_bytes_are_no_table() -> None:
    with pytest.raises(ScenarioError, match=r"The first line of the table is '.*'; it must be start s,prompt"):
        read_table(b"when,what\n0,a meadow\n")
    with pytest.raises(ScenarioError, match=r"The first line of the table is ''"):
        read_table(b"")
    with pytest.raises(ScenarioError, match="not CSV in UTF-8"):
        read_table(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="The table has 1048577 bytes; at most 1048576"):
        read_table(bytes(2**20 + 1))


def test_a_scenario_of_too_many_rows_is_refused() -> None:
    events = tuple(Event(index, "steer", words_of("night")) for index in range(MAX_ROWS))
    scenario = Scenario(Start(0, (words_of("a"),)), events, 500, GRID.made_with)
    with pytest.raises(ScenarioError, match=f"makes {MAX_ROWS + 1} rows; a table has at most {MAX_ROWS}"):
        from_scenario(scenario, GRID.chunk_s)


def test_rows_of_more_than_a_table_takes_are_refused() -> None:
    rows = tuple(Row(number, 0.0, "a") for number in range(1, MAX_ROWS + 2))
    with pytest.raises(ScenarioError, match=f"The table has {MAX_ROWS + 1} rows"):
        to_scenario(Storyboard(rows, 0, 60.0), GRID)
