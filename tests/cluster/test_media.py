"""Video that leaves the engine's process: real WebRTC and the real server, with devices in this process."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import fake_engine
import pytest
from aiortc import RTCSessionDescription
from local_link import LocalCluster
from served import Live, Talk, running_server
from websockets.asyncio.client import connect
from whep_player import SDP, Player, player
from whip_receiver import whip_receiver

from lingen_live.client.live import LiveClient
from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.host import ClusterHost
from lingen_live.cluster.media import Show, Tap
from lingen_live.cluster.remote_booth import RemoteBooth, open_remote_booth
from lingen_live.cluster.stage import MAX_KEPT_CHUNKS
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.media_options import MediaOptions
from lingen_live.serve.publisher import Publisher
from lingen_live.serve.whip import WhipTarget

OPTIONS = EngineOptions(prompt="a day", seed=7, dtype="float32", n_sessions=2)
DAY = fake_engine.colour_of("a day")[0]


@dataclass
class Scene:
    """A gateway with devices a and b, the session of which is at a."""

    live: Live
    cluster: LocalCluster
    host: ClusterHost

    @property
    def client(self) -> ClusterClient:
        return next(iter(self.host._clients.values()))

    @property
    def booth(self) -> RemoteBooth:
        booth = self.live.viewers.booth
        assert isinstance(booth, RemoteBooth)
        return booth

    @property
    def place(self) -> str | None:
        return self.client.device.name if self.client.device else None

    async def until_at(self, name: str) -> None:
        async with asyncio.timeout(20):
            while self.place != name or self.client.seat is None:  # noqa: ASYNC110 (as of another machine)
                await asyncio.sleep(0.01)

    async def drain(self, name: str) -> None:
        await self.cluster.links[name][-1].actor.drain()


@asynccontextmanager
async def playing(tmp_path: Path) -> AsyncIterator[Scene]:
    cluster = LocalCluster(OPTIONS, fake_engine.make_fake, media=MediaOptions())
    # Of any dtype: then b's engine is built after a's, so the session cannot begin at b.
    host = ClusterHost(("a", "b"), cluster.connect, dtype=None, first_retry_s=0.02)
    (tmp_path / "index.html").write_text("a page")
    try:
        async with running_server(tmp_path, host=host, open_booth=open_remote_booth, max_viewers=2) as live:
            scene = Scene(live, cluster, host)
            await scene.until_at("a")
            yield scene
    finally:
        await cluster.close()


async def level(it: Player) -> float:
    return float((await it.frame()).to_ndarray(format="rgb24").mean())


async def until_counted(scene: Scene, n_viewers: int) -> None:
    async with asyncio.timeout(20):
        while scene.live.session.state().n_viewers != n_viewers:  # noqa: ASYNC110 (a count has no event)
            await asyncio.sleep(0.01)


async def test_frames_go_from_the_engine_to_the_viewer_and_never_to_the_gateway(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, scene.live.socket() as socket, player() as it:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        assert (await it.play(scene.live)).status_code == 201
        assert await level(it) == pytest.approx(DAY, abs=4)
        await talk.say(type="steer", id=1, prompt="night", chunks=1)
        await talk.hear("applied")
        async with asyncio.timeout(10):
            while await level(it) > 60:
                pass
        told = scene.cluster.links["a"][-1].told
        assert any(isinstance(message, Show) for message in told)
        assert not any(isinstance(message, Tap) for message in told)  # no coded frame was asked for here
        assert len(scene.cluster.links["a"][-1].actor._stages[scene.client.number].images) <= MAX_KEPT_CHUNKS
        profile = (await scene.live.http.get("/profile")).json()
        assert profile["encoders"]["VP8"]["n_frames"] > 0
        assert {"colour", "encode"} <= profile["stages_ms"].keys()
        assert (await scene.live.http.delete(it.path)).status_code == 200
        await until_counted(scene, 0)


async def test_an_offer_that_cannot_be_taken_is_refused_as_ever(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene:
        refused = await scene.live.http.post("/whep", content="v=0\r\nm=video 9 x 1\r\n", headers=SDP)
        assert refused.status_code == 400
        gone = await scene.live.http.post("/whep?place=nowhere", content="v=0", headers=SDP)
        assert (gone.status_code, gone.json()["code"]) == (410, "no_place")
        assert scene.live.house.n_viewers == 0


async def test_who_takes_coded_frames_at_the_gateway_gets_them_while_they_stay(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene:
        async with connect(f"ws://127.0.0.1:{scene.live.port}/media") as socket:
            assert json.loads(await socket.recv())["codec"] == "vp8"
            async with asyncio.timeout(10):
                first = await socket.recv()
                assert isinstance(first, bytes)
                assert first[0] & 1  # a keyframe
                await scene.drain("a")
                await scene.until_at("b")
                while isinstance(frame := await socket.recv(), bytes) and not frame[0] & 1:
                    pass  # another keyframe comes, of another encoder
        async with asyncio.timeout(10):
            while scene.booth.outlets["VP8"]._sinks:  # type: ignore[attr-defined]  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        told = [message for message in scene.cluster.links["b"][-1].told if isinstance(message, Tap)]
        assert [message.is_open for message in told] == [True, False]


async def test_the_last_seconds_can_be_kept(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, scene.live.socket() as socket, player() as it:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await talk.say(type="keep", id=1)
        assert (await talk.hear("error"))["code"] == "nothing_kept"
        await it.play(scene.live)
        for _ in range(8):
            await it.frame()
        await talk.say(type="keep", id=2)
        while (film := await talk.hear("recording"))["status"] == "recording":
            pass
        assert film["status"] == "done"
        assert film["duration_ms"] > 0


async def test_viewers_go_ahead_and_see_no_gap_when_a_session_moves(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, scene.live.socket() as socket, player() as old, player() as new:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await old.play(scene.live)
        await old.frame()
        await scene.drain("a")
        moving = await talk.hear("moving")
        assert moving["is_gone"] is False
        response = await new.play_on(scene.live.http, place=moving["place"])
        assert response.status_code == 201
        assert scene.live.session.state().n_viewers == 1  # the same person twice
        first = await new.frame()
        assert float(first.to_ndarray(format="rgb24").mean()) == pytest.approx(DAY, abs=4)
        await old.end()
        assert scene.place == "b"
        assert scene.live.session.state().n_viewers == 1
        assert scene.host.moves[-1].pause_s < 0.5
        for _ in range(10):
            await new.frame()
        assert (await scene.live.http.delete(new.path)).status_code == 200
        await until_counted(scene, 0)


async def test_a_held_picture_moves_along(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, scene.live.socket() as socket, player() as old, player() as new:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await old.play(scene.live)
        await old.frame()
        await talk.say(type="pause", id=1)
        await talk.hear("applied")
        await scene.drain("a")
        await new.play_on(scene.live.http, place=(await talk.hear("moving"))["place"])
        assert await level(new) == pytest.approx(DAY, abs=4)
        assert scene.place == "b"


async def test_whoever_does_not_go_along_holds_nobody_up_and_comes_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lingen_live.cluster.remote_booth.HANDOVER_S", 0.1)
    async with playing(tmp_path) as scene, player() as foreign, player() as again:
        await foreign.play(scene.live)
        await foreign.frame()
        await scene.drain("a")
        await scene.until_at("b")
        await foreign.end()
        await until_counted(scene, 0)
        await again.play(scene.live)
        assert await level(again) == pytest.approx(DAY, abs=4)


async def test_after_a_death_viewers_are_told_to_come_anew(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, scene.live.socket() as socket, player() as old, player() as new:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        await old.play(scene.live)
        await old.frame()
        scene.cluster.links["a"][-1].end()
        assert await talk.hear("moving") == {"type": "moving", "place": "", "is_gone": True}
        await until_counted(scene, 0)
        await new.play(scene.live)
        assert await level(new) == pytest.approx(DAY, abs=4)
        assert scene.place is not None


async def test_nobody_comes_in_while_a_session_is_nowhere(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, player() as it:
        scene.client._is_placed = False
        refused = await it.play(scene.live)
        assert (refused.status_code, refused.json()["code"], refused.headers["retry-after"]) == (503, "moving", "1")
        scene.client._is_placed = True
        offer = await it.offer()
        response = await scene.live.http.post("/whep", content=offer, headers=SDP)
        await it.peer.setRemoteDescription(RTCSessionDescription(response.text, "answer"))
        assert await level(it) == pytest.approx(DAY, abs=4)


async def test_a_program_follows_by_itself(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, LiveClient(f"http://127.0.0.1:{scene.live.port}/") as client:
        frames = client.frames()
        await anext(frames)
        await scene.drain("a")
        async with asyncio.timeout(10):
            while scene.place != "b":
                await anext(frames)
            for _ in range(8):
                assert (await anext(frames)).image.mean() == pytest.approx(DAY, abs=4)
            scene.cluster.links["b"][-1].end()
            scene.host.devices[0].state = "waiting"  # somebody has the drained one back
            scene.host._start_more()
            n_before = len(scene.cluster.links["a"])
            while len(scene.cluster.links["a"]) == n_before or scene.client.seat is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            for _ in range(24):
                await anext(frames)
        await frames.aclose()
        await until_counted(scene, 0)


async def test_who_stays_where_they_are_are_counted_once(tmp_path: Path) -> None:
    async with playing(tmp_path) as scene, player() as it:
        await it.play(scene.live)
        outlet, seat = scene.booth.outlets["VP8"], scene.client.seat
        assert seat is not None
        async with asyncio.timeout(10):
            while outlet.n_frames == 0:  # noqa: ASYNC110 (a count has no event)
                await asyncio.sleep(0.01)
        before = outlet.n_frames
        scene.booth.settle(seat)  # as when a move comes to nothing
        async with asyncio.timeout(10):
            while outlet.n_frames == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        stage = scene.cluster.links["a"][-1].actor._stages[scene.client.number]
        assert outlet.n_frames <= stage._booth.channels["VP8"].n_frames


async def test_what_is_published_leaves_from_the_gateway_also_after_a_move(tmp_path: Path) -> None:
    said: list[str] = []
    async with playing(tmp_path) as scene, whip_receiver() as receiver:
        publisher = Publisher(scene.live.house, WhipTarget(receiver.url), said.append, first_wait_s=0.05)
        publishing = asyncio.create_task(publisher.run())
        await receiver.receive(8)
        assert any(isinstance(message, Tap) for message in scene.cluster.links["a"][-1].told)
        await scene.drain("a")
        await scene.until_at("b")
        await receiver.receive(16)
        assert publisher.n_connections == 1
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)
