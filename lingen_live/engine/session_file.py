"""Session files (`.lgs`): a stream at a moment, to go on with elsewhere or another day. Bytes in, bytes out.

Safetensors with one JSON text beside the tensors: never code, never a path. Everything is checked before anything of
the stream is touched. Knows streams and bytes. Does not know folders, uploads or who asks.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from lingen_live.config import BundleConfig
from lingen_live.engine.branch import Branch
from lingen_live.engine.limits import max_session_bytes
from lingen_live.engine.moment_tensors import state_tensors, way_from, way_tensors
from lingen_live.engine.scenario import (
    MAX_CHUNKS,
    Scenario,
    parse_asked,
    parse_events,
    parse_plan,
    scenario_from_json,
    tell_event,
    tell_words,
)
from lingen_live.engine.snapshot import Moment
from lingen_live.engine.stream import Stream
from lingen_live.engine.timeline import check_name
from lingen_live.engine.transition import Transition
from lingen_live.errors import LingenError, SessionFileError
from lingen_live.model.state import StreamState

FORMAT = "lingen-live session"
VERSION = 2
_OLDEST_VERSION = 1
"""Knew neither plans nor words that are replayed later."""
_MAX_HEADER_BYTES = 3 * 2**20
_KEYS = {"format", "version", "config", "name", "asked", "transition", "scenario", "later", "plan", "sha256"}
_WAY_KEYS = {"n_chunks", "n_done"}


def save_session(stream: Stream, chunk_index: int | None = None) -> bytes:
    """The current branch from its start to a moment, without those kept on the way; and what is to be said later.

    Args:
        stream: is not changed.
        chunk_index: of a kept moment, the one before that chunk; None for where the stream is.

    Raises:
        SessionFileError: it was told anew and no chunk was made since.
        ScenarioError: so much was said that the beginning is forgotten.
        TimelineError: the moment is not kept.
    """
    branch = stream.timeline.current
    if chunk_index is not None and chunk_index != branch.head.chunk_index:
        branch = branch.sought(stream.timeline.find(chunk_index))
    snapshot = branch.kept(branch.head.chunk_index)
    if snapshot is None:
        raise SessionFileError("The past was just told anew; the session can be saved after the next chunk.")
    moment, scenario = snapshot.moment, stream.scenario(branch)
    tensors = _tensors(moment.state, moment.transition)
    told = {
        "format": FORMAT,
        "version": VERSION,
        "config": config_digest(stream.bundle.config),
        "name": branch.name,
        "asked": [tell_words(one.words) for one in moment.reading.asked],
        "transition": {"n_chunks": moment.transition.n_chunks, "n_done": moment.transition.n_done},
        "scenario": scenario.to_json(),
        "later": [tell_event(event) for event in branch.events[len(scenario.events) :]],
        "plan": [[planned.id, *tell_event(planned.event)] for planned in branch.plan],
    }
    text = json.dumps({**told, "sha256": _digest(told, tensors)}, allow_nan=False)
    return save(tensors, {"lgs": text})


def load_session(stream: Stream, data: bytes) -> int:
    """Go on with a saved session, on a branch of its own; returns the branch's id.

    Raises:
        SessionFileError: the file is damaged, changed, of a newer version, or of other weights.
        TimelineError: there are too many branches; the stream goes on as it was, as after every error.
    """
    told, tensors = _open(data, stream.state.n_bytes)
    try:
        scenario = scenario_from_json(told["scenario"])
        asked = parse_asked(told["asked"], "asked")
        name = check_name(str(told["name"]))
        later = parse_events([*told["scenario"]["events"], *_listed(told["later"])], "later", MAX_CHUNKS)
        plan = parse_plan(told["plan"], scenario.n_chunks)
    except LingenError as error:
        raise SessionFileError(f"The session file holds a history that is none: {error}") from error
    _check_model(stream, told, scenario)
    _check_tensors(stream, tensors)
    way = _way(told["transition"], tensors)
    state = StreamState(*(tensors[f"state.{f.name}"].to(stream.device) for f in fields(StreamState)))
    id, name = stream.timeline.reserve(name)
    head = stream.keep(Moment(state, scenario.n_chunks, scenario.start.seed, stream.read_again(asked, way.target), way))
    grown = Branch.grown(id, name, scenario, head)
    return stream.timeline.adopt(replace(grown, events=later, plan=plan))


def config_digest(config: BundleConfig) -> str:
    """SHA-256 of a configuration, in hexadecimal digits."""
    return hashlib.sha256(json.dumps(config.to_json(), sort_keys=True).encode()).hexdigest()


def _tensors(state: StreamState, way: Transition) -> dict[str, Tensor]:
    """All of a moment, on the CPU; clones, since safetensors refuses tensors that share memory."""
    tensors = state_tensors(state) | way_tensors(way)
    return {name: tensor.cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}


def _digest(told: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over all that a file says, except this digest."""
    digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _open(data: bytes, state_bytes: int) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """What a file says, and its tensors, once it is known to be whole and unchanged."""
    limit = max_session_bytes(state_bytes)
    if len(data) > limit:
        raise SessionFileError(f"The session file has {len(data)} bytes; one of this model has at most {limit}.")
    n_header = struct.unpack("<Q", data[:8])[0] if len(data) >= 8 else 0
    if not 2 <= n_header <= min(_MAX_HEADER_BYTES, len(data) - 8):
        raise SessionFileError(f"The session file of {len(data)} bytes is cut short, or is no session file.")
    try:
        header = json.loads(data[8 : 8 + n_header])
        told = json.loads(header["__metadata__"]["lgs"])
        tensors = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SessionFileError("The session file is cut short or damaged, or is no session file.") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise SessionFileError("This safetensors file is no session file.")
    version = told.get("version")
    if type(version) is not int or not _OLDEST_VERSION <= version <= VERSION:
        raise SessionFileError(
            f"The session file is of version {version!r:.40}; this program reads {_OLDEST_VERSION} to {VERSION}."
        )
    keys = _KEYS - {"later", "plan"} if version == _OLDEST_VERSION else _KEYS
    if set(told) != keys:
        odd = sorted(set(told) ^ keys)[0]
        raise SessionFileError(f"The session file has a field {odd!r:.40} too many or too few.")
    if told.pop("sha256") != _digest(told, tensors):
        raise SessionFileError("The session file was changed or damaged: its content does not have its SHA-256.")
    return {"later": [], "plan": [], **told}, tensors


