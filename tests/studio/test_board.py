"""What a page sends, as a storyboard: every mistake in one sentence that names the row."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import fake_engine
import pytest

from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import MAX_SCENARIO_BYTES, parse_scenario
from lingen_live.errors import EngineError, LingenError
from lingen_live.studio.board import read_board, scenario_text, shoot, table_text, to_board
from lingen_live.studio.picking import picked
from lingen_live.studio.storyboard import Storyboard

INFO = fake_engine.FakeEngine(EngineOptions()).info
CELLS = [["0", "a meadow", "start", "", ""], [4, "a sea", "soft", 1.0, None], ["", "ice", "", "", 2]]


def test_cells_become_a_film_and_a_file_and_the_same_again() -> None:
    board = to_board([*CELLS, [None, "", "", "", ""]], 3, 12)
    assert read_board("a.csv", table_text(board).encode(), None) == board.rows
    told = scenario_text(board, INFO)
    again = read_board("a.json", told.encode(), INFO)
    assert isinstance(again, Storyboard)
    assert (again.seed, again.length_s) == (3, 12.0)
    scenario, chunk_s = shoot(again, INFO)
    assert (scenario, chunk_s) == (parse_scenario(told), 0.5)
    assert [part.weight for part in scenario.events[0].words] == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize(
    ("cells", "seed", "length_s", "message"),
    [
        ([], 0, 12, "The table is empty; its first row says"),
        ([["", "", "", "", ""]], 0, 12, "The table is empty"),
        (None, 0, 12, "There is no table"),
        ([*CELLS, ["2", "b"]], 0, 12, "Row 4 starts at 2 s, but row 2 above it at 4 s"),
        ([["0", "a"]] * 1000, 0, 12, "The table has 1000 rows; at most 200 are accepted."),
        ([{}] * 1000, 0, 12, "The table has 1000 rows; at most 200 are accepted."),
        ([["0", ""]], 0, 12, "Row 1 has no prompt"),
        ([["x", "a"]], 0, 12, "Row 1 has 'x' for start s; it must be a number."),
        ([["0", "a", "melt"]], 0, 12, "Row 1 says 'melt' for how"),
        ([["0", "a"], ["1", "b", "soft", "-1"]], 0, 12, "Row 2 has a transition of -1 s"),
        ([["0", "a", "", "", "", "more"]], 0, 12, "Row 1 has 6 cells; it has at most 5"),
        ([["0", {"a": 1}]], 0, 12, "Row 1 has a cell that is neither a text nor a number."),
        (["0"], 0, 12, "Row 1 has no cells"),
        ([["0", "a" * 501]], 0, 12, "Row 1: The prompt has 501 characters; at most 500"),
        (CELLS, -1, 12, "The seed is -1; it must be 0 to 4294967295."),
        (CELLS, 0.5, 12, "The seed is 0.5; it must be a whole number"),
        (CELLS, None, 12, "The seed is missing"),
        (CELLS, math.inf, 12, "The seed is inf"),
        (CELLS, 0, -5, "The film is -5 s long; it must be 0.5 to 3600 s."),
        (CELLS, 0, 4000, "The film is 4000 s long"),
        (CELLS, 0, math.nan, "The length is nan; it must be a number of seconds up to 3600."),
        (CELLS, 0, "12", "The length is '12'"),
    ],
)
def test_a_mistake_is_one_sentence(cells: Any, seed: Any, length_s: Any, message: str) -> None:
    with pytest.raises(LingenError) as caught:
        shoot(to_board(cells, seed, length_s), INFO)
    assert message in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.json", b"{", "The scenario is not JSON"),
        ("a.json", b"[]", "This is not a scenario"),
        ("a.csv", b"0,a\n", "The first line of the table is '0,a'"),
        ("a.csv", b"\xff\xfe", "The table is not CSV in UTF-8"),
        ("a.json", b"[" * (MAX_SCENARIO_BYTES + 1), f"{MAX_SCENARIO_BYTES + 1} bytes; at most {MAX_SCENARIO_BYTES}"),
    ],
)
def test_a_broken_file_is_one_sentence(name: str, data: bytes, message: str) -> None:
    with pytest.raises(LingenError) as caught:
        read_board(name, data, INFO)
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({"file_name": "big.csv", "n_bytes": 10 * 2**30, "text": ""}, "big.csv has 10737418240 bytes; at most 1048576"),
        ({"file_name": "lie.csv", "n_bytes": 1, "text": "é" * 2**19 + "a"}, "lie.csv has 1048577 bytes"),
        ({"file_name": "/etc/passwd"}, "This is no file that was picked on this page."),
        (None, "This is no file"),
    ],
)
def test_a_file_that_was_picked_is_bounded(told: object, message: str) -> None:
    with pytest.raises(LingenError) as caught:
        picked(told, MAX_SCENARIO_BYTES)
    assert message in caught.value.message
    assert picked({"file_name": "a.csv", "n_bytes": 2, "text": "é"}, 2) == ("a.csv", "é".encode())


def test_steps_travel_with_the_scenario() -> None:
    told = scenario_text(to_board(CELLS, 0, 12, "8"), INFO)
    again = read_board("a.json", told.encode(), INFO)
    assert isinstance(again, Storyboard)
    assert again.n_steps == 8
    assert "n_steps" not in json.loads(scenario_text(to_board(CELLS, 0, 12, ""), INFO))
    for steps, message in (("x", "The film has 'x' for steps"), ("17", "The film has 17 steps; it must be a whole")):
        with pytest.raises(LingenError, match=message):
            to_board(CELLS, 0, 12, steps)


def test_before_the_model_is_warm_it_says_so_and_scenarios_of_too_many_rows_do_not_fit() -> None:
    board = to_board(CELLS, 0, 12)
    with pytest.raises(EngineError, match="still warming up"):
        shoot(board, None)
    told = json.loads(scenario_text(replace(board, length_s=300), INFO))
    told["events"] = [[k, "steer", "a", 1] for k in range(300)]
    with pytest.raises(LingenError, match="makes 301 rows; a table has at most 200"):
        read_board("a.json", json.dumps(told).encode(), INFO)
