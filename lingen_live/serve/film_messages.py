"""The part of the control protocol that is about films; see `protocol.py`, whose unions these belong to. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal


@dataclass(frozen=True, slots=True)
class RecordControl:
    """Begin or end a recording of what viewers see; `recording` tells how it goes."""

    id: int
    action: Literal["start", "stop"]


@dataclass(frozen=True, slots=True)
class KeepControl:
    """Make a recording of the last `seconds` that were watched, 30 if it does not say."""

    id: int
    seconds: int | None = None


FilmControl = RecordControl | KeepControl


@dataclass(frozen=True, slots=True)
class RecordingEvent:
    """How a recording goes: sent when it begins, about once a second, and when it ended.

    Attributes:
        name: the film is at `recordings/` + this + ".mp4", and what was said in it at the same with ".json".
        status: "recording", "done" or "failed"; also a failed one plays as far as it goes.
        duration_ms: of what is on disk.
        n_bytes: of what is on disk.
        has_script: whether there is a ".json".
        message: why it ended or failed, if not by `record`.
    """

    type: ClassVar[str] = "recording"
    name: str
    status: Literal["recording", "done", "failed"]
    duration_ms: int
    n_bytes: int
    has_script: bool
    message: str | None = None
