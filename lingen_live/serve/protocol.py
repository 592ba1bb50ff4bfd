"""The control protocol, version 1: its messages, and those of the server as JSON text; `parse.py` reads a client's.

One message, one object, with a `type`. Fields are those of the dataclasses below; others are refused, so that
a misspelt one is noticed. Pure: knows no socket, no session and no time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from lingen_live.config import Weights
from lingen_live.engine.scenario import Scenario
from lingen_live.serve.film_messages import FilmControl, RecordingEvent

VERSION = 1
MAX_MESSAGE_BYTES = 64 * 1024
MAX_STEER_CHUNKS = 16
MAX_KEEP_S = 30


# Client to server.


@dataclass(frozen=True, slots=True)
class Hello:
    """First message on every socket; `session` names the one to join, else there is one of their own, or a line."""

    version: int
    session: str | None = None


@dataclass(frozen=True, slots=True)
class SteerControl:
    """Bend the stream to `prompt` over `chunks` chunks; None takes the server's default."""

    id: int
    prompt: str
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class CutControl:
    """Start anew with `prompt`."""

    id: int
    prompt: str


@dataclass(frozen=True, slots=True)
class PauseControl:
    """Hold the picture; nothing is made meanwhile but the first chunk of where a seek, a switch or a cut leads."""

    id: int


@dataclass(frozen=True, slots=True)
class ResumeControl:
    """Go on after a pause."""

    id: int


@dataclass(frozen=True, slots=True)
class SeedControl:
    """Start anew from `seed`."""

    id: int
    seed: int


@dataclass(frozen=True, slots=True)
class ResetControl:
    """Start anew at chunk 0."""

    id: int


@dataclass(frozen=True, slots=True)
class BlendControl:
    """Bend the stream to several prompts at once, [prompt, weight] each."""

    id: int
    parts: tuple[tuple[str, float], ...]
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class ReanchorControl:
    """Go to `prompt` at once, the last `chunks` chunks remembered as if they had been made under it."""

    id: int
    prompt: str
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class SeekControl:
    """Go to a kept moment of this branch: the one before chunk `chunk_index`."""

    id: int
    chunk_index: int


@dataclass(frozen=True, slots=True)
class ForkControl:
    """Go on from a kept moment of this branch, by default from here, on a branch of its own."""

    id: int
    chunk_index: int | None = None
    name: str | None = None


@dataclass(frozen=True, slots=True)
class SwitchControl:
    """Go on with another branch where it was left."""

    id: int
    branch_id: int


@dataclass(frozen=True, slots=True)
class DeleteControl:
    """Forget another branch."""

    id: int
    branch_id: int


@dataclass(frozen=True, slots=True)
class ScheduleControl:
    """Steer or cut when chunk `chunk_index` comes; `timeline` lists what is planned.

    Attributes:
        chunk_index: of the first chunk under the words.
        prompt: what to say; either this or
        parts: several, [prompt, weight] each.
        verb: how they are said.
        chunks: over how many chunks a steer blends.
    """

    id: int
    chunk_index: int
    prompt: str | None = None
    parts: tuple[tuple[str, float], ...] | None = None
    verb: Literal["steer", "cut"] = "steer"
    chunks: int | None = None


@dataclass(frozen=True, slots=True)
class RescheduleControl:
    """Have a plan come true with another chunk."""

    id: int
    plan_id: int
    chunk_index: int


@dataclass(frozen=True, slots=True)
class UnscheduleControl:
    """Cancel a plan."""

    id: int
    plan_id: int


@dataclass(frozen=True, slots=True)
class ScenarioControl:
    """Play a scenario from its beginning, on a branch of its own."""

    id: int
    scenario: Scenario


@dataclass(frozen=True, slots=True)
class LoadControl:
    """Go on with an uploaded session file, on a branch of its own."""

    id: int
    upload: str


SessionControl = (
    SteerControl
    | BlendControl
    | ReanchorControl
    | CutControl
    | PauseControl
    | ResumeControl
    | SeedControl
    | ResetControl
    | SeekControl
    | ForkControl
    | SwitchControl
    | DeleteControl
    | ScheduleControl
    | RescheduleControl
    | UnscheduleControl
    | ScenarioControl
    | LoadControl
)
Control = SessionControl | FilmControl

# Server to client.


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """The control `id` was understood and waits for its chunk."""

    type: ClassVar[str] = "received"
    id: int


@dataclass(frozen=True, slots=True)
class AppliedEvent:
    """The first frame made under the control `id` plays now.

    Attributes:
        id: of the control.
        chunk_index: of the chunk made under it.
        pts: of that chunk's first frame, 90 kHz, in the session's media time.
    """

    type: ClassVar[str] = "applied"
    id: int
    chunk_index: int
    pts: int


