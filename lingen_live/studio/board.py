"""What a page holds, as a storyboard: cells and numbers from a client, files that were picked. Trusts nothing. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import MAX_SEED
from lingen_live.engine.scenario import Scenario, parse_scenario
from lingen_live.errors import EngineError, ScenarioError
from lingen_live.studio.numbers import check_steps, read_number, shown
from lingen_live.studio.storyboard import MAX_FILM_S, MAX_ROWS, Grid, Row, Storyboard, from_scenario, to_scenario
from lingen_live.studio.table import COLUMNS, read_lines, read_table, write_table

_TABLE_ENDING = ".csv"


def to_board(cells: object, seed: object, length_s: object, steps: object = None) -> Storyboard:
    """The storyboard that a page shows.

    Args:
        cells: rows of the table, lists of texts, numbers or None.
        seed: a whole number.
        length_s: a number.
        steps: denoising steps, a whole number; empty for the model's own.

    Raises:
        ScenarioError: one of them is no such thing; the message names the row.
    """
    if not isinstance(cells, list):
        raise ScenarioError("There is no table; its first row says what the film begins with.")
    if len(cells) > MAX_ROWS:  # before each is looked at
        cells = [row for row in cells if not isinstance(row, list) or any(cell not in (None, "") for cell in row[:2])]
    if len(cells) > MAX_ROWS:
        raise ScenarioError(f"The table has {len(cells)} rows; at most {MAX_ROWS} are accepted.")
    rows = read_lines([_line(row, number) for number, row in enumerate(cells, 1)])
    number = read_seed(seed)
    if isinstance(length_s, bool) or not isinstance(length_s, int | float) or not math.isfinite(length_s):
        raise ScenarioError(f"The length is {_shown(length_s)}; it must be a number of seconds up to {MAX_FILM_S:g}.")
    n_steps = read_number(steps, "The film", "steps")
    return Storyboard(rows, number, float(length_s), None if n_steps is None else check_steps(n_steps, "The film"))


def read_seed(seed: object) -> int:
    """A seed of a page, or of a client that says it is one.

    Raises:
        ScenarioError: it is no whole number.
    """
    if isinstance(seed, bool) or not isinstance(seed, int | float) or seed != seed // 1:
        raise ScenarioError(f"The seed is {_shown(seed)}; it must be a whole number of 0 to {MAX_SEED}.")
    return int(seed)


def read_board(name: str, data: bytes, info: EngineInfo | None) -> Storyboard | tuple[Row, ...]:
    """A file that a person picked: a scenario with all that belongs to it, or a table, which is rows alone.

    Raises:
        ScenarioError: it is neither, or has too many rows; the message says where.
        EngineError: the engine is not warm yet.
    """
    if name.lower().endswith(_TABLE_ENDING):
        return read_table(data)
    return from_scenario(parse_scenario(data), grid_of(info).chunk_s)


def shoot(board: Storyboard, info: EngineInfo | None) -> tuple[Scenario, float]:
    """What the engine plays, and the media time of a chunk.

    Raises:
        ScenarioError: it cannot be a film; the message names the row.
        EngineError: the engine is not warm yet.
    """
    grid = grid_of(info)
    return to_scenario(board, grid), grid.chunk_s


def table_text(board: Storyboard) -> str:
    """The table as CSV."""
    return write_table(board.rows).decode()


def scenario_text(board: Storyboard, info: EngineInfo | None) -> str:
    """The scenario as JSON; errors as of `shoot`."""
    scenario, _ = shoot(board, info)
    return json.dumps(scenario.to_json(), ensure_ascii=False) + "\n"


def grid_of(info: EngineInfo | None) -> Grid:
    """The grid of the engine.

    Raises:
        EngineError: it is not warm yet.
    """
    if info is None:
        raise EngineError("The model is still warming up; try again in a moment.")
    return Grid.of(info)


def _line(row: object, number: int) -> Sequence[str]:
    """The cells of a row as texts."""
    if not isinstance(row, list) or len(row) > len(COLUMNS):
        got = f"{len(row)} cells" if isinstance(row, list) else "no cells"
        raise ScenarioError(f"Row {number} has {got}; it has at most {len(COLUMNS)}: {', '.join(COLUMNS)}.")
    return [_text(cell, number) for cell in row]


def _text(cell: object, number: int) -> str:
    match cell:
        case None:
            return ""
        case str():
            return cell
        case bool() | dict() | list():
            raise ScenarioError(f"Row {number} has a cell that is neither a text nor a number.")
        case float() if math.isnan(cell):  # an empty cell of a column of numbers
            return ""
        case _:
            return f"{cell}"


def _shown(value: object) -> str:
    return "missing" if value is None else shown(value)
