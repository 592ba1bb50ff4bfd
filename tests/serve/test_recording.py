"""Films of a running server: recorded, kept after the fact, downloaded; and what ends one."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from live_server import FAKE_LIVE, LiveServer
from served import Live, Talk, running_server
from websockets.asyncio.client import ClientConnection, connect

from lingen_live.engine.scenario import parse_scenario
from lingen_live.serve import film
from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.encoder import VideoEncoder
from lingen_live.serve.film import FilmFile
from lingen_live.serve.mp4 import Sample
from lingen_live.serve.recording import MAX_BACKLOG_BYTES, Recording
from lingen_live.serve.ring import Ring
from lingen_live.serve.shelf import Shelf

STEP = 5625


async def greeted(socket: ClientConnection) -> Talk:
    talk = Talk(socket)
    await talk.say(type="hello", version=1)
    return talk


async def told(talk: Talk, *statuses: str) -> dict[str, Any]:
    while (event := await talk.hear("recording"))["status"] not in statuses:
        pass
    return event


def times(data: bytes) -> list[int]:
    with av.open(io.BytesIO(data), "r") as opened:
        return [frame.pts or 0 for frame in opened.decode(video=0)]


async def test_a_recording_is_what_was_shown_with_its_script(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        before = (await talk.hear("chunk"))["chunk_index"]
        await talk.say(type="record", id=1, action="start")
        assert (await talk.hear("applied"))["id"] == 1
        while (await talk.hear("recording"))["duration_ms"] < 1000:
            pass
        assert live.session.state().n_viewers == 0  # a recorder is nobody
        await talk.say(type="record", id=2, action="stop")
        done = await told(talk, "done")
        while not done["has_script"]:
            done = await talk.hear("recording")
        answer = await live.http.get(f"/recordings/{done['name']}.mp4")
        assert answer.headers["content-type"] == "video/mp4"
        shown = times(answer.content)
        assert shown[0] == 0
        assert all(a < b for a, b in pairwise(shown))
        assert all(pts % STEP == 0 for pts in shown)
        assert (shown[-1] + STEP) / 90 == pytest.approx(done["duration_ms"], abs=1)
        part = await live.http.get(f"/recordings/{done['name']}.mp4", headers={"Range": "bytes=4-7"})
        assert (part.status_code, part.content) == (206, b"ftyp")
        script = await live.http.get(f"/recordings/{done['name']}.json")
        told_of = parse_scenario(script.content)
        assert told_of.start.seed == 7
        assert told_of.shows is not None
        first, n_chunks = told_of.shows
        assert live.session.info is not None
        chunk_s = live.session.info.frames_per_chunk / live.session.info.fps
        assert before <= first <= before + 2
        assert first + n_chunks == told_of.n_chunks
        # Its first and its last chunk may be there in part.
        assert done["duration_ms"] / 1000 <= n_chunks * chunk_s < done["duration_ms"] / 1000 + 2 * chunk_s


async def test_a_pause_and_a_turn_back_leave_a_film_that_goes_forward(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        first = (await talk.hear("chunk"))["chunk_index"]
        await talk.say(type="record", id=1, action="start")
        while (await talk.hear("recording"))["duration_ms"] < 1000:
            pass
        await talk.say(type="pause", id=2)
        await talk.hear("applied")
        await talk.say(type="seek", id=3, chunk_index=first)
        await talk.hear("applied")
        await talk.say(type="resume", id=4)
        while (news := await talk.hear("recording"))["duration_ms"] < 2500:
            assert news["status"] == "recording"
        await talk.say(type="record", id=5, action="stop")
        done = await told(talk, "done")
        shown = times((await live.http.get(f"/recordings/{done['name']}.mp4")).content)
        assert len(shown) > 30
        assert all(a < b for a, b in pairwise(shown))
        while not done["has_script"]:
            done = await talk.hear("recording")
        script = parse_scenario((await live.http.get(f"/recordings/{done['name']}.json")).content)
        assert script.shows is None  # it went back: what it shows is not one stretch


async def test_a_film_ends_at_its_longest_and_those_of_a_session_go_with_it(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    shelf = Shelf(max_s=1.0)
    async with running_server(tmp_path, shelf=shelf) as live, live.socket() as socket:
        talk = await greeted(socket)
        await talk.hear("chunk")
        await talk.say(type="record", id=1, action="start")
        done = await told(talk, "done")
        assert "It reached 1 s" in done["message"]
        assert done["duration_ms"] == pytest.approx(1000, abs=70)
        assert shelf.room_bytes < shelf.max_bytes
        async with asyncio.timeout(10):
            while shelf.n_at_work:  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.01)
    assert shelf.room_bytes == shelf.max_bytes


async def test_the_last_seconds_are_kept_after_the_fact_without_another_encoder(live: Live) -> None:
    async with live.socket() as socket, connect(f"ws://127.0.0.1:{live.port}/media") as media:
        talk = await greeted(socket)
        await media.recv()
        for _ in range(20):
            await media.recv()
        await talk.say(type="keep", id=1)
        done = await told(talk, "done")
        assert len(times((await live.http.get(f"/recordings/{done['name']}.mp4")).content)) >= 20
        assert live.viewers.booth.outlets["H264"].n_frames == 0


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"type": "record", "action": "stop"}, "not_recording"),
        ({"type": "keep"}, "nothing_kept"),
        ({"type": "keep", "seconds": 31}, "bad_field"),
        ({"type": "record", "action": "pause"}, "bad_field"),
    ],
)
async def test_what_cannot_be_done_is_said(live: Live, message: dict[str, Any], code: str) -> None:
    async with live.socket() as socket:
        talk = await greeted(socket)
        await talk.hear("state")
        await talk.say(id=1, **message)
        assert (await talk.hear("error"))["code"] == code


async def test_a_full_disk_ends_the_recording_and_nothing_else(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    async with live.socket() as socket:
        talk = await greeted(socket)
        monkeypatch.setattr(film.FilmFile, "_write", refuse)
        await talk.say(type="record", id=1, action="start")
        assert "No space left" in (await told(talk, "failed"))["message"]
        await talk.hear("chunk")
        monkeypatch.undo()
        async with asyncio.timeout(5):
            while live.session._sinks:  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.01)
        await talk.say(type="record", id=2, action="start")
        assert (await talk.hear("recording"))["status"] == "recording"


async def test_names_that_were_not_given_are_not_found(live: Live) -> None:
    for name in ("x.mp4", "..%2Fx.mp4", "%2Fetc%2Fpasswd.mp4", "x.txt"):
        assert (await live.http.get(f"/recordings/{name}")).status_code == 404


async def test_what_was_recorded_when_a_server_is_killed_plays(tmp_path: Path) -> None:
    server = LiveServer("--prompt", "a day", "--recordings", str(tmp_path), script=FAKE_LIVE)
    try:
        address = (await asyncio.to_thread(lambda: server.url)).replace("http", "ws")
        async with connect(f"{address}ws") as socket:
            talk = await greeted(socket)
            await talk.hear("chunk")
            await talk.say(type="record", id=1, action="start")
            while (await talk.hear("recording"))["duration_ms"] < 1900:
                pass
            os.kill(server.process.pid, signal.SIGKILL)
        (path,) = tmp_path.glob("*.mp4")  # noqa: ASYNC240 (a local directory)
        assert len(times(path.read_bytes())) >= 25
    finally:
        server.close()


async def test_what_waits_in_memory_is_kept_whole_however_much_it_is(tmp_path: Path) -> None:
    ended: list[Recording] = []
    path, n = tmp_path / "film.mp4", 4 * MAX_BACKLOG_BYTES // 2**20
    coded = VideoEncoder("VP8", 64, 64, 16.0, 10**6).encode(np.zeros((96, 64), np.uint8), 0, is_key=True)
    assert coded is not None
    samples = [Sample(coded.data + bytes(2**19), k * STEP, True) for k in range(n)]
    film = FilmFile(path, "VP8", 64, 64)
    recording = Recording("film", film, max_s=60, max_bytes=2**30, fps=16.0, on_news=ended.append)
    await recording.run(samples)
    assert (recording.status, recording.message) == ("done", None)
    assert recording.duration_s == pytest.approx(n / 16)
    assert path.stat().st_size > 2 * MAX_BACKLOG_BYTES


def test_a_shelf_sets_room_aside_and_forgets_what_was_dropped() -> None:
    shelf = Shelf(max_bytes=1000)
    first, second = shelf.new_path(600), shelf.new_path(400)
    assert shelf.room_bytes == 0
    shelf.settle(first, 100)
    assert shelf.room_bytes == 500
    shelf.drop(second)
    shelf.settle(second, 400)  # its last word came late
    assert shelf.room_bytes == 900
    shelf.clear()


def test_a_ring_forgets_what_was_watched_before_a_gap() -> None:
    ring = Ring(lambda: None, seconds=30)
    for k in [*range(160), *range(160 + 20 * 16, 200 + 20 * 16)]:
        ring.deliver(CodedFrame(b"12345", k * STEP, k % 32 == 0, ()))
    kept = ring.last(30)
    assert kept[0].pts == (160 + 20 * 16) * STEP
    assert ring.n_bytes == 5 * len(kept) == 5 * 40


def test_a_ring_keeps_so_many_seconds_from_a_keyframe_on() -> None:
    asked: list[None] = []
    ring = Ring(lambda: asked.append(None), seconds=4)
    for k in range(16 * 20):
        ring.deliver(CodedFrame(b"12345", k * STEP, k % 32 == 0, ()))
    kept = ring.last(4)
    assert kept[0].is_key
    assert 4 <= (kept[-1].pts - kept[0].pts) / 90_000 <= 6
    assert ring.n_bytes <= 5 * 16 * 7
    assert not asked
    small = Ring(lambda: asked.append(None), max_bytes=100)
    for k in range(200):
        small.deliver(CodedFrame(b"12345", k * STEP, k == 0, ()))
        assert small.n_bytes <= 100
    assert asked  # for a keyframe to begin with
    assert small.last(30) == []
