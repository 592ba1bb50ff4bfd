"""The process that reads profiles and draws them, so that neither a large file nor a plot holds up the server.

Reads a list of questions for runs as JSON, answers `{"html": ...}` or `{"error": ...}`.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from lingen_live.errors import ProfileError
from lingen_live.studio.child import LATER, ask_child, lower_priority
from lingen_live.studio.figure_html import download_link, figure_html, table_html
from lingen_live.studio.profile_numbers import (
    LETTERS,
    facts,
    percentile_header,
    percentile_rows,
    to_csv,
)
from lingen_live.studio.runs import Run, run_of_file

TIMEOUT_S = 120.0


class Question(TypedDict):
    """A run to be drawn.

    Attributes:
        source: where it comes from, in words.
        text: a profile or a trace.
        facts: fields of `Run` that the text does not hold.
    """

    source: str
    text: str
    facts: Mapping[str, Any]


async def draw_elsewhere(questions: Sequence[Question]) -> str:
    """One or two runs as HTML.

    Raises:
        ProfileError: a text is no profile; the message names the run and the line.
        ChildError: it could not be drawn.
    """
    answer = await ask_child("lingen_live.studio.draw", list(questions), TIMEOUT_S)
    if "error" in answer:
        raise ProfileError(answer["error"])
    return str(answer["html"])


def read_runs(questions: Sequence[Question]) -> list[Run]:
    """The runs of some questions.

    Raises:
        ProfileError: a text is no profile.
    """
    runs = []
    for letter, question in zip(LETTERS, questions, strict=False):
        try:
            run = run_of_file(question["source"], question["text"].encode())
        except ProfileError as error:
            raise ProfileError(f"{letter}: {error}") from error
        runs.append(dataclasses.replace(run, **question["facts"]))
    return runs


def page_of(runs: Sequence[Run]) -> str:
    """Everything that is shown of one or two runs."""
    from lingen_live.studio import profile_plots as plots

    figures = [
        ("stages", plots.stage_figure(runs), "Milliseconds of work on each chunk, stacked by stage"),
        ("how-long", plots.histogram_figure(runs), "Histogram of how long chunks took to make"),
        ("waiting", plots.wait_figure(runs), "How long each chunk waited to be made and to be played"),
        ("steering", plots.steer_figure(runs), "How long words waited for their first frame"),
        ("memory", plots.memory_figure(runs), "Memory of the engine after each chunk, and the size of the state"),
    ]
    header = ["", *LETTERS[: len(runs)]]
    csv = download_link("profile.csv", "text/csv", to_csv(runs).encode(), "CSV of every chunk")
    return "".join(
        [
            table_html(header, facts(runs), "What it is"),
            *(figure_html(figure, name, told) for name, figure, told in figures if figure is not None),
            table_html(percentile_header(runs), percentile_rows(runs), "Percentiles, over the chunks with the stage"),
            csv,
        ]
    )


def main() -> None:
    """Entry point of the process."""
    lower_priority(LATER)
    try:
        answer = {"html": page_of(read_runs(json.load(sys.stdin)))}
    except ProfileError as error:
        answer = {"error": error.message}
    json.dump(answer, sys.stdout)


if __name__ == "__main__":
    main()
