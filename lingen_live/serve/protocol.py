"""The control protocol, version 1: JSON text to typed messages and back.

One message, one object, with a `type`. Fields are those of the dataclasses below; others are refused, so that
a misspelt one is noticed. Pure: knows no socket, no session and no time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from lingen_live.engine.options import MAX_SEED
from lingen_live.errors import PromptError
from lingen_live.prompt import validate_prompt
from lingen_live.serve.errors import ProtocolError

VERSION = 1
MAX_MESSAGE_BYTES = 64 * 1024
MAX_STEER_CHUNKS = 16
MAX_ID = 2**53 - 1  # the largest integer that JavaScript can tell from its neighbours


# Client to server.


@dataclass(frozen=True, slots=True)
class Hello:
    """First message on every socket."""

    version: int


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
    """Hold the picture; nothing is generated meanwhile."""

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


Control = SteerControl | CutControl | PauseControl | ResumeControl | SeedControl | ResetControl

_CONTROLS: Mapping[str, type[Control]] = {
    "steer": SteerControl,
    "cut": CutControl,
    "pause": PauseControl,
    "resume": ResumeControl,
    "seed": SeedControl,
    "reset": ResetControl,
}


def parse_hello(text: str) -> Hello:
    """The first message of a client.

    Raises:
        ProtocolError: it is not a hello of this version.
    """
    fields = _parse_object(text)
    if fields.get("type") != "hello":
        raise ProtocolError("hello_first", f"The first message is {_shown(fields.get('type'))}; it must be a hello.")
    version = fields.get("version")
    if type(version) is not int or version != VERSION:
        raise ProtocolError(
            "bad_version", f"The hello is of version {_shown(version)}; version {VERSION} is spoken here."
        )
    return Hello(version)


def parse_control(text: str) -> Control:
    """A control message.

    Raises:
        ProtocolError: it is not in the protocol; carries the id if that could be read.
    """
    fields = _parse_object(text)
    kind = fields.pop("type", None)
    if kind == "hello":
        raise ProtocolError("unexpected_hello", "Hello was said already; it is the first message and only that.")
    if not isinstance(kind, str) or kind not in _CONTROLS:
        raise ProtocolError(
            "unknown_type",
            f"The message type is {_shown(kind)}; known are {', '.join(_CONTROLS)}.",
            _readable_id(fields),
        )
    message_id = _integer(fields, "id", 0, MAX_ID, None)
    cls = _CONTROLS[kind]
    known = [field.name for field in dataclasses.fields(cls)]
    if unknown := sorted(set(fields) - set(known)):
        raise ProtocolError(
            "unknown_field",
            f"The {kind} has a field {_shown(unknown[0])}; it takes {', '.join(known)}.",
            message_id,
        )
    values: dict[str, Any] = {"id": message_id}
    if "prompt" in known:
        values["prompt"] = _prompt(fields, message_id)
    if "seed" in known:
        values["seed"] = _integer(fields, "seed", 0, MAX_SEED, message_id)
    if "chunks" in fields:
        values["chunks"] = _integer(fields, "chunks", 1, MAX_STEER_CHUNKS, message_id)
    return cls(**values)


def _parse_object(text: str) -> dict[str, Any]:
    n_bytes = len(text.encode("utf-8", "surrogatepass"))
    if n_bytes > MAX_MESSAGE_BYTES:
        raise ProtocolError("too_large", f"The message has {n_bytes} bytes; at most {MAX_MESSAGE_BYTES} are accepted.")
    try:
        message = json.loads(text)
    except json.JSONDecodeError as error:
        raise ProtocolError(
            "bad_json",
            f"The message is not JSON: {error.msg} at character {error.pos}; an object is accepted.",
        ) from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, a thousand brackets
        raise ProtocolError(
            "bad_json", "The message is JSON of absurd size or depth; an object is accepted."
        ) from error
    if not isinstance(message, dict):
        raise ProtocolError("bad_message", f"The message is a JSON {_json_kind(message)}; it must be an object.")
    return message


def _prompt(fields: Mapping[str, Any], message_id: int) -> str:
    try:
        return validate_prompt(fields.get("prompt"))
    except PromptError as error:
        raise ProtocolError(error.code, error.message, message_id) from error


def _integer(fields: Mapping[str, Any], name: str, low: int, high: int, message_id: int | None) -> int:
    value = fields.get(name)
    if type(value) is not int or not low <= value <= high:
        got = _shown(value) if name in fields else "missing"
        raise ProtocolError("bad_field", f"The {name} is {got}; it must be an integer of {low} to {high}.", message_id)
    return value


def _readable_id(fields: Mapping[str, Any]) -> int | None:
    value = fields.get("id")
    return value if type(value) is int and 0 <= value <= MAX_ID else None


def _shown(value: object) -> str:
    """A value as it may be quoted in an error: JSON, at most 40 characters, and safe to encode."""
    try:
        shown = "missing" if value is None else json.dumps(value)
    except RecursionError:
        return "nested too deeply to show"
    return shown if len(shown) <= 40 else f"{shown[:40]}..."


def _json_kind(value: object) -> str:
    match value:
        case list():
            return "array"
        case str():
            return "string"
        case bool():
            return "boolean"
        case None:
            return "null"
        case _:
            return "number"


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


@dataclass(frozen=True, slots=True)
class StateEvent:
    """How the session is, sent after hello and whenever it changes.

    Attributes:
        version: of the protocol.
        status: "warming", "running", "paused" or "restarting".
        progress: `stage` and `fraction` (0 to 1) while warming or restarting, else None and not sent.
        prompt: the words being steered to by the chunk that plays.
        seed: of the chunk that plays.
        fps: frames a second of playback; None and not sent until warm, like all facts about the engine.
        width_px: of a frame.
        height_px: of a frame.
        frames_per_chunk: frames a chunk.
        chunk_index: of the chunk that plays; -1 before the first.
        n_viewers: of the video.
        model: everything that the engine says about itself.
    """

    type: ClassVar[str] = "state"
    version: int
    status: str
    progress: Mapping[str, Any] | None
    prompt: str
    seed: int
    fps: float | None
    width_px: int | None
    height_px: int | None
    frames_per_chunk: int | None
    chunk_index: int
    n_viewers: int
    model: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class ErrorEvent:
    """Something was not done, and why; `id` names the control, if there was one."""

    type: ClassVar[str] = "error"
    code: str
    message: str
    id: int | None = None


Event = ReceivedEvent | AppliedEvent | ChunkEvent | StateEvent | ErrorEvent


def encode(event: Event) -> str:
    """The JSON text of `event`; fields that are None are left out."""
    fields = {field.name: getattr(event, field.name) for field in dataclasses.fields(event)}
    present = {name: value for name, value in fields.items() if value is not None}
    return json.dumps({"type": event.type, **present}, allow_nan=False)
