"""Where other machines can come, they must bring the token."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from lingen_live.serve.guard import COOKIE, Guard
from lingen_live.serve.hosts import HostRule

RULE = HostRule.for_host("0.0.0.0")
TOKEN = RULE.token or ""


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that lets everybody in."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"inside"})


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(Guard(answer, RULE))
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.7:8000") as client:
        yield client


async def knock(query: str = "", **headers: str) -> str:
    """What becomes of a WebSocket."""
    scope: dict[str, Any] = {"type": "websocket", "path": "/ws", "query_string": query.encode()}
    scope["headers"] = [(b"host", b"10.0.0.7:8000")] + [(k.encode(), v.encode()) for k, v in headers.items()]
    sent: list[Any] = []

    async def receive() -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await Guard(answer, RULE)(scope, receive, send)
    return str(sent[-1]["type"])


def test_only_beyond_loopback_there_is_one_and_a_new_one_every_time() -> None:
    assert HostRule.for_host("127.0.0.1").token is None
    assert not HostRule.for_host("localhost").knows_token("")
    assert len(TOKEN) >= 22
    assert HostRule.for_host("0.0.0.0").token != TOKEN


def test_one_that_is_given_is_wanted_everywhere() -> None:
    for host in ("127.0.0.1", "0.0.0.0"):
        rule = HostRule.for_host(host, token="chosen-by-somebody")
        assert rule.knows_token("chosen-by-somebody")
        assert not rule.knows_token("")


@pytest.mark.parametrize("path", ["/", "/main.js", "/whep", "/metrics", "/session.lgs", "/?token=", "/?token=wrong"])
async def test_without_it_nothing_is_shown(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(path)
    assert (response.status_code, response.json()["code"]) == (401, "no_token")
    assert response.headers["www-authenticate"] == "Bearer"
    assert TOKEN not in response.text


async def test_health_is_no_secret(http: httpx.AsyncClient) -> None:
    assert (await http.get("/healthz")).text == "inside"


async def test_programs_bear_it(http: httpx.AsyncClient) -> None:
    assert (await http.post("/whep", headers={"Authorization": f"Bearer {TOKEN}"})).text == "inside"
    assert (await http.post("/whep", headers={"Authorization": f"Basic {TOKEN}"})).status_code == 401
    assert (await http.post("/whep", headers={"Authorization": f"Bearer {TOKEN}x"})).status_code == 401


async def test_a_page_brings_it_once_and_then_it_is_a_cookie(http: httpx.AsyncClient) -> None:
    response = await http.get(f"/?token={TOKEN}&session=abc")
    assert (response.status_code, response.headers["location"]) == (303, "?session=abc")
    cookie = response.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}={TOKEN};")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert (await http.get("/main.js")).text == "inside"
    assert (await http.get(f"/?token={TOKEN}")).text == "inside"


@pytest.mark.parametrize("path", ["/", "//evil.example/", "/a/b"])
async def test_it_never_leads_to_another_host(http: httpx.AsyncClient, path: str) -> None:
    response = await http.get(f"http://10.0.0.7:8000{path}?token={TOKEN}")
    assert response.status_code == 303
    target = httpx.URL(f"http://10.0.0.7:8000{path}").join(response.headers["location"])
    assert target.host == "10.0.0.7"


async def test_sockets_need_it_too() -> None:
    async with asyncio.timeout(5):
        assert await knock() == "websocket.close"
        assert await knock("token=wrong") == "websocket.close"
        assert await knock(f"token={TOKEN}") == "websocket.accept"
        assert await knock(cookie=f"a=b; {COOKIE}={TOKEN}") == "websocket.accept"
        assert await knock(authorization=f"Bearer {TOKEN}") == "websocket.accept"


async def test_a_foreign_page_is_refused_before_any_token_counts(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Origin": "http://evil.example"}
    assert (await http.post("/whep", headers=headers)).status_code == 403
    assert await knock(authorization=f"Bearer {TOKEN}", origin="http://evil.example") == "websocket.close"
