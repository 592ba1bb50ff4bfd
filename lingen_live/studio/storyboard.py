"""A film as a table that people edit: what is said when. To a scenario, and back without loss. Pure.

Knows rows and scenarios. Does not know how a table is shown, nor how a film is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from lingen_live.engine.events import DEFAULT_STRETCH, MAX_STRETCH, Event, Start, Verb, Words, blend_of, scene_start
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import MAX_SEED
from lingen_live.engine.scenario import MAX_TRANSITION, MadeWith, Scenario
from lingen_live.errors import PromptError, ScenarioError
from lingen_live.studio.numbers import check_steps

How = Literal["start", "soft", "cut", "re-anchor"]
HOWS: tuple[How, ...] = get_args(How)
MAX_ROWS = 200
MAX_FILM_S = 3600.0
DEFAULT_TRANSITION_CHUNKS = 2

_VERBS: dict[How, Verb] = {"soft": "steer", "cut": "cut", "re-anchor": "reanchor"}
_HOW_OF: dict[Verb, How] = {verb: how for how, verb in _VERBS.items()}


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table.

    Attributes:
        number: of the row, from 1, as people count.
        start_s: when it is said; None for one more prompt of the blend in the row above.
        prompt: the words.
        how: "start" is what the film begins with; "soft" bends, "cut" begins a new scene, "re-anchor" bends after
            telling the past anew.
        transition_s: of a soft one, how long it blends in; of a re-anchor, how much is told anew; None for the usual.
        weight: of the prompt in a blend.
    """

    number: int
    start_s: float | None
    prompt: str
    how: How = "soft"
    transition_s: float | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Storyboard:
    """A film to be made.

    Attributes:
        rows: what is said, in order of time.
        seed: of the noise, 0 to 2^32 - 1.
        length_s: of the film.
        n_steps: denoising steps of a chunk; None for the model's own.
    """

    rows: tuple[Row, ...]
    seed: int
    length_s: float
    n_steps: int | None = None


@dataclass(frozen=True, slots=True)
class Grid:
    """What time means to an engine: everything happens at the beginning of a chunk.

    Attributes:
        chunk_s: media time of a chunk.
        made_with: what a film is made with.
    """

    chunk_s: float
    made_with: MadeWith

    @classmethod
    def of(cls, info: EngineInfo) -> Grid:
        """The grid of an engine."""
        device = info.device.partition(":")[0]
        made_with = MadeWith(info.name, info.checkpoint_digest, info.dtype, device, info.n_steps, info.weights)
        return cls(info.frames_per_chunk / info.fps, made_with)

    def nearest(self, seconds: float) -> int:
        """The chunk that begins nearest to a time."""
        return math.floor(seconds / self.chunk_s + 0.5)

    def steps(self, number: float | None, who: str) -> int | None:
        """Denoising steps of a chunk; None for the model's own.

        Raises:
            ScenarioError: there are not so many, or no whole number; the message names `who`.
        """
        n_steps = None if number is None else check_steps(number, who)
        return None if n_steps == self.made_with.n_steps else n_steps


def to_scenario(board: Storyboard, grid: Grid) -> Scenario:
    """What an engine plays. Times are moved to the nearest chunk.

    Raises:
        ScenarioError: it cannot be a film; the message names the row.
    """
    n_chunks = grid.nearest(check_length(board.length_s, grid.chunk_s))
    if not 0 <= board.seed <= MAX_SEED:
        raise ScenarioError(f"The seed is {board.seed}; it must be 0 to {MAX_SEED}.")
    if not board.rows:
        raise ScenarioError("The table is empty; its first row says what the film begins with.")
    if len(board.rows) > MAX_ROWS:
        raise ScenarioError(f"The table has {len(board.rows)} rows; at most {MAX_ROWS} are accepted.")
    asked: list[Words] = []
    events: list[Event] = []
    before: Row | None = None
    for group in _groups(board.rows):
        row, words = group[0], _words(group)
        _check_order(row, before, board.length_s)
        if before is None or (row.how == "start" and not events):
            _check_start(row)
            asked.append(words)
        else:
            events.append(_event(row, words, events, grid, n_chunks))
        before = row
    start, n_steps = Start(board.seed, tuple(asked)), grid.steps(board.n_steps, "The film")
    return Scenario(start, tuple(events), n_chunks, grid.made_with, n_steps=n_steps)