@dataclass(frozen=True, slots=True)
class ChunkEvent:
    """A chunk begins to play.

    Attributes:
        chunk_index: of the chunk.
        pts: of its first frame, 90 kHz, in the session's media time.
        prompt: the words being steered to.
        blend: weight of `prompt` in this chunk, 0 to 1.
        profile: `total_ms` and `spans_ms`.
        buffer_ms: media time that is ready to play, this chunk included.
        fps: new frames a second, measured over the last seconds.
        understanding: what was made of the prompts: `scene` and `heard` (phrases), `similarity` (0 to 1).
        weights: of the model that made it; the frames of "random" ones are no pictures.
        device: of a cluster, that made it; None and not sent by a server of one machine.
    """

    type: ClassVar[str] = "chunk"
    chunk_index: int
    pts: int
    prompt: str
    blend: float
    profile: Mapping[str, Any]
    buffer_ms: float
    fps: float
    understanding: Mapping[str, Any]
    weights: Weights
    device: str | None


Status = Literal["warming", "running", "paused", "restarting"]


@dataclass(frozen=True, slots=True)
class StateEvent:
    """How the session is, sent after hello and whenever it changes.

    Attributes:
        version: of the protocol.
        status: what it does.
        progress: `stage` and `fraction` (0 to 1) while warming or restarting, else None and not sent.
        prompt: the words being steered to by the chunk that plays.
        seed: of the chunk that plays.
        fps: frames a second of playback; None and not sent until warm, like all facts about the engine.
        width_px: of a frame.
        height_px: of a frame.
        frames_per_chunk: frames a chunk.
        chunk_index: of the chunk that plays; -1 before the first.
        n_viewers: of the video.
        transition_chunks: over how many chunks a steer blends that does not say.
        weights: "random" if they were never trained: only the speed means anything then.
        model: everything that the engine says about itself.
        session: id of this session, for `hello`, `/whep` and the other addresses.
    """

    type: ClassVar[str] = "state"
    version: int
    status: Status
    progress: Mapping[str, Any] | None
    prompt: str
    seed: int
    fps: float | None
    width_px: int | None
    height_px: int | None
    frames_per_chunk: int | None
    chunk_index: int
    n_viewers: int
    transition_chunks: int
    weights: Weights | None
    model: Mapping[str, Any] | None
    session: str


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """The past as it may be gone back to, and what is planned; sent with every chunk that begins to play.

    Attributes:
        branch_id: of the branch that plays.
        chunk_index: of the chunk that will be made next.
        branches: `id`, `name`, `parent_id` (may be null), `forked_at` and `tip_index` (chunks made) of each.
        max_branches: how many there may be.
        moments: [chunk index, moment id] of what `seek` and `fork` accept on this branch, rising.
        plan: `id`, `chunk_index`, `verb`, `prompt` and `n_chunks` of what is scheduled.
        thumbnails: a moment's picture is at `thumbnails/` + this + "-" + its id + ".jpg", if there is one.
    """

    type: ClassVar[str] = "timeline"
    branch_id: int
    chunk_index: int
    branches: Sequence[Mapping[str, Any]]
    max_branches: int
    moments: Sequence[Sequence[int]]
    plan: Sequence[Mapping[str, Any]]
    thumbnails: str


@dataclass(frozen=True, slots=True)
class LineEvent:
    """There is no room for another session yet; sent in place of `state`, and whenever it changes, until there is.

    Attributes:
        place: in the line, from 1.
        n_waiting: how long the line is.
        n_sessions: how many sessions this server makes as fast as they play.
        wait_ms: about how long it takes until there is room; None and not sent while too few sessions have ended.
    """

    type: ClassVar[str] = "line"
    place: int
    n_waiting: int
    n_sessions: int
    wait_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MovingEvent:
    """The video of the session comes from another machine now, or soon: who watches over WebRTC connects once more.

    Attributes:
        place: for the query of that POST to /whep, `place=...`; empty for where the session is.
        is_gone: whether nothing comes from the machine before any more; else it plays until the new one does.
    """

    type: ClassVar[str] = "moving"
    place: str
    is_gone: bool


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """Something was not done, and why; `id` names the control, if there was one."""

    type: ClassVar[str] = "error"
    code: str
    message: str
    id: int | None = None


Event = (
    ReceivedEvent
    | AppliedEvent
    | ChunkEvent
    | StateEvent
    | TimelineEvent
    | LineEvent
    | MovingEvent
    | ErrorEvent
    | RecordingEvent
)


def encode(event: Event) -> str:
    """The JSON text of `event`; fields that are None are left out."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({"type": event.type, **present}, allow_nan=False)