def _listed(told: object) -> list[object]:
    if not isinstance(told, list):
        raise SessionFileError(f"The session file holds words for later as {type(told).__name__}; they are a list.")
    return told


def _check_model(stream: Stream, told: Mapping[str, Any], scenario: Scenario) -> None:
    if told["config"] != config_digest(stream.bundle.config):
        raise SessionFileError(
            f"The session was saved by the model {scenario.made_with.name!r:.60} of another configuration; "
            f"this is {stream.bundle.config.name!r}."
        )
    here, there = asdict(stream.made_with), asdict(scenario.made_with)
    if here["checkpoint_digest"] != there["checkpoint_digest"]:
        raise SessionFileError(
            f"The session was saved with the weights {there['checkpoint_digest'][:12]}; "
            f"these are {here['checkpoint_digest'][:12]}."
        )
    if here["dtype"] != there["dtype"]:
        raise SessionFileError(
            f"The session was saved in {there['dtype']}, this engine computes in {here['dtype']}; "
            f"start it with --dtype {there['dtype']}."
        )


def _check_tensors(stream: Stream, tensors: Mapping[str, Tensor]) -> None:
    """Refuse tensors that this model's stream does not have."""
    like = _tensors(stream.state, stream.transition)
    if set(tensors) != set(like):
        odd = sorted(set(tensors) ^ set(like))[0]
        raise SessionFileError(f"The session file has a tensor {odd!r:.40} too many or too few.")
    for name, tensor in tensors.items():
        got, expected = (tensor.dtype, tuple(tensor.shape)), (like[name].dtype, tuple(like[name].shape))
        if got != expected:
            raise SessionFileError(f"The session file holds {name} as {got}; this model needs {expected}.")
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise SessionFileError(f"The session file holds {name} with values that are not finite.")


def _way(told: object, tensors: Mapping[str, Tensor]) -> Transition:
    if not isinstance(told, dict) or set(told) != _WAY_KEYS or any(type(n) is not int for n in told.values()):
        raise SessionFileError("The session file holds a transition that is none.")
    if not 0 <= told["n_done"] <= told["n_chunks"] or told["n_chunks"] < 1:
        raise SessionFileError(f"The session file has {told['n_done']} of {told['n_chunks']} chunks of a transition.")
    return way_from(tensors, told["n_chunks"], told["n_done"])
