"""Snapshot files (`.lgk`): a stream with all its branches, words and plans, for another process. Bytes in, bytes out.

Safetensors of moments as they lie in a pool, with one JSON text beside them: never code, never a path. Everything is
checked before anything is made of it. No torch. Does not know pools, folders or who asks.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from lingen_live.engine.carry import Carried
from lingen_live.engine.events import Event, Origin, Start
from lingen_live.engine.kept import KeptBranch, KeptMoment, KeptTimeline
from lingen_live.engine.options import MAX_SEED
from lingen_live.engine.scenario import (
    MAX_CHUNKS,
    parse_asked,
    parse_events,
    parse_plan,
    parse_record,
    tell_event,
    tell_words,
)
from lingen_live.errors import LingenError, SessionFileError
from lingen_live.prompt import validate_prompt

FORMAT = "lingen-live snapshot"
VERSION = 1
_HEADER = "lgk"
_MAX_NAME_CHARS = 200
_MAX_INTEGER = 2**53


@dataclass(frozen=True, slots=True, eq=False)
class KeptStream:
    """A stream as it was after one of its chunks.

    Attributes:
        prompt: the last words that can be said again, should nothing else be of use.
        seed: of its last chunk.
        carried: all else.
    """

    prompt: str
    seed: int
    carried: Carried


def write_kept(stream: KeptStream) -> bytes:
    """The stream as a snapshot file."""
    carried, kept = stream.carried, stream.carried.kept
    told = {
        "format": FORMAT,
        "version": VERSION,
        "digest": carried.digest,
        "dtype": carried.dtype,
        "prompt": stream.prompt,
        "seed": stream.seed,
        "current": kept.current_id,
        "epoch": kept.epoch,
        "next_id": kept.next_id,
        "moments": [_tell_moment(one) for one in kept.moments],
        "branches": [_tell_branch(one) for one in kept.branches],
    }
    slots = {str(index): np.ascontiguousarray(data) for index, data in carried.slots.items()}
    return save(slots, {_HEADER: json.dumps({**told, "sha256": _digest(told, slots)}, allow_nan=False)})


def read_kept(data: bytes) -> KeptStream:
    """The reverse of `write_kept`.

    Raises:
        SessionFileError: the file is damaged, changed, or of another version.
    """
    told, slots = _open(data)
    try:
        kept = KeptTimeline(
            tuple(_moment(one) for one in told["moments"]),
            tuple(_branch(one) for one in told["branches"]),
            *(_integer(told[name]) for name in ("current", "epoch", "next_id")),
        )
        carried = Carried(kept, {int(name): one for name, one in slots.items()}, told["digest"], told["dtype"])
        stream = KeptStream(validate_prompt(told["prompt"]), _integer(told["seed"], MAX_SEED), carried)
        _check_whole(kept, set(carried.slots))
    except (LingenError, KeyError, TypeError, ValueError) as error:
        raise SessionFileError(f"The snapshot file holds a stream that is none: {error}") from error
    return stream


def _tell_moment(one: KeptMoment) -> list[Any]:
    asked = [tell_words(words) for words in one.asked]
    return [one.id, one.slot, one.chunk_index, one.seed, asked, one.n_chunks, one.n_done]


def _moment(told: Any) -> KeptMoment:
    id, slot, chunk_index, seed, asked, n_chunks, n_done = told
    numbers = (_integer(id), _integer(slot), _integer(chunk_index, MAX_CHUNKS), _integer(seed, MAX_SEED))
    return KeptMoment(*numbers, parse_asked(asked, "asked"), _integer(n_chunks), _integer(n_done, n_chunks))


def _tell_branch(one: KeptBranch) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "parent_id": one.parent_id,
        "forked_at": one.forked_at,
        "seed": one.start.seed,
        "start": [tell_words(words) for words in one.start.asked],
        "events": [tell_event(event) for event in one.events],
        "origins": [[event.origin, event.plan_id] for event in one.events],
        "head_index": one.head_index,
        "moments": list(one.moments),
        "digests": one.record.digests.hex(),
        "paths": [list(change) for change in one.record.paths],
        "plan": [[planned.id, *tell_event(planned.event)] for planned in one.plan],
        "is_whole": one.is_whole,
    }


def _branch(told: Mapping[str, Any]) -> KeptBranch:
    name, parent_id = told["name"], told["parent_id"]
    if not isinstance(name, str) or len(name) > _MAX_NAME_CHARS:
        raise ValueError(f"a branch is called {name!r:.60}")
    if type(told["is_whole"]) is not bool:
        raise TypeError(f"is_whole is {told['is_whole']!r:.60}")
    events = parse_events(told["events"], "events", MAX_CHUNKS)
    return KeptBranch(
        _integer(told["id"]),
        name,
        None if parent_id is None else _integer(parent_id),
        _integer(told["forked_at"], MAX_CHUNKS),
        Start(_integer(told["seed"], MAX_SEED), parse_asked(told["start"], "start")),
        tuple(_with_origin(event, origin) for event, origin in zip(events, told["origins"], strict=True)),
        _integer(told["head_index"], MAX_CHUNKS),
        tuple(_integer(id) for id in told["moments"]),
        parse_record(told, MAX_CHUNKS),
        parse_plan(told["plan"], 0),
        told["is_whole"],
    )


def _with_origin(event: Event, told: Any) -> Event:
    origin, plan_id = told
    if origin not in get_args(Origin):
        raise ValueError(f"an event is {origin!r:.60}")
    return replace(event, origin=origin, plan_id=_integer(plan_id))


def _check_whole(kept: KeptTimeline, slots: set[int]) -> None:
    """Refuse a timeline with something in it that is not there."""
    moments = {one.id for one in kept.moments}
    if missing := {one.slot for one in kept.moments} - slots:
        raise ValueError(f"the bytes of slot {min(missing)} are not there")
    if kept.current_id not in {one.id for one in kept.branches}:
        raise ValueError(f"branch {kept.current_id} is not there")
    for one in kept.branches:
        if not one.moments or not moments.issuperset(one.moments):
            raise ValueError(f"a moment of branch {one.id} is not there")


def _open(data: bytes) -> tuple[dict[str, Any], dict[str, NDArray[np.uint8]]]:
    """What a file says, and its moments, once it is known to be whole and unchanged."""
    try:
        n_header = int.from_bytes(data[:8], "little")
        told = json.loads(json.loads(data[8 : 8 + n_header])["__metadata__"][_HEADER])
        slots = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SessionFileError(f"The snapshot file of {len(data)} bytes is cut short, or is none.") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise SessionFileError("This safetensors file is no snapshot file.")
    if told.get("version") != VERSION:
        version = f"{told.get('version')!r:.40}"
        raise SessionFileError(f"The snapshot file is of version {version}; this program reads {VERSION}.")
    if odd := [name for name, one in slots.items() if one.dtype != np.uint8 or not name.isdecimal()]:
        raise SessionFileError(f"The snapshot file holds {odd[0]!r:.40}, which is no moment.")
    if told.pop("sha256", None) != _digest(told, slots):
        raise SessionFileError("The snapshot file was changed or damaged: its content does not have its SHA-256.")
    return told, slots


def _digest(told: Mapping[str, Any], slots: Mapping[str, NDArray[np.uint8]]) -> str:
    """SHA-256 over all that a file says, except this digest."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, data in sorted(slots.items()):
        digest.update(f"{name} {data.shape}".encode())
        digest.update(data.tobytes())
    return digest.hexdigest()


def _integer(told: Any, most: int = _MAX_INTEGER) -> int:
    if type(told) is not int or not 0 <= told <= most:
        raise ValueError(f"{told!r:.60} stands where an integer of 0 to {most} belongs")
    return told
