"""Messages of clients, JSON text to typed controls; see `protocol.py` for what they mean.

Others than the known fields are refused, so that a misspelt one is noticed. Pure: knows no socket and no session.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

from lingen_live.engine.events import MAX_STRETCH
from lingen_live.engine.options import MAX_SEED
from lingen_live.engine.scenario import parse_words, scenario_from_json
from lingen_live.errors import PromptError, ScenarioError
from lingen_live.prompt import validate_prompt
from lingen_live.serve import protocol
from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.film_messages import KeepControl, RecordControl
from lingen_live.serve.protocol import MAX_KEEP_S, MAX_MESSAGE_BYTES, MAX_STEER_CHUNKS, VERSION

MAX_NAME = 100
MAX_ID = 2**53 - 1  # the largest integer that JavaScript can tell from its neighbours

_CONTROLS: Mapping[str, type[protocol.Control]] = {
    "steer": protocol.SteerControl,
    "blend": protocol.BlendControl,
    "reanchor": protocol.ReanchorControl,
    "cut": protocol.CutControl,
    "pause": protocol.PauseControl,
    "resume": protocol.ResumeControl,
    "seed": protocol.SeedControl,
    "reset": protocol.ResetControl,
    "seek": protocol.SeekControl,
    "fork": protocol.ForkControl,
    "switch": protocol.SwitchControl,
    "delete": protocol.DeleteControl,
    "schedule": protocol.ScheduleControl,
    "reschedule": protocol.RescheduleControl,
    "unschedule": protocol.UnscheduleControl,
    "scenario": protocol.ScenarioControl,
    "load": protocol.LoadControl,
    "record": RecordControl,
    "keep": KeepControl,
}


def controls() -> dict[str, type[protocol.Control]]:
    """Every control by its `type`."""
    return dict(_CONTROLS)


def parse_hello(text: str) -> protocol.Hello:
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
    session = fields.get("session")
    if session is not None and not (isinstance(session, str) and len(session) <= MAX_NAME):
        raise ProtocolError(
            "bad_session", f"The session is {_shown(session)}; it must be a text of at most {MAX_NAME} characters."
        )
    return protocol.Hello(version, session)


def parse_control(text: str) -> protocol.Control:
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
    for field in dataclasses.fields(cls)[1:]:
        if field.name in fields or field.default is dataclasses.MISSING:
            values[field.name] = _read(fields, field.name, cls, message_id)
    if cls is protocol.ScheduleControl and ("prompt" in values) == ("parts" in values):
        got = "both" if "prompt" in values else "neither"
        raise ProtocolError("bad_field", f"The schedule has {got} of prompt and parts; it takes one.", message_id)
    return cls(**values)


def _read(fields: Mapping[str, Any], name: str, cls: type[protocol.Control], message_id: int) -> Any:
    """One field of a control, checked."""
    value = fields.get(name)
    match name:
        case "chunks":
            longest = MAX_STRETCH if cls is protocol.ReanchorControl else MAX_STEER_CHUNKS
            return _integer(fields, name, 1, longest, message_id)
        case "seed" | "chunk_index" | "branch_id" | "plan_id":
            return _integer(fields, name, 0, MAX_SEED, message_id)
        case "seconds":
            return _integer(fields, name, 1, MAX_KEEP_S, message_id)
        case "action" if value in ("start", "stop"):
            return value
        case "action":
            raise ProtocolError("bad_field", f"The action is {_shown(value)}; it must be start or stop.", message_id)
        case "verb" if value in ("steer", "cut"):
            return value
        case "verb":
            raise ProtocolError("bad_field", f"The verb is {_shown(value)}; it must be steer or cut.", message_id)
        case "name" | "upload" if not isinstance(value, str) or len(value) > MAX_NAME:
            message = f"The {name} is {_shown(value)}; it must be a text of at most {MAX_NAME} characters."
            raise ProtocolError("bad_field", message, message_id)
        case "name" | "upload":
            return value
        case _:
            return _words(value, name, message_id)


def _words(value: object, name: str, message_id: int) -> Any:
    """A prompt, a blend of prompts, or a scenario."""
    try:
        if name == "prompt":
            return validate_prompt(value)
        if name == "scenario":
            return scenario_from_json(value)
        return tuple((part.prompt, part.weight) for part in parse_words(value, name))
    except (PromptError, ScenarioError) as error:
        raise ProtocolError(error.code, error.message, message_id) from error


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
