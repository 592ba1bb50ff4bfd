"""A trace of the server (`to_trace`) back into the lives of its chunks. Strict; pure.

Events of one chunk lie together and begin with a wait, whose id counts the chunks. What another program wrote is
refused: its events do not say which chunk they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lingen_live.errors import ProfileError
from lingen_live.profile import strict
from lingen_live.profile.lives import ChunkLife
from lingen_live.profile.spans import Span

_MAX_EVENTS = strict.MAX_CHUNKS * 64
_MAX_US = 1e15


def read_trace(told: Any) -> strict.RecordedProfile:
    """What `told`, a parsed trace, holds.

    Raises:
        ProfileError: it is not a trace of this program; the message names the event.
    """
    events = told.get("traceEvents") if isinstance(told, dict) else None
    if not isinstance(events, list) or len(events) > _MAX_EVENTS:
        n = len(events) if isinstance(events, list) else "no list of"
        raise ProfileError(f"The trace has {n} events; it needs a list of at most {_MAX_EVENTS}.")
    reader = _Reader()
    for number, event in enumerate(events, 1):
        reader.take(event, f"Event {number}")
    if not reader.lives:
        raise ProfileError("The trace has no chunks.")
    strict.check_stages(reader.lives)
    maker = _maker(told.get("otherData", {}))
    for life in reader.lives:
        _time(life)
    return strict.RecordedProfile(tuple(reader.lives), maker)


class _Reader:
    """Goes through events in their order; the chunk at hand is the last one."""

    def __init__(self) -> None:
        self.lives: list[ChunkLife] = []
        self._number: str | None = None
        self._begun: dict[str, float] = {}

    def take(self, event: Any, where: str) -> None:
        """One event more."""
        if not isinstance(event, dict) or event.get("ph") not in ("M", "X", "b", "e"):
            raise ProfileError(f"{where} is none that this program writes.")
        if event["ph"] == "M":
            return
        stage = strict.stage_of(event.get("name"), where)
        at_s = strict.number_of(event.get("ts"), where, lowest=-_MAX_US, highest=_MAX_US) / 1e6
        match event["ph"]:
            case "b":
                self._begin(event, stage, at_s, where)
            case "e":
                if stage not in self._begun:
                    raise ProfileError(f"{where} ends a wait, {stage}, that never began.")
                begun_s = self._begun.pop(stage)
                self._add(Span(stage, begun_s, max(0.0, at_s - begun_s)), where)
            case "X":
                duration_us = strict.number_of(event.get("dur"), where, lowest=0.0, highest=_MAX_US)
                self._check_chunk(event, where)
                self._add(Span(stage, at_s, duration_us / 1e6), where)

    def _begin(self, event: Mapping[str, Any], stage: str, at_s: float, where: str) -> None:
        number = str(event.get("id")).partition(" ")[0]
        if number != self._number:
            if len(self.lives) >= strict.MAX_CHUNKS:
                raise ProfileError(
                    f"{where} begins chunk {strict.MAX_CHUNKS + 1}; at most {strict.MAX_CHUNKS} are read."
                )
            self._number, self._begun = number, {}
            self.lives.append(ChunkLife(_chunk_of(event, where), at_s))
            strict.take_told(self.lives[-1], event["args"], where)
        self._check_chunk(event, where)
        self._begun[stage] = at_s

    def _check_chunk(self, event: Mapping[str, Any], where: str) -> None:
        chunk = _chunk_of(event, where)
        if not self.lives or self.lives[-1].chunk_index != chunk:
            raise ProfileError(f"{where} is of chunk {chunk}, of which no wait came before it.")

    def _add(self, span: Span, where: str) -> None:
        life = self.lives[-1]
        if len(life.spans) >= strict.MAX_SPANS:
            raise ProfileError(
                f"{where} is span {strict.MAX_SPANS + 1} of its chunk; at most {strict.MAX_SPANS} are read."
            )
        life.spans.append(span)


def _chunk_of(event: Mapping[str, Any], where: str) -> int:
    args = event.get("args")
    return strict.index_of(args.get("chunk") if isinstance(args, dict) else None, where)


def _time(life: ChunkLife) -> None:
    """Let a life count from when it was asked for, as it does in the server."""
    starts = {span.name: span.start_s for span in life.spans}
    life.origin_s = starts.get("queue", life.origin_s)
    life.asked_s = starts.get("mailbox")
    played = [span.start_s + span.duration_s for span in life.spans if span.name == "buffer"]
    life.played_s = played[-1] if played else None
    life.spans = [Span(span.name, span.start_s - life.origin_s, span.duration_s) for span in life.spans]


def _maker(told: Any) -> strict.Maker:
    """Of the facts about the engine those that are shown; others are left out."""
    if not isinstance(told, dict):
        raise ProfileError("The trace's otherData is no object.")
    chunk_s = None
    if {"fps", "frames_per_chunk"} <= told.keys():
        fps = strict.number_of(told["fps"], "otherData's fps", lowest=1.0, highest=120.0)
        chunk_s = strict.number_of(told["frames_per_chunk"], "otherData's frames_per_chunk", lowest=1.0) / fps
    state_bytes = told.get("state_bytes")
    return strict.Maker(
        strict.weights_of(told.get("weights"), "otherData"),
        chunk_s,
        None if state_bytes is None else strict.index_of(state_bytes, "otherData's state_bytes"),
    )
