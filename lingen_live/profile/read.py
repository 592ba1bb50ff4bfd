"""Profiles back from the files that the server writes: JSON lines of chunks, and traces. Strict and bounded; pure.

A file comes from anybody. Whatever is wrong is told in one sentence that names the line or the event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingen_live.errors import ProfileError
from lingen_live.profile.lives import ChunkLife
from lingen_live.profile.read_trace import read_trace
from lingen_live.profile.spans import Span
from lingen_live.profile.strict import (
    MAX_CHUNKS,
    MAX_SPANS,
    Maker,
    RecordedProfile,
    check_stages,
    index_of,
    number_of,
    parse_json,
    stage_of,
    take_told,
    weights_of,
)

MAX_FILE_BYTES = 2 * 2**20
"""Twice the longest that a server hands out at once."""
_CHUNK_KEYS = {"chunk_index", "pts", "steered_ms", "spans", "device", "memory_bytes", "photon_ms"}
_LINE_KEYS = _CHUNK_KEYS | {"weights", "chunk_ms", "state_bytes"}


def read_profile(data: bytes) -> RecordedProfile:
    """A profile (`/profile.jsonl`) or a trace (`/trace.json`); it is told by its content.

    Raises:
        ProfileError: it is neither, too large, or damaged; the message names the place.
    """
    if len(data) > MAX_FILE_BYTES:
        raise ProfileError(f"The file has {len(data)} bytes; a profile has at most {MAX_FILE_BYTES}.")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProfileError(f"The file is not UTF-8 text: byte {error.start} is not.") from error
    if not text.strip():
        raise ProfileError("The file is empty; a profile has a line for every chunk.")
    if '"traceEvents"' in text.lstrip()[:200]:
        return read_trace(parse_json(text, "The trace"))
    return _read_lines(text)


def _read_lines(text: str) -> RecordedProfile:
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if len(lines) > MAX_CHUNKS:
        raise ProfileError(f"The file has {len(lines)} lines; at most {MAX_CHUNKS} chunks are read.")
    lives, makers = [], set()
    for number, line in lines:
        where = f"Line {number}"
        told = parse_json(line, where)
        if not isinstance(told, dict) or not {"chunk_index", "spans"} <= told.keys() <= _LINE_KEYS:
            raise ProfileError(f"{where} is not a chunk of a profile: it needs chunk_index and spans.")
        lives.append(_life(told, where))
        makers.add(_maker(told, where))
    check_stages(lives)
    if len(makers) > 1:
        raise ProfileError(
            "The lines tell of different weights, lengths of a chunk or states; they are of two streams."
        )
    return RecordedProfile(tuple(lives), makers.pop())


def _life(told: Mapping[str, Any], where: str) -> ChunkLife:
    spans = told["spans"]
    if not isinstance(spans, list) or len(spans) > MAX_SPANS:
        n = len(spans) if isinstance(spans, list) else "no list of"
        raise ProfileError(f"{where} has {n} spans; a chunk has a list of at most {MAX_SPANS}.")
    life = ChunkLife(index_of(told["chunk_index"], where), 0.0, [_span(span, where) for span in spans])
    pts, steered_ms = told.get("pts"), told.get("steered_ms")
    life.pts = None if pts is None else index_of(pts, where)
    take_told(life, told, where)
    played = [span.start_s + span.duration_s for span in life.spans if span.name == "buffer"]
    if played:
        life.played_s = played[-1]
    if steered_ms is not None:
        if life.played_s is None:
            raise ProfileError(f"{where} has steered_ms without a span of the buffer; it cannot have been played.")
        life.asked_s = life.played_s - number_of(steered_ms, where, lowest=0.0) / 1000
    return life


def _span(told: object, where: str) -> Span:
    if not isinstance(told, list) or len(told) != 3:
        raise ProfileError(f"{where} has a span that is not [stage, start, duration].")
    start_ms, duration_ms = number_of(told[1], where), number_of(told[2], where, lowest=0.0)
    return Span(stage_of(told[0], where), start_ms / 1000, duration_ms / 1000)


def _maker(told: Mapping[str, Any], where: str) -> Maker:
    chunk_ms, state_bytes = told.get("chunk_ms"), told.get("state_bytes")
    return Maker(
        weights_of(told.get("weights"), where),
        None if chunk_ms is None else number_of(chunk_ms, where, lowest=1.0) / 1000,
        None if state_bytes is None else index_of(state_bytes, where),
    )
