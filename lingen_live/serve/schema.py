"""The control protocol as JSON Schema (2020-12), made from its dataclasses and from the limits that are enforced.

What a field holds is read from its type; what the type does not say (limits of numbers, shapes of objects) is said
here, by name, and tests hold it against the parser and against what a server really sends. Pure.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union, get_args, get_origin

from lingen_live.engine.events import MAX_PARTS, MAX_STRETCH
from lingen_live.engine.options import MAX_SEED
from lingen_live.prompt import MAX_PROMPT_CHARS
from lingen_live.serve import protocol
from lingen_live.serve.parse import MAX_ID, MAX_NAME, controls

Schema = dict[str, Any]

_NUMBER: Schema = {"type": "number"}
_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "array", "items": _TEXT}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}


def _index(highest: int = MAX_SEED, lowest: int = 0) -> Schema:
    return {"type": "integer", "minimum": lowest, "maximum": highest}


def _object(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties)}


_PART: Schema = {"type": "array", "prefixItems": [_TEXT, _NUMBER], "minItems": 2, "maxItems": 2}
_MAYBE_INDEX: Schema = {"anyOf": [_COUNT, {"type": "null"}]}
_BRANCH = _object(id=_COUNT, name=_TEXT, parent_id=_MAYBE_INDEX, forked_at=_COUNT, tip_index=_COUNT)
_PLAN = _object(id=_COUNT, chunk_index=_COUNT, verb={"enum": ["steer", "cut"]}, prompt=_TEXT, n_chunks=_COUNT)

# What clients may say, by field.
ASKED: Mapping[str, Schema] = {
    "id": _index(MAX_ID),
    "version": {"const": protocol.VERSION},
    "prompt": {"type": "string", "minLength": 1, "maxLength": MAX_PROMPT_CHARS},
    "parts": {"type": "array", "items": _PART, "minItems": 1, "maxItems": MAX_PARTS},
    "chunks": _index(protocol.MAX_STEER_CHUNKS, 1),
    "seed": _index(),
    "chunk_index": _index(),
    "branch_id": _index(),
    "plan_id": _index(),
    "name": {"type": "string", "maxLength": MAX_NAME},
    "upload": {"type": "string", "maxLength": MAX_NAME},
    "scenario": {"type": "object"},
    "seconds": _index(protocol.MAX_KEEP_S, 1),
}

# What the server says, by field, where the type alone says too little.
TOLD: Mapping[str, Schema] = {
    "progress": _object(stage=_TEXT, fraction=_SHARE),
    "profile": _object(total_ms=_NUMBER, spans_ms={"type": "object", "additionalProperties": _NUMBER}),
    "understanding": _object(scene=_TEXTS, heard=_TEXTS, similarity=_NUMBER),
    "model": {"type": "object"},
    "transition_chunks": _index(protocol.MAX_STEER_CHUNKS, 1),
    "blend": _SHARE,
    "branches": {"type": "array", "items": _BRANCH},
    "moments": {
        "type": "array",
        "items": {"type": "array", "prefixItems": [_COUNT, _COUNT], "minItems": 2, "maxItems": 2},
    },
    "plan": {"type": "array", "items": _PLAN},
}


def protocol_schema() -> Schema:
    """Every message under `$defs`, and `client` and `server`, one of which each message is."""
    asked = {cls.__name__: _message(cls, kind, ASKED, is_strict=True) for kind, cls in client_messages().items()}
    told = {cls.__name__: _message(cls, cls.type, TOLD, is_strict=False) for cls in get_args(protocol.Event)}
    asked["ReanchorControl"]["properties"]["chunks"] = _index(MAX_STRETCH, 1)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The control protocol of lingen live, version {protocol.VERSION}",
        "$defs": {
            **asked,
            **told,
            "client": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in asked]},
            "server": {"oneOf": [{"$ref": f"#/$defs/{name}"} for name in told]},
        },
    }


def client_messages() -> dict[str, type]:
    """What a client may say, by its `type`."""
    return {"hello": protocol.Hello, **controls()}


def _message(cls: type, kind: str, known: Mapping[str, Schema], *, is_strict: bool) -> Schema:
    """One message; of what a server says, a client ignores fields that it does not know."""
    hints = typing.get_type_hints(cls)
    properties: Schema = {"type": {"const": kind}}
    required = ["type"]
    for field in dataclasses.fields(cls):
        properties[field.name] = known.get(field.name) or _of_type(hints[field.name])
        # The server leaves out what is None; a client may leave out what has a default.
        is_optional = field.default is not dataclasses.MISSING if is_strict else _takes_none(hints[field.name])
        if not is_optional:
            required.append(field.name)
    schema: Schema = {"type": "object", "properties": properties, "required": required}
    if is_strict:
        schema["additionalProperties"] = False
    return {"description": inspect.getdoc(cls), **schema}


def _takes_none(hint: Any) -> bool:
    return type(None) in get_args(hint)


def _of_type(hint: Any) -> Schema:
    """The schema of a type, without None.

    Raises:
        TypeError: it is one that this does not know; give its field a schema by name.
    """
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        (inner,) = (arg for arg in args if arg is not type(None))
        return _of_type(inner)
    if origin is Literal:
        return {"enum": list(args)}
    if origin in (Sequence, list, tuple):
        return {"type": "array", "items": _of_type(args[0])}
    simple = {int: {"type": "integer"}, float: _NUMBER, str: _TEXT, bool: {"type": "boolean"}}
    if hint in simple:
        return simple[hint]
    raise TypeError(f"{hint} has no schema; say one in ASKED or TOLD of schema.py.")
