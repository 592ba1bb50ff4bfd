"""The server from outside: pages, health, guards, and the control socket."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import fake_engine
import httpx
import pytest
from scripted_client import ScriptedHost
from served import Live, Talk
from starlette.types import Message
from starlette.websockets import WebSocket
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import InvalidStatus

from lingen_live.serve.app import create_app
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.house import House
from lingen_live.serve.socket import CLOSE_BAD_HELLO, CLOSE_FULL, CLOSE_STUCK, MAX_SOCKETS, ControlSockets


async def greet(socket: ClientConnection, session: str | None = None) -> Talk:
    """Say hello, and hear what the session is; its id is `Talk.session`."""
    talk = Talk(socket)
    await talk.say(type="hello", version=1, **({} if session is None else {"session": session}))
    talk.session = (await talk.hear("state"))["session"]
    return talk


class Wire:
    """An ASGI WebSocket with nobody behind it; after `n_accepted` messages, text does not get through."""

    def __init__(self, n_accepted: int = 1000) -> None:
        self.incoming: asyncio.Queue[str] = asyncio.Queue()
        self.sent: list[Message] = []
        self._n_accepted = n_accepted
        self._is_connected = False
        self.socket = WebSocket({"type": "websocket", "headers": []}, self._receive, self._send)

    @property
    def sent_types(self) -> list[str]:
        return [message["type"] for message in self.sent]

    async def _receive(self) -> Message:
        if not self._is_connected:
            self._is_connected = True
            return {"type": "websocket.connect"}
        return {"type": "websocket.receive", "text": await self.incoming.get()}

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.send" and len(self.sent) >= self._n_accepted:
            await asyncio.Event().wait()
        self.sent.append(message)


# Pages and health.


async def test_the_page_and_its_parts(live: Live) -> None:
    page = await live.http.get("/")
    script = await live.http.get("/main.js")
    assert "<title>page" in page.text
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert script.headers["content-type"] == "text/javascript; charset=utf-8"
    for response in (page, script):
        assert response.headers["cache-control"] == "no-cache"
        assert "default-src 'self'" in response.headers["content-security-policy"]
        assert response.headers["x-content-type-options"] == "nosniff"
    icon = await live.http.get("/favicon.ico")  # what browsers ask for before they read where it is
    assert (icon.text, icon.headers["content-type"]) == ("<svg/>", "image/svg+xml")
    again = await live.http.get("/main.js", headers={"If-None-Match": script.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("path", ["/package.json", "/no.js", "/../pyproject.toml", "/%2e%2e/pyproject.toml", "/whip"])
async def test_nothing_else_is_served(live: Live, path: str) -> None:
    assert (await live.http.get(path)).status_code == 404


async def test_health(live: Live) -> None:
    assert (await live.http.get("/healthz")).json() == {"status": "ok"}
    ready = await live.http.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "running"


async def test_health_while_warming(web_directory: Path) -> None:
    host = ScriptedHost()
    host.may_start.clear()
    house = House(host, prompt="a", seed=0, transition_chunks=1, max_sessions=2)
    app = create_app(house, web_directory, HostRule.for_host("127.0.0.1"))
    running = asyncio.create_task(house.run(lambda stage, fraction: None, lambda info: None))
    await asyncio.sleep(0.01)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        assert (await http.get("/healthz")).status_code == 200
        ready = await http.get("/readyz")
        offer = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
        whep = await http.post("/whep", content=offer, headers={"Content-Type": "application/sdp"})
    running.cancel()
    await house.close()
    assert ready.status_code == 503
    assert ready.json()["progress"] == {"stage": "starting", "fraction": 0.0}
    assert (whep.status_code, whep.json()["code"], whep.headers["retry-after"]) == (503, "warming", "1")


# Guards.


async def test_a_foreign_host_is_refused(live: Live) -> None:
    response = await live.http.get("/", headers={"Host": "evil.example"})
    assert (response.status_code, response.json()["code"]) == (403, "foreign_host")


async def test_a_foreign_page_may_not_act(live: Live) -> None:
    foreign = {"Origin": "http://evil.example"}
    for response in (
        await live.http.post("/whep", headers=foreign),
        await live.http.delete("/whep/x", headers=foreign),
    ):
        assert (response.status_code, response.json()["code"]) == (403, "foreign_origin")


@pytest.mark.parametrize(("name", "origin"), [("127.0.0.1", "http://evil.example"), ("evil.example", None)])
async def test_a_foreign_page_may_not_steer(live: Live, name: str, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as caught:
        await live.socket(name=name, origin=origin)
    assert caught.value.response.status_code == 403


async def test_our_own_page_may_steer(live: Live) -> None:
    async with live.socket(origin=f"http://127.0.0.1:{live.port}") as socket:
        await greet(socket)


# The control socket.


async def test_hello_is_answered_with_the_state(live: Live) -> None:
    async with live.socket() as socket:
        talk = Talk(socket)
        await talk.say(type="hello", version=1)
        state = await talk.hear("state")
    assert state["status"] == "running"
    assert (state["version"], state["fps"], state["width_px"], state["frames_per_chunk"]) == (1, 16.0, 64, 8)
    assert state["model"]["name"] == "fake"


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"type":"hello","version":2}', "bad_version"),
        ('{"type":"steer","id":1,"prompt":"a"}', "hello_first"),
        ("{", "bad_json"),
        (b"\x00\x01", "bad_message"),
    ],
)
async def test_a_bad_hello_is_told_and_closed(live: Live, first: str | bytes, code: str) -> None:
    async with live.socket() as socket:
        await socket.send(first)
        assert (await Talk(socket).hear("error"))["code"] == code
        assert await Talk(socket).end() == CLOSE_BAD_HELLO


async def test_no_hello_at_all(live: Live) -> None:
    wire = Wire()
    await ControlSockets(live.house, hello_timeout_s=0.05).handle(wire.socket)
    assert wire.sent_types == ["websocket.accept", "websocket.send", "websocket.close"]
    assert wire.sent[-1]["code"] == CLOSE_BAD_HELLO


async def test_steering_is_received_applied_and_shown(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greet(socket)
        await talk.say(type="steer", id=11, prompt="night now", chunks=1)
        assert (await talk.hear("received"))["id"] == 11
        applied = await talk.hear("applied")
        chunk = await talk.hear("chunk")
    assert applied["id"] == 11
    assert (chunk["chunk_index"], chunk["pts"]) == (applied["chunk_index"], applied["pts"])
    assert chunk["prompt"] == "night now"
    assert chunk["profile"]["spans_ms"].keys() == {"denoise"}


async def test_mistakes_are_answered_and_the_socket_lives_on(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greet(socket)
        for text, code, id in (
            ("{", "bad_json", None),
            ('{"type":"zoom","id":1}', "unknown_type", 1),
            ('{"type":"steer","id":2,"prompt":""}', "bad_prompt", 2),
            (b"\xff", "bad_message", None),
            (json.dumps({"type": "steer", "id": 3, "prompt": fake_engine.REFUSE}), "bad_prompt", 3),
        ):
            await socket.send(text)
            error = await talk.hear("error")
            assert (error["code"], error.get("id")) == (code, id)
        await talk.say(type="steer", id=4, prompt="a day")
        assert (await talk.hear("applied"))["id"] == 4


async def test_a_huge_message_ends_its_own_socket_only(live: Live) -> None:
    async with live.socket() as bystander, live.socket() as socket:
        watching = await greet(bystander)
        talk = await greet(socket)
        await socket.send("x" * 70_000)
        assert await talk.end() == 1009
        await watching.hear("chunk")


async def test_a_text_frame_that_is_not_utf8_ends_its_own_socket_only(live: Live) -> None:
    async with live.socket() as bystander, live.socket() as socket:
        watching = await greet(bystander)
        talk = await greet(socket)
        await socket.send(b"\xff\xfe", text=True)
        assert await talk.end() == 1007
        await watching.hear("chunk")


async def test_pause_and_resume_are_told_to_everybody(live: Live) -> None:
    async with live.socket() as one, live.socket() as other:
        steering = await greet(one)
        watching = await greet(other, steering.session)
        await steering.say(type="pause", id=1)
        assert (await steering.hear("applied"))["id"] == 1
        assert (await watching.hear("state"))["status"] == "paused"
        await steering.say(type="resume", id=2)
        assert (await watching.hear("state"))["status"] == "running"


async def test_an_engine_that_dies_is_told_and_comes_back(live: Live) -> None:
    async with live.socket() as socket:
        talk = await greet(socket)
        await talk.say(type="cut", id=1, prompt=fake_engine.RAISE)
        error = await talk.hear("error")
        assert (error["code"], error["id"]) == ("engine_failed", 1)
        assert (await talk.hear("chunk"))["prompt"] == "after the exception"


async def test_too_many_sockets_are_turned_away(live: Live) -> None:
    sockets = [await live.socket() for _ in range(MAX_SOCKETS)]
    async with live.socket() as last:
        assert (await Talk(last).hear("error"))["code"] == "full"
        assert await Talk(last).end() == CLOSE_FULL
    for socket in sockets:
        await socket.close()


async def test_a_socket_that_does_not_read_is_given_up(live: Live) -> None:
    """Its receipts pile up until there is no room; the session never waits for it."""
    wire = Wire(n_accepted=2)
    wire.incoming.put_nowait('{"type":"hello","version":1}')
    handling = asyncio.create_task(ControlSockets(live.house).handle(wire.socket))
    for id in range(200):
        wire.incoming.put_nowait(json.dumps({"type": "pause", "id": id}))
    async with asyncio.timeout(10):
        await handling
    assert wire.sent_types == ["websocket.accept", "websocket.send", "websocket.close"]
    assert wire.sent[-1]["code"] == CLOSE_STUCK
