"""A storyboard as a table of text (CSV), as a spreadsheet writes one: cells to rows, and back. Trusts nothing.

Rows are counted below the header, from 1.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from lingen_live.engine.scenario import MAX_SCENARIO_BYTES
from lingen_live.errors import ScenarioError
from lingen_live.studio.numbers import read_number, shown
from lingen_live.studio.storyboard import HOWS, MAX_ROWS, How, Row

COLUMNS = ("start s", "prompt", "how", "transition s", "weight")


def read_table(data: bytes) -> tuple[Row, ...]:
    """Rows from CSV with a header that names `COLUMNS`; those with neither time nor prompt are skipped.

    Raises:
        ScenarioError: it is no table, or a cell says nothing that it could; the message names the row.
    """
    if len(data) > MAX_SCENARIO_BYTES:
        raise ScenarioError(f"The table has {len(data)} bytes; at most {MAX_SCENARIO_BYTES} are accepted.")
    try:
        lines = list(csv.reader(io.StringIO(data.decode("utf-8-sig")), strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ScenarioError(f"The table is not CSV in UTF-8: {error}.") from error
    header = tuple(cell.strip().lower() for cell in lines[0]) if lines else ()
    if header != COLUMNS:
        raise ScenarioError(
            f"The first line of the table is {shown(','.join(header))}; it must be {','.join(COLUMNS)}."
        )
    return read_lines(lines[1:])


def read_lines(lines: Sequence[Sequence[str]]) -> tuple[Row, ...]:
    """Rows from the cells below the header; those with neither time nor prompt are skipped.

    Raises:
        ScenarioError: there are too many, or a cell says nothing that it could; the message names the row.
    """
    filled = [(number, line) for number, line in enumerate(lines, 1) if any(cell.strip() for cell in line[:2])]
    if len(filled) > MAX_ROWS:
        raise ScenarioError(f"The table has {len(filled)} rows; at most {MAX_ROWS} are accepted.")
    return tuple(_row(number, line) for number, line in filled)


def write_table(rows: Sequence[Row]) -> bytes:
    """The reverse of `read_table`."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(write_lines(rows))
    return text.getvalue().encode()


def write_lines(rows: Sequence[Row]) -> list[list[str]]:
    """The reverse of `read_lines`."""
    return [
        [
            _told(row.start_s),
            row.prompt,
            row.how,
            _told(row.transition_s),
            _told(None if row.weight == 1 else row.weight),
        ]
        for row in rows
    ]


def _told(number: float | None) -> str:
    """As short as it can be read again without loss."""
    return "" if number is None else repr(number).removesuffix(".0")


def _row(number: int, cells: Sequence[str]) -> Row:
    if len(cells) > len(COLUMNS):
        raise ScenarioError(
            f"Row {number} has {len(cells)} cells; it has at most {len(COLUMNS)}: {', '.join(COLUMNS)}. "
            "Put a prompt with a comma in quotation marks."
        )
    start, prompt, how, transition, weight = (cell.strip() for cell in [*cells, *[""] * (len(COLUMNS) - len(cells))])
    if not prompt:
        raise ScenarioError(f"Row {number} has no prompt; say what is to be seen.")
    said_weight = read_number(weight, f"Row {number}", "weight")
    return Row(
        number,
        read_number(start, f"Row {number}", "start s"),
        prompt,
        _how(how, number),
        read_number(transition, f"Row {number}", "transition s"),
        1.0 if said_weight is None else said_weight,
    )


def _how(cell: str, number: int) -> How:
    for how in HOWS:
        if cell.lower() == how:
            return how
    if cell:
        raise ScenarioError(f"Row {number} says {shown(cell)} for how; it must be one of {', '.join(HOWS)}.")
    return "soft"
