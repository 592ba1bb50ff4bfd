"""The tab that makes films of tables: the table, what is done with it, and the films. Knows Gradio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from lingen_live.engine.scenario import MAX_SCENARIO_BYTES, Scenario
from lingen_live.errors import LingenError
from lingen_live.studio.board import read_board, scenario_text, shoot, table_text, to_board
from lingen_live.studio.context import StudioContext
from lingen_live.studio.desk import Film
from lingen_live.studio.film_view import show_films, show_player, show_problem
from lingen_live.studio.picking import picked
from lingen_live.studio.storyboard import MAX_FILM_S, MAX_ROWS, Storyboard
from lingen_live.studio.table import COLUMNS, write_lines
from lingen_live.studio.transfer import pick_file, save_file

TICK_S = 1.0
# Handlers run on the event loop of the server, and are no interface for programs.
_QUIET: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
_EXAMPLE = [
    ["0", "a green meadow at dawn, clear sky", "start", "", ""],
    ["4", "a red balloon", "soft", "1", ""],
    ["8", "a sailboat on the sea at dusk", "cut", "", ""],
]
_HINT = (
    "**start s**: when it is said; empty: one more prompt of the blend above. "
    "**how**: `soft` bends, `cut` begins a new scene, `re-anchor` tells the last moments anew first, `start` is what "
    "the film begins with. **transition s**: how long it takes; **weight**: of a prompt in a blend; both may be empty."
)


_SIZE = "The size of the picture is the model's; it was learned for that one."


@dataclass(frozen=True, slots=True)
class _Parts:
    """Components that handlers write."""

    table: gr.Dataframe
    seed: gr.Number
    length: gr.Number
    steps: gr.Textbox
    problem: gr.HTML
    films: gr.HTML
    player: gr.HTML
    timer: gr.Timer
    followed: gr.State


def build_storyboard(context: StudioContext, page: gr.Blocks) -> None:
    """Build the tab inside the one that is open."""
    with gr.Row():
        with gr.Column(scale=3):
            table = gr.Dataframe(
                _EXAMPLE,
                headers=list(COLUMNS),
                datatype="str",
                type="array",
                interactive=True,
                wrap=True,
                column_count=len(COLUMNS),
                column_widths=["12%", "46%", "14%", "16%", "12%"],
                label="Storyboard",
                elem_id="ll-table",
            )
            gr.Markdown(f"{_HINT} {_SIZE}")
            with gr.Row():
                seed = gr.Number(0, label="Seed", precision=0)
                length = gr.Number(12, label=f"Length in seconds, at most {MAX_FILM_S:g}")
                steps = gr.Textbox("", label="Steps of each chunk", placeholder="the model's own")
            with gr.Row():
                add = gr.Button("Add a row")
                pick = pick_file("Load...", ".json,.csv", MAX_SCENARIO_BYTES)
                save_table, save_scenario = gr.Button("Save table"), gr.Button("Save scenario")
            with gr.Row():
                render = gr.Button("Render", variant="primary")
                cancel = gr.Button("Cancel", variant="stop")
            problem = gr.HTML(show_problem(""))
        with gr.Column(scale=2):
            player = gr.HTML("")
            films = gr.HTML(show_films((), ()))
    parts = _Parts(table, seed, length, steps, problem, films, player, gr.Timer(TICK_S, active=False), gr.State(""))
    add.click(_add_row, table, table, **_QUIET)
    _wire_board(context, parts, pick, save_table, save_scenario)
    _wire_films(context, parts, page, render, cancel)


async def _add_row(cells: object) -> Any:
    if not isinstance(cells, list) or len(cells) >= MAX_ROWS:
        return gr.skip()
    return [*cells, [""] * len(COLUMNS)]


def _wire_board(
    context: StudioContext, parts: _Parts, pick: gr.HTML, save_table: gr.Button, save_scenario: gr.Button
) -> None:
    """Files in and out."""
    board, inputs = _Board(context), [parts.table, parts.seed, parts.length, parts.steps]
    text = gr.Textbox(visible="hidden")
    pick.upload(board.load, None, [*inputs, parts.problem], **_QUIET)
    for button, tell, name in (
        (save_table, board.tell_table, "storyboard.csv"),
        (save_scenario, board.tell_scenario, "storyboard.scenario.json"),
    ):
        saved = button.click(tell, inputs, [text, parts.problem], **_QUIET)
        saved.then(None, text, None, js=save_file(name), api_visibility="private")


def _wire_films(context: StudioContext, parts: _Parts, page: gr.Blocks, render: gr.Button, cancel: gr.Button) -> None:
    """Films that are made, and how far they are."""
    films, inputs = _Films(context), [parts.table, parts.seed, parts.length, parts.steps]
    followed, timer = parts.followed, parts.timer
    render.click(films.begin, inputs, [followed, timer, parts.films, parts.problem], **_QUIET)
    cancel.click(films.cancel, followed, [parts.films, parts.problem], **_QUIET)
    timer.tick(films.look, followed, [followed, timer, parts.films, parts.player], **_QUIET)
    page.load(films.find, None, [followed, timer, parts.films], **_QUIET)


@dataclass(frozen=True, slots=True)
class _Board:
    """What is done with the table. Every argument comes from a client."""

    context: StudioContext

    async def load(self, event: gr.EventData) -> Any:
        """Show what a file holds: rows, seed, length; a table has rows alone."""
        try:
            board = read_board(*picked(event._data, MAX_SCENARIO_BYTES), self.context.info)
        except LingenError as error:
            return gr.skip(), gr.skip(), gr.skip(), gr.skip(), show_problem(error.message)
        if isinstance(board, Storyboard):
            return write_lines(board.rows), board.seed, board.length_s, f"{board.n_steps or ''}", ""
        return write_lines(board), gr.skip(), gr.skip(), gr.skip(), ""

    async def tell_table(self, cells: object, seed: object, length_s: object, steps: object) -> tuple[str, str]:
        """The table as a file, or what is wrong with it."""
        try:
            return table_text(to_board(cells, seed, length_s, steps)), ""
        except LingenError as error:
            return "", show_problem(error.message)

    async def tell_scenario(self, cells: object, seed: object, length_s: object, steps: object) -> tuple[str, str]:
        """The scenario as a file, or what is wrong with it."""
        try:
            return scenario_text(to_board(cells, seed, length_s, steps), self.context.info), ""
        except LingenError as error:
            return "", show_problem(error.message)


@dataclass(frozen=True, slots=True)
class _Films:
    """What is done with films."""

    context: StudioContext

    async def begin(self, cells: object, seed: object, length_s: object, steps: object) -> Any:
        """Ask for a film, and follow it."""
        try:
            film = self.context.desk.submit(*shoot(to_board(cells, seed, length_s, steps), self.context.info))
        except LingenError as error:
            return gr.skip(), gr.skip(), gr.skip(), show_problem(error.message)
        return film.id, gr.Timer(active=True), self._list(), ""

    async def look(self, followed: str) -> Any:
        """How far all films are; the one that is followed is shown when it is there."""
        film = self.context.desk.find(followed)
        is_over = film is not None and film.is_over
        return (
            "" if is_over else gr.skip(),
            gr.skip() if self._at_work else gr.Timer(active=False),
            self._list(),
            show_player(film) if film is not None and film.status == "done" else gr.skip(),
        )

    async def cancel(self, followed: str) -> Any:
        """Cancel the film that is followed, or else the one that is made."""
        film = next((one for one in self._at_work if one.id == followed), next(iter(self._at_work), None))
        if film is None:
            return gr.skip(), show_problem("No film is being made.")
        self.context.desk.cancel(film)
        return self._list(), ""

    async def find(self) -> Any:
        """What a page that was just opened follows: the newest that is not over."""
        newest = self._at_work[-1].id if self._at_work else ""
        return newest, gr.Timer(active=bool(self._at_work)), self._list()

    @property
    def _at_work(self) -> list[Film]:
        return [film for film in self._all if not film.is_over]

    @property
    def _all(self) -> list[Film]:
        return [film for film in self.context.desk.films if isinstance(film.work, Scenario)]

    def _list(self) -> str:
        return show_films(self._all, [self.context.desk.place(film) for film in self._all])
