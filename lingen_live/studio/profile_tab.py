"""The tab that shows where the time of chunks goes: of a session that runs, or of a file; two beside each other."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import gradio as gr

from lingen_live.errors import LingenError, ProfileError
from lingen_live.profile.read import MAX_FILE_BYTES
from lingen_live.profile.summary import life_to_json
from lingen_live.serve.measured import made_by
from lingen_live.serve.room import Room
from lingen_live.studio.context import StudioContext
from lingen_live.studio.draw import Question, draw_elsewhere
from lingen_live.studio.film_view import show_problem
from lingen_live.studio.picking import picked
from lingen_live.studio.sessions import find_session, session_choices
from lingen_live.studio.transfer import pick_file

_FILE, _NOTHING = "a file", "nothing"
_HELP = (
    "Pick what to look at: a session that runs on this server, or a file that was kept of one (`/profile.jsonl` or "
    "`/trace.json`). A second one is laid over the first."
)


def build_profile(context: StudioContext, tab: gr.Tab) -> None:
    """Build the tab inside `tab`, which is open."""
    gr.Markdown(_HELP)
    sources, files = [], []
    with gr.Row():
        # Without a choice, the first session is meant as soon as there is one; a second run is not.
        for label, choices, value in (("A", [_FILE], None), ("B, over it", [_NOTHING, _FILE], _NOTHING)):
            with gr.Column():
                sources.append(gr.Dropdown(choices, value=value, label=label, interactive=True))
                files.append(_file_for(sources[-1]))
    show = gr.Button("Show", variant="primary")
    answer = gr.HTML(elem_id="profile")

    async def list_sessions(*chosen: str | None) -> list[Any]:
        sessions = session_choices(context.rooms)
        lists = [[*sessions, (_FILE, _FILE)], [(_NOTHING, _NOTHING), *sessions, (_FILE, _FILE)]]
        return [_with_choices(choices, value) for choices, value in zip(lists, chosen, strict=True)]

    async def draw(first: str | None, second: str, *kept: str) -> str:
        chosen = [(first, kept[0]), *([(second, kept[1])] if second != _NOTHING else [])]
        try:
            return await draw_elsewhere([await _question(context, *one) for one in chosen])
        except LingenError as error:
            return show_problem(error.message)

    tab.select(list_sessions, sources, sources, api_visibility="private", show_progress="hidden")
    show.click(draw, [*sources, *files], answer, api_visibility="private")


def _file_for(source: gr.Dropdown) -> gr.Textbox:
    """A button that picks a file, which is then what `source` means; its text waits in the browser."""
    pick = pick_file("Pick a file...", ".jsonl,.json", MAX_FILE_BYTES)
    told, kept = gr.Markdown(), gr.Textbox(visible="hidden")

    async def keep(event: gr.EventData) -> tuple[Any, Any, str]:
        try:
            name, data = picked(event._data, MAX_FILE_BYTES)
        except LingenError as error:
            return gr.skip(), gr.skip(), error.message
        n_bytes = len(data)
        name = name[:80].replace("`", "")
        return json.dumps([name, data.decode()]), _FILE, f"`{name}`, {n_bytes:,} bytes"

    pick.upload(keep, None, [kept, source, told], api_visibility="private", show_progress="hidden")
    return kept


def _with_choices(choices: list[tuple[str, str]], value: str | None) -> Any:
    """The list as it is now; what was chosen stays, if it is still there."""
    names = [name for _, name in choices]
    return gr.update(choices=choices, value=value if value in names else names[0])


async def _question(context: StudioContext, source: str | None, kept: str) -> Question:
    """What is to be drawn.

    Raises:
        ProfileError: there is nothing.
    """
    if source == _FILE:
        return _question_of_file(kept)
    if source is None:
        raise ProfileError("Nothing is chosen to look at.")
    room = find_session(context.rooms, source)
    if room is None:
        raise ProfileError("That session has ended.")
    return await _question_of(room)


def _question_of_file(kept: str) -> Question:
    if not kept:
        raise ProfileError("No file is picked yet.")
    try:
        name, text = json.loads(kept)
    except (ValueError, TypeError, RecursionError) as error:
        raise ProfileError("This is no file that was picked on this page.") from error
    return {"source": str(name), "text": str(text), "facts": {}}


async def _question_of(room: Room) -> Question:
    lives, info = room.session.book.lives(), room.session.info
    if not lives or info is None:
        raise ProfileError("That session has made no chunk yet.")
    # Some ten milliseconds, and not on the event loop.
    made = made_by(info)
    lines = await asyncio.to_thread(lambda: [json.dumps(life_to_json(life) | made) for life in lives])
    facts = {"n_late_frames": room.session.n_late_frames}
    return {"source": "a session of this server", "text": "\n".join(lines), "facts": facts}
