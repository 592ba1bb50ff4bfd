"""A live stream with and without a film made beside it: late frames, and how soon words are obeyed.

A viewer without a network: frames are encoded as for any other, and taken. Knows the house and films; measures.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.worker_host import WorkerHost
from lingen_live.serve.house import House
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import AppliedEvent, SteerControl
from lingen_live.serve.room import Room
from lingen_live.studio.background import render_beside
from lingen_live.studio.reel import Reel
from lingen_live.studio.storyboard import MAX_FILM_S, Grid, Row, Storyboard, to_scenario

STEER_EVERY_S = 2.5
SETTLE_S = 5.0
COMPILE_S = 300.0
_PROMPTS = ("a red balloon over dunes at dusk", "snow over the mountains", "a sailboat on the sea", "a city at night")


@dataclass
class _Phase:
    """What was seen while a film was made, or none."""

    seconds: float = 0.0
    n_late_frames: int = 0
    n_film_chunks: int = 0
    applied_s: list[float] = field(default_factory=list)
    is_measured: bool = False


def run_bench_beside(
    options: EngineOptions, seconds: float, n_turns: int, on_progress: Callable[[str, float], None]
) -> dict[str, Any]:
    """Watch a stream, in turn alone and beside a film.

    Args:
        options: how to build the engine; one session and one film are made room for.
        seconds: of a phase.
        n_turns: phases of each kind.
        on_progress: told how far the engine is.

    Returns:
        JSON-able: `info` of the engine; for "alone" and "beside" the sums of seconds, late frames, chunks of the film,
        and the median and 95th percentile of the time from words to the first frame of their chunk, seconds.

    Raises:
        LingenError: the engine cannot be built.
    """
    return asyncio.run(_bench(options, seconds, n_turns, on_progress))


async def _bench(
    options: EngineOptions, seconds: float, n_turns: int, on_progress: Callable[[str, float], None]
) -> dict[str, Any]:
    host = WorkerHost(options)
    house = House(host, prompt=options.prompt, seed=options.seed, transition_chunks=2, max_sessions=1)
    async with _watched(house, on_progress) as (room, outbox, applied):
        if options.compile:
            await _compiled(room)
        info = room.session.info
        assert info is not None
        phases = {"alone": _Phase(), "beside": _Phase()}
        for _ in range(n_turns):
            await _watch(room, outbox, applied, seconds, phases["alone"])
            async with _film(host, info, phases["beside"]):
                await _watch(room, outbox, applied, seconds, phases["beside"])
        return {"info": info.to_json(), **{name: _told(phase, info) for name, phase in phases.items()}}


@asynccontextmanager
async def _watched(
    house: House, on_progress: Callable[[str, float], None]
) -> AsyncIterator[tuple[Room, Outbox, dict[int, float]]]:
    """A session that somebody watches, and when each of their words was obeyed."""
    is_ready = asyncio.Event()
    running = asyncio.create_task(house.run(on_progress, lambda info: is_ready.set()))
    tasks = [running]
    try:
        await asyncio.wait([running, asyncio.create_task(is_ready.wait())], return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        room, outbox, applied = house.rooms[0], Outbox(), dict[int, float]()
        room.add(outbox)
        await _until(lambda: room.session.is_warm)
        tasks += [asyncio.create_task(_take_frames(room)), asyncio.create_task(_read(outbox, applied))]
        yield room, outbox, applied
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(house.close(), *tasks, return_exceptions=True)


async def _take_frames(room: Room) -> None:
    with room.viewers.seat() as seat:
        while await seat.queue.next() is not None:
            pass


async def _read(outbox: Outbox, applied: dict[int, float]) -> None:
    while True:
        event = await outbox.next()
        if isinstance(event, AppliedEvent):
            applied[event.id] = time.monotonic()


async def _compiled(room: Room) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(COMPILE_S):
            await _until(lambda: room.session.info is not None and room.session.info.path == "compiled")


async def _until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 - nobody tells when
        await asyncio.sleep(0.1)


@asynccontextmanager
async def _film(host: WorkerHost, info: EngineInfo, phase: _Phase) -> AsyncIterator[None]:
    """A film that is made meanwhile; longer than anybody waits for."""

    def hear(n_made: int, picture: bytes | None) -> None:
        phase.n_film_chunks += phase.is_measured

    board = Storyboard((Row(1, 0.0, "a green meadow at dawn"),), 7, MAX_FILM_S)
    with tempfile.TemporaryDirectory() as folder:
        reel = Reel(Path(folder) / "film.mp4")
        making = asyncio.create_task(render_beside(host, to_scenario(board, Grid.of(info)), reel, hear))
        try:
            yield
        finally:
            making.cancel()
            with suppress(asyncio.CancelledError):
                await making


async def _watch(room: Room, outbox: Outbox, applied: dict[int, float], seconds: float, phase: _Phase) -> None:
    await asyncio.sleep(SETTLE_S)
    phase.is_measured = True
    n_late, begun_s, said_s = room.session.n_late_frames, time.monotonic(), dict[int, float]()
    for number in itertools.count(len(applied) + 1):
        if time.monotonic() - begun_s >= seconds:
            break
        said_s[number] = time.monotonic()
        await room.control(SteerControl(number, _PROMPTS[number % len(_PROMPTS)]), outbox)
        await asyncio.sleep(STEER_EVERY_S)
    phase.is_measured = False
    phase.seconds += time.monotonic() - begun_s
    phase.n_late_frames += room.session.n_late_frames - n_late
    phase.applied_s += [applied[number] - at_s for number, at_s in said_s.items() if number in applied]


def _told(phase: _Phase, info: EngineInfo) -> dict[str, float]:
    spread = statistics.quantiles(phase.applied_s, n=20) if len(phase.applied_s) > 1 else [0.0] * 19
    return {
        "seconds": phase.seconds,
        "n_late_frames": phase.n_late_frames,
        "late_share": phase.n_late_frames / (phase.seconds * info.fps),
        "n_film_chunks": phase.n_film_chunks,
        "film_speed": phase.n_film_chunks * info.frames_per_chunk / info.fps / phase.seconds,
        "applied_p50_s": spread[9],
        "applied_p95_s": spread[18],
    }


def as_beside_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    info = result["info"]
    lines = [f"{info['name']}, {info['dtype']} ({info['path']}) on {info['device']}"]
    for name in ("alone", "beside"):
        told = result[name]
        film = f"; film {told['film_speed']:.2f} times playback" if told["n_film_chunks"] else ""
        lines.append(
            f"{name:7} {told['seconds']:4.0f} s: {told['n_late_frames']:.0f} late frames "
            f"({100 * told['late_share']:.2f} %); words obeyed after {told['applied_p50_s']:.2f} s, p95 "
            f"{told['applied_p95_s']:.2f}{film}"
        )
    return "\n".join(lines)
