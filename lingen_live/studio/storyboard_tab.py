"""The tab that makes films of tables: the table, what is done with it, and the films. Knows Gradio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from lingen_live.engine.scenario import MAX_SCENARIO_BYTES
from lingen_live.errors import LingenError
from lingen_live.studio.board import read_board, scenario_text, shoot, table_text, to_board
from lingen_live.studio.context import StudioContext
from lingen_live.studio.film_view import show_films, show_player, show_problem
from lingen_live.studio.storyboard import MAX_FILM_S, MAX_ROWS, Storyboard
from lingen_live.studio.table import COLUMNS, write_lines
from lingen_live.studio.transfer import pick_file, picked, save_file

TICK_S = 0.5
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


@dataclass(frozen=True, slots=True)
class _Parts:
    """Components that handlers write."""

    table: gr.Dataframe
    seed: gr.Number
    length: gr.Number
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
            gr.Markdown(_HINT)
            with gr.Row():
                seed = gr.Number(0, label="Seed", precision=0)
                length = gr.Number(12, label=f"Length in seconds, at most {MAX_FILM_S:g}")
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
    parts = _Parts(table, seed, length, problem, films, player, gr.Timer(TICK_S, active=False), gr.State(""))
    add.click(_add_row, table, table, show_progress="hidden", api_visibility="private")
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
    text = gr.Textbox(visible="hidden")
    inputs = [parts.table, parts.seed, parts.length]

    async def load(event: gr.EventData) -> Any:
        try:
            board = read_board(*picked(event, MAX_SCENARIO_BYTES), context.info)
        except LingenError as error:
            return gr.skip(), gr.skip(), gr.skip(), show_problem(error.message)
        seed = gr.skip() if isinstance(board, tuple) else board.seed
        length = gr.skip() if isinstance(board, tuple) else board.length_s
        rows = board.rows if isinstance(board, Storyboard) else board
        return write_lines(rows), seed, length, ""

    async def tell_table(cells: object, seed: object, length: object) -> tuple[str, str]:
        try:
            return table_text(to_board(cells, seed, length)), ""
        except LingenError as error:
            return "", show_problem(error.message)

    async def tell_scenario(cells: object, seed: object, length: object) -> tuple[str, str]:
        try:
            return scenario_text(to_board(cells, seed, length), context.info), ""
        except LingenError as error:
            return "", show_problem(error.message)

    pick.upload(load, None, [*inputs, parts.problem], show_progress="hidden", api_visibility="private")
    for button, tell, name in (
        (save_table, tell_table, "storyboard.csv"),
        (save_scenario, tell_scenario, "storyboard.scenario.json"),
    ):
        saved = button.click(tell, inputs, [text, parts.problem], show_progress="hidden", api_visibility="private")
        saved.then(None, text, None, js=save_file(name), api_visibility="private")


def _wire_films(context: StudioContext, parts: _Parts, page: gr.Blocks, render: gr.Button, cancel: gr.Button) -> None:
    """Films that are made, and how far they are."""
    desk = context.desk
    inputs = [parts.table, parts.seed, parts.length]

    def list_films() -> str:
        return show_films(desk.films, [desk.place(film) for film in desk.films])

    async def begin(cells: object, seed: object, length: object) -> Any:
        try:
            film = desk.submit(*shoot(to_board(cells, seed, length), context.info))
        except LingenError as error:
            return gr.skip(), gr.skip(), gr.skip(), show_problem(error.message)
        return film.id, gr.Timer(active=True), list_films(), ""

    async def tick(followed: str) -> Any:
        film = desk.find(followed) if isinstance(followed, str) else None
        is_at_work = any(not one.is_over for one in desk.films)
        is_there = film is not None and film.is_over
        return (
            "" if is_there else gr.skip(),
            gr.skip() if is_at_work else gr.Timer(active=False),
            list_films(),
            show_player(film) if is_there and film is not None and film.status == "done" else gr.skip(),
        )

    async def stop(followed: str) -> Any:
        at_work = [one for one in desk.films if not one.is_over]
        film = next((one for one in at_work if one.id == followed), at_work[0] if at_work else None)
        if film is None:
            return gr.skip(), show_problem("No film is being made.")
        desk.cancel(film)
        return list_films(), ""

    async def look() -> Any:
        at_work = [one for one in desk.films if not one.is_over]
        return at_work[-1].id if at_work else "", gr.Timer(active=bool(at_work)), list_films()

    quiet = {"show_progress": "hidden", "api_visibility": "private"}
    followed, timer = parts.followed, parts.timer
    render.click(begin, inputs, [followed, timer, parts.films, parts.problem], **quiet)
    cancel.click(stop, followed, [parts.films, parts.problem], **quiet)
    timer.tick(tick, followed, [followed, timer, parts.films, parts.player], **quiet)
    page.load(look, None, [followed, timer, parts.films], **quiet)
