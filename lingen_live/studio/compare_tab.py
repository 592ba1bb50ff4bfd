"""The tab that plays variants of one moment in step: what they begin from, what is said in each. Knows Gradio."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lingen_live.errors import LingenError, ScenarioError
from lingen_live.studio.board import grid_of, read_seed
from lingen_live.studio.compare_view import show_comparison
from lingen_live.studio.context import StudioContext
from lingen_live.studio.desk import Film
from lingen_live.studio.film_view import show_films, show_problem
from lingen_live.studio.moments import take_moment
from lingen_live.studio.sessions import find_session, session_choices
from lingen_live.studio.variants import (
    HOWS,
    MAX_COMPARED_S,
    MAX_OPENING_S,
    MIN_VARIANTS,
    NAMES,
    Comparison,
    compare,
    read_back,
    read_length,
    read_opening,
    read_variants,
)

TICK_S = 1.0
_OPENING = "an opening"
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_EXAMPLES = ("snow over the mountains", "a city at night", "", "")
_CELLS = 4
_HELP = (
    "Two to four ways to go on from one moment, made from the same state with the same dice, and played in step. "
    "**how**: `soft` bends, `blend` mixes several prompts, one a line, perhaps with a weight behind it (`a sea * 2`), "
    "`cut` begins a new scene, `re-anchor` tells the last moments anew first. Without a prompt it goes on as it was."
)
_NO_CHOICE = (
    "All are made by the model that this server was started with, so there is no checkpoint to choose. Guidance was "
    "learned into its weights, so there is none to choose either, and the size of its picture is fixed. A live stream "
    "takes the model's own number of steps, whatever a variant was made with."
)


@dataclass(frozen=True, slots=True)
class _Parts:
    """Components that handlers read and write."""

    origin: gr.Dropdown
    opening: Sequence[gr.components.Component]
    back: gr.Number
    n_variants: gr.Radio
    length: gr.Number
    cells: Sequence[gr.components.Component]
    problem: gr.HTML
    films: gr.HTML
    player: gr.HTML
    timer: gr.Timer
    followed: gr.State

    @property
    def inputs(self) -> list[gr.components.Component]:
        """All that a person fills in, in the order of `_Comparing.begin`."""
        return [self.origin, *self.opening, self.back, self.n_variants, self.length, *self.cells]


def build_compare(context: StudioContext, page: gr.Blocks, tab: gr.Tab) -> None:
    """Build the tab inside `tab`, which is open."""
    gr.Markdown(_HELP)
    with gr.Row():
        origin = gr.Dropdown([_OPENING], value=_OPENING, label="Begin from", interactive=True)
        n_variants = gr.Radio([str(n) for n in range(MIN_VARIANTS, len(NAMES) + 1)], value="2", label="Variants")
        length = gr.Number(4, label=f"Play each for seconds, at most {MAX_COMPARED_S:g}")
    with gr.Row() as opening_row:
        prompt = gr.Textbox("a green meadow at dawn, clear sky", label="Opening", scale=2)
        seed = gr.Number(0, label="Seed", precision=0)
        opening_s = gr.Number(2, label=f"Opening plays for seconds, at most {MAX_OPENING_S:g}")
    with gr.Row(visible=False) as moment_row:
        back = gr.Number(0, label="Seconds before what plays there now")
    with gr.Row(elem_classes="ll-settings"):
        columns, cells = zip(*(_settings(k) for k in range(len(NAMES))), strict=True)
    with gr.Row():
        begin, cancel = gr.Button("Compare", variant="primary"), gr.Button("Cancel", variant="stop")
    problem, player, films = gr.HTML(""), gr.HTML("", elem_id="ll-compared"), gr.HTML("")
    gr.Markdown(_NO_CHOICE)
    flat = [component for four in cells for component in four]
    parts = _Parts(
        origin, (prompt, seed, opening_s), back, n_variants, length, flat, problem, films, player,
        gr.Timer(TICK_S, active=False), gr.State(""),
    )  # fmt: skip
    _wire_form(context, parts, tab, opening_row, moment_row, columns)
    comparing = _Comparing(context)
    followed, timer = parts.followed, parts.timer
    begin.click(comparing.begin, parts.inputs, [followed, timer, films, problem], **_QUIET)
    cancel.click(comparing.cancel, followed, [films, problem], **_QUIET)
    timer.tick(comparing.look, followed, [followed, timer, films, player], **_QUIET)
    page.load(comparing.find, None, [followed, timer, films, player], **_QUIET)


def _settings(k: int) -> tuple[gr.Column, tuple[gr.components.Component, ...]]:
    name = NAMES[k]
    with gr.Column(min_width=210, visible=k < MIN_VARIANTS) as column:
        prompt = gr.Textbox(_EXAMPLES[k], label=f"{name}: prompt", lines=2, max_lines=4)
        how = gr.Dropdown(list(HOWS), value="soft", label=f"{name}: how")
        with gr.Row():
            transition = gr.Textbox("", label=f"{name}: transition s", placeholder="usual", min_width=90)
            steps = gr.Textbox("", label=f"{name}: steps", placeholder="usual", min_width=90)
    return column, (prompt, how, transition, steps)


def _wire_form(
    context: StudioContext, parts: _Parts, tab: gr.Tab, opening: gr.Row, moment: gr.Row, columns: Sequence[gr.Column]
) -> None:
    """What is shown of the form."""

    async def list_sessions(chosen: str) -> Any:
        choices = [(_OPENING, _OPENING), *session_choices(context.rooms)]
        names = [name for _, name in choices]
        return gr.update(choices=choices, value=chosen if chosen in names else _OPENING)

    async def show_origin(chosen: str) -> tuple[Any, Any]:
        return gr.update(visible=chosen == _OPENING), gr.update(visible=chosen != _OPENING)

    async def show_columns(n: str) -> list[Any]:
        return [gr.update(visible=name <= NAMES[int(n) - 1]) for name in NAMES]

    tab.select(list_sessions, parts.origin, parts.origin, **_QUIET)
    parts.origin.change(show_origin, parts.origin, [opening, moment], **_QUIET)
    parts.n_variants.change(show_columns, parts.n_variants, list(columns), **_QUIET)


@dataclass(frozen=True, slots=True)
class _Comparing:
    """What is done with comparisons. Every argument comes from a client."""

    context: StudioContext

    async def begin(self, origin: object, *told: Any) -> Any:
        """Ask for a comparison, and follow it."""
        try:
            film = self.context.desk.submit(*await self._plan(origin, *told))
        except LingenError as error:
            return gr.skip(), gr.skip(), gr.skip(), show_problem(error.message)
        return film.id, gr.Timer(active=True), self._list(), ""

    async def _plan(
        self, origin: object, prompt: object, seed: object, opening_s: object, back_s: object, n: object,
        length_s: object, *cells: object,
    ) -> tuple[Comparison, float]:  # fmt: skip
        grid = grid_of(self.context.info)
        n_cells = _CELLS * (int(n) if isinstance(n, str) and n.isdecimal() else 0)
        told = [cells[at : at + _CELLS] for at in range(0, min(n_cells, len(cells)), _CELLS)]
        variants, n_shown = read_variants(told, grid), read_length(length_s, grid)  # type: ignore[arg-type]
        self.context.desk.check_room()
        if origin == _OPENING:
            opening = read_opening(prompt, read_seed(seed), opening_s, grid)
            return compare(opening, variants, n_shown, grid.chunk_s), grid.chunk_s
        room = find_session(self.context.rooms, origin)
        if room is None:
            raise ScenarioError("That session has ended; choose another to begin from.")
        taken = await take_moment(room, read_back(back_s, grid), variants, grid)
        return compare(taken, variants, n_shown, grid.chunk_s), grid.chunk_s

    async def look(self, followed: str) -> Any:
        """How far it is; what is followed is shown when it is there."""
        film = self.context.desk.find(followed)
        is_over = film is None or film.is_over
        return (
            "" if is_over else gr.skip(),
            gr.Timer(active=False) if is_over and not self._at_work else gr.skip(),
            self._list(),
            show_comparison(film) if film is not None and film.status == "done" else gr.skip(),
        )

    async def cancel(self, followed: str) -> Any:
        """Cancel the one that is followed, or else the one that is made."""
        film = next((one for one in self._at_work if one.id == followed), next(iter(self._at_work), None))
        if film is None:
            return gr.skip(), show_problem("Nothing is being compared.")
        self.context.desk.cancel(film)
        return self._list(), ""

    async def find(self) -> Any:
        """What a page that was just opened follows, and the newest that there is."""
        newest = self._at_work[-1].id if self._at_work else ""
        done = [film for film in self._all if film.status == "done"]
        player = show_comparison(done[-1]) if done else gr.skip()
        return newest, gr.Timer(active=bool(self._at_work)), self._list(), player

    @property
    def _all(self) -> list[Film]:
        return [film for film in self.context.desk.films if isinstance(film.work, Comparison)]

    @property
    def _at_work(self) -> list[Film]:
        return [film for film in self._all if not film.is_over]

    def _list(self) -> str:
        shown = [film for film in self._all if film.status != "done"]
        return show_films(shown, [self.context.desk.place(film) for film in shown])
