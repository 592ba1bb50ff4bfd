"""What is measured of a session, over HTTP: percentiles, every chunk, a trace, and metrics.

Knows the session, its viewers and the formats of `profile`.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from fastapi import APIRouter, Query, Response

from lingen_live.engine.info import EngineInfo
from lingen_live.profile.lives import MAX_LIVES
from lingen_live.profile.prometheus import CONTENT_TYPE, Metric, to_text
from lingen_live.profile.summary import life_to_json, stages_ms, steers_ms
from lingen_live.profile.trace import to_trace
from lingen_live.serve.coded import CODECS
from lingen_live.serve.errors import HttpError
from lingen_live.serve.sessions import Session
from lingen_live.serve.viewers import Viewers

_NOT_STORED = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
MAX_SHOWN = 60
MAX_PHOTON_MS = 600_000


Find = Callable[[str | None], tuple[Session, Viewers]]
"""The session of an id, or the one that is meant without, and its viewers; raises HttpError if there is none."""


FindAll = Callable[[], Sequence[tuple[Session, Viewers]]]


def measured_router(find: Find, find_all: FindAll, more_metrics: Callable[[], list[Metric]] = list) -> APIRouter:
    """Routes that tell what a session takes, which the query may name, and metrics of all together."""
    router = APIRouter()

    @router.get("/profile")
    async def profile(last: int = Query(MAX_SHOWN, ge=0, le=MAX_LIVES), session: str | None = None) -> Response:
        told = profile_to_json(*find(session), last)
        # Ten milliseconds of sorting, and not on the event loop.
        stages = await asyncio.to_thread(stages_ms, find(session)[0].book.lives())
        return Response(json.dumps({**told, "stages_ms": stages}), 200, _NOT_STORED, "application/json")

    @router.get("/profile.jsonl")
    async def every(session: str | None = None) -> Response:
        found = find(session)[0]
        made = made_by(found.info) if found.info else {}
        lines = [json.dumps({**life_to_json(life), **made}) + "\n" for life in found.book.lives()]
        return Response("".join(lines), 200, _NOT_STORED, "application/jsonl")

    @router.get("/trace.json")
    async def trace(session: str | None = None) -> Response:
        headers = {**_NOT_STORED, "Content-Disposition": "attachment; filename=lingen-live-trace.json"}
        found = find(session)[0]
        told = to_trace(found.book.lives()) | {"otherData": found.info.to_json() if found.info else {}}
        return Response(json.dumps(told), 200, headers, "application/json")

    @router.post("/seen", status_code=204)
    async def seen(
        pts: int = Query(ge=0, lt=2**53), ms: float = Query(ge=0, le=MAX_PHOTON_MS), session: str | None = None
    ) -> Response:
        """A browser has shown the first frame that obeys its person, `ms` after the key that sent the words."""
        if not find(session)[0].book.see(pts, ms / 1000):
            raise HttpError(404, "not_kept", f"No chunk that is kept began at {pts}.")
        return Response(status_code=204, headers=_NOT_STORED)

    @router.get("/metrics")
    async def metrics() -> Response:
        return Response(to_text(metrics_of(find_all()) + more_metrics()), 200, _NOT_STORED, CONTENT_TYPE)

    return router


def made_by(info: EngineInfo) -> dict[str, Any]:
    """What every line of a profile says beside what was measured, so that it can be read by itself."""
    return {
        "weights": info.weights,
        "chunk_ms": round(1000 * info.frames_per_chunk / info.fps, 3),
        "state_bytes": info.state_bytes,
    }


def profile_to_json(session: Session, viewers: Viewers, last: int) -> dict[str, Any]:
    """How steers, viewers and encoders fared, and the spans of the last chunks."""
    lives = session.book.lives()
    return {
        "weights": session.info.weights if session.info else None,
        "n_chunks": len(lives),
        "steers_ms": steers_ms(lives),
        "n_late_frames": session.n_late_frames,
        "n_viewers": len(viewers),
        "n_dropped_frames": viewers.n_dropped_frames,
        "encoders": {
            codec: {
                "encoder": channel.encoder_name,
                "n_frames": channel.n_frames,
                "n_keyframes": channel.n_keyframes,
                "n_bytes": channel.n_bytes,
                "bitrate_bps": channel.bitrate_bps,
            }
            for codec, channel in viewers.booth.outlets.items()
        },
        "chunks": [life_to_json(life) for life in lives[len(lives) - min(last, len(lives)) :]],
    }


def metrics_of(watched: Sequence[tuple[Session, Viewers]]) -> list[Metric]:
    """Counters and gauges, summed over sessions; a session that ends takes its counts with it."""
    sessions = [session for session, _ in watched]
    viewers = [each for _, each in watched]

    def of_codecs(name: str) -> list[tuple[dict[str, str], float]]:
        return [
            ({"codec": codec}, sum(getattr(each.booth.outlets[codec], name) for each in viewers)) for codec in CODECS
        ]

    sums_s: Counter[str] = Counter()
    for session in sessions:
        sums_s.update(session.book.sums_s)
    stages = [({"stage": name}, round(total_s, 6)) for name, total_s in sums_s.items()]
    n_late, n_dropped = sum(each.n_late_frames for each in sessions), sum(each.n_dropped_frames for each in viewers)
    n_chunks = sum(session.book.n_chunks for session in sessions)
    models = {(info.name, info.weights) for session in sessions if (info := session.info)}
    return [
        Metric("model_info", "gauge", "What makes the frames.", [({"name": n, "weights": w}, 1) for n, w in models]),
        Metric("sessions", "gauge", "Sessions that run.", [({}, len(sessions))]),
        Metric("chunks_total", "counter", "Chunks that the engine made.", [({}, n_chunks)]),
        Metric("stage_seconds_total", "counter", "Seconds that chunks spent in each stage.", stages),
        Metric("late_frames_total", "counter", "Frame slots without a new frame.", [({}, n_late)]),
        Metric("viewers", "gauge", "Viewers of the video.", [({}, sum(map(len, viewers)))]),
        Metric("dropped_frames_total", "counter", "Frames that slow viewers lost.", [({}, n_dropped)]),
        Metric("encoded_frames_total", "counter", "Frames that were encoded.", of_codecs("n_frames")),
        Metric("keyframes_total", "counter", "Keyframes among them.", of_codecs("n_keyframes")),
        Metric("encoded_bytes_total", "counter", "Their size.", of_codecs("n_bytes")),
        Metric("encoder_bitrate_bps", "gauge", "What encoders aim at.", of_codecs("bitrate_bps")),
    ]