def from_scenario(scenario: Scenario, chunk_s: float) -> Storyboard:
    """The table of a scenario.

    Raises:
        ScenarioError: it has more rows than a table may have.
    """
    rows: list[Row] = []

    def add(words: Words, start_s: float, how: How, transition_s: float | None) -> None:
        for k, part in enumerate(words):
            number, weight = len(rows) + 1, part.weight
            rows.append(Row(number, None if k else start_s, part.prompt, how, None if k else transition_s, weight))

    for words in scenario.start.asked:
        add(words, 0.0, "start", None)
    for event in scenario.events:
        transition_s = None if event.verb == "cut" else event.n_chunks * chunk_s
        add(event.words, event.chunk_index * chunk_s, _HOW_OF[event.verb], transition_s)
    if len(rows) > MAX_ROWS:
        raise ScenarioError(f"The scenario makes {len(rows)} rows; a table has at most {MAX_ROWS}.")
    return Storyboard(tuple(rows), scenario.start.seed, scenario.n_chunks * chunk_s, scenario.n_steps)


def check_length(length_s: float, chunk_s: float) -> float:
    """The length of a film.

    Raises:
        ScenarioError: no film has that length.
    """
    if not chunk_s <= length_s <= MAX_FILM_S:
        raise ScenarioError(f"The film is {length_s:g} s long; it must be {chunk_s:g} to {MAX_FILM_S:g} s.")
    return length_s


def stretch_of(verb: Verb, transition_s: float | None, grid: Grid, who: str, how: str) -> int:
    """Chunks that a steer blends over, or that a reanchor tells anew; None for the usual.

    Raises:
        ScenarioError: so long it cannot be; the message names `who`, and what they called it.
    """
    usual, most = (DEFAULT_TRANSITION_CHUNKS, MAX_TRANSITION) if verb == "steer" else (DEFAULT_STRETCH, MAX_STRETCH)
    if transition_s is None:
        return usual
    length = grid.nearest(transition_s)
    if not 1 <= length <= most:
        raise ScenarioError(
            f"{who} has a transition of {transition_s:g} s; it must be {grid.chunk_s:g} to {most * grid.chunk_s:g} s "
            f"of a {how} one."
        )
    return length


def _groups(rows: Sequence[Row]) -> list[list[Row]]:
    """Rows that are said at once: one with a time, and those below it without."""
    groups: list[list[Row]] = []
    for row in rows:
        if row.start_s is not None:
            groups.append([row])
        elif groups:
            groups[-1].append(row)
        else:
            raise ScenarioError(f"Row {row.number} has no start time, and there is no row above it to blend with.")
    return groups


def _words(group: Sequence[Row]) -> Words:
    for row in group:
        try:
            blend_of([(row.prompt, row.weight)])
        except PromptError as error:
            raise ScenarioError(f"Row {row.number}: {error}") from error
    try:
        words = blend_of([(row.prompt, row.weight) for row in group])
    except PromptError as error:
        raise ScenarioError(f"Rows {group[0].number} to {group[-1].number}: {error}") from error
    return words if len(words) > 1 else blend_of([(words[0].prompt, 1.0)])


def _check_order(row: Row, before: Row | None, length_s: float) -> None:
    assert row.start_s is not None  # the first of a group
    if not 0 <= row.start_s <= length_s:
        raise ScenarioError(f"Row {row.number} starts at {row.start_s:g} s; the film goes from 0 to {length_s:g} s.")
    if before is not None and before.start_s is not None and row.start_s < before.start_s:
        raise ScenarioError(
            f"Row {row.number} starts at {row.start_s:g} s, but row {before.number} above it at {before.start_s:g} s; "
            "rows must be in order of time."
        )


def _check_start(row: Row) -> None:
    """The rows that say what the film begins with."""
    if row.start_s != 0:
        raise ScenarioError(f"Row {row.number} starts at {row.start_s:g} s; what a film begins with starts at 0 s.")
    if row.how == "re-anchor":
        raise ScenarioError(f"Row {row.number} is a re-anchor, but a film that begins has no past to tell anew.")


def _event(row: Row, words: Words, events: Sequence[Event], grid: Grid, n_chunks: int) -> Event:
    if row.how == "start":
        raise ScenarioError(f"Row {row.number} says how the film starts; such rows stand above all others.")
    assert row.start_s is not None
    index, chunk_s = min(n_chunks, grid.nearest(row.start_s)), grid.chunk_s
    verb = _VERBS[row.how]
    if verb == "cut":
        return Event(index, verb, words)
    length = stretch_of(verb, row.transition_s, grid, f"Row {row.number}", row.how)
    if verb == "reanchor" and index - length < scene_start(events):
        raise ScenarioError(
            f"Row {row.number} tells {length * chunk_s:g} s anew at {index * chunk_s:g} s, but its scene begins at "
            f"{scene_start(events) * chunk_s:g} s."
        )
    return Event(index, verb, words, length)
