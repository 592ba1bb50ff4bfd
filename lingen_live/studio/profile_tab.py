"""The tab that shows where the time of chunks goes: of a session that runs, or of a file; two beside each other."""

from __future__ import annotations

import asyncio
import hashlib
import json
from html import escape
from typing import Any

import gradio as gr

from lingen_live.errors import LingenError, ProfileError
from lingen_live.profile.read import MAX_FILE_BYTES
from lingen_live.profile.summary import life_to_json
from lingen_live.serve.room import Room
from lingen_live.studio.context import StudioContext
from lingen_live.studio.draw import Question, draw_elsewhere
from lingen_live.studio.pick import picked, text_file

_FILE, _NOTHING = "a file", "nothing"
_HELP = (
    "Pick what to look at: a session that runs on this server, or a file that was kept of one (`/profile.jsonl` or "
    "`/trace.json`). A second one is laid over the first."
)


def build_profile(context: StudioContext, tab: gr.Tab) -> None:
    """Build the tab inside `tab`, which is open."""
    gr.Markdown(_HELP)
    with gr.Row():
        sources, files = [], []
        for label, first in (("A", _FILE), ("B, over it", _NOTHING)):
            with gr.Column():
                choices = [_FILE] if label == "A" else [_NOTHING, _FILE]
                sources.append(gr.Dropdown(choices, value=first, label=label, interactive=True))
                files.append(text_file("profile.jsonl or trace.json", ".jsonl,.json", MAX_FILE_BYTES))
    show = gr.Button("Show", variant="primary")
    answer = gr.HTML(elem_id="profile")

    async def list_sessions(*chosen: str) -> list[Any]:
        sessions = session_choices(context)
        lists = [[*sessions, (_FILE, _FILE)], [(_NOTHING, _NOTHING), *sessions, (_FILE, _FILE)]]
        return [_with_choices(choices, value) for choices, value in zip(lists, chosen, strict=True)]

    async def draw(first: str, second: str, first_file: Any, second_file: Any) -> str:
        try:
            questions = [await _question(context, first, first_file)]
            if second != _NOTHING:
                questions.append(await _question(context, second, second_file))
            return await draw_elsewhere(questions)
        except LingenError as error:
            return f'<p class="study-problem" role="alert">{escape(error.message)}</p>'

    tab.select(list_sessions, sources, sources, api_visibility="private", show_progress="hidden")
    for source, file in zip(sources, files, strict=True):
        # Whoever picks a file means it.
        file.change(lambda: _FILE, None, source, api_visibility="private", show_progress="hidden")
    show.click(draw, [*sources, *files], answer, api_visibility="private")


def session_choices(context: StudioContext) -> list[tuple[str, str]]:
    """What sessions are called, and what names them: not their ids, for whoever has one of those may steer."""
    return [
        (f"session {number}, {room.session.status}", _name_of(room)) for number, room in enumerate(context.rooms, 1)
    ]


def _with_choices(choices: list[tuple[str, str]], value: str) -> Any:
    """The list as it is now; what was chosen stays, if it is still there."""
    names = [name for _, name in choices]
    return gr.update(choices=choices, value=value if value in names else names[0])


def _name_of(room: Room) -> str:
    return hashlib.sha256(room.id.encode()).hexdigest()[:12]


async def _question(context: StudioContext, source: str, file: Any) -> Question:
    """What is to be drawn.

    Raises:
        ProfileError: there is nothing.
    """
    if source == _FILE:
        try:
            found = picked(file, MAX_FILE_BYTES)
        except ValueError as error:
            raise ProfileError(str(error)) from error
        if found is None:
            raise ProfileError("No file is picked yet.")
        return {"source": found[0], "text": found[1], "facts": {}}
    room = next((room for room in context.rooms if _name_of(room) == source), None)
    if room is None:
        raise ProfileError("That session has ended.")
    return await _question_of(room)


async def _question_of(room: Room) -> Question:
    lives, info = room.session.book.lives(), room.session.info
    if not lives or info is None:
        raise ProfileError("That session has made no chunk yet.")
    # Some ten milliseconds, and not on the event loop.
    lines = await asyncio.to_thread(lambda: [json.dumps(life_to_json(life)) for life in lives])
    facts = {
        "chunk_s": info.frames_per_chunk / info.fps,
        "weights": info.weights,
        "state_bytes": info.state_bytes,
        "n_late_frames": room.session.n_late_frames,
    }
    return {"source": "a session of this server", "text": "\n".join(lines), "facts": facts}
