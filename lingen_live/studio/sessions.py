"""The live sessions as tabs of the studio list them: not by their ids, for whoever has one of those may steer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from lingen_live.serve.room import Room


def session_choices(rooms: Sequence[Room]) -> list[tuple[str, str]]:
    """What sessions are called, and what names them."""
    return [(f"session {number}, {room.session.status}", name_of(room)) for number, room in enumerate(rooms, 1)]


def find_session(rooms: Sequence[Room], name: object) -> Room | None:
    """The one of that name, if it is still there."""
    return next((room for room in rooms if name_of(room) == name), None)


def name_of(room: Room) -> str:
    """What names a session here."""
    return hashlib.sha256(room.id.encode()).hexdigest()[:12]
