"""What of Gradio may be reached, and with what. Behind the gate is a stand-in that tells what it got."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from lingen_live.studio.gate import HEADERS, MAX_BODY_BYTES, Gate

JOIN = "/studio/gradio_api/queue/join"


async def behind(request: Request) -> Response:
    headers = {"access-control-allow-origin": request.headers["origin"]} if "origin" in request.headers else {}
    return JSONResponse({"path": request.url.path, "n_bytes": len(await request.body())}, headers=headers)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    inner = Starlette(routes=[Route("/{path:path}", behind, methods=["GET", "HEAD", "POST", "PUT", "DELETE"])])
    app = Starlette(routes=[Mount("/studio", Gate(inner))])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/assets/index-a.js",
        "/static/js/a/b.js",
        "/gradio_api/queue/data?session_hash=a",
        "/films/a-_1.mp4",
        "/films/a.D.lgs",
        "/films/a.A.json",
    ],
)
async def test_what_the_page_needs_passes_with_our_headers(http: httpx.AsyncClient, path: str) -> None:
    answer = await http.get(f"/studio{path}", headers={"Origin": "http://localhost:3000"})
    assert answer.status_code == 200
    assert HEADERS.items() <= {name.title(): value for name, value in answer.headers.items()}.items()
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file/etc/passwd"),
        ("GET", "/gradio_api/proxy=http://example.org/"),
        ("GET", "/gradio_api/stream/a/b/1/playlist.m3u8"),
        ("GET", "/gradio_api/info"),
        ("GET", "/monitoring"),
        ("GET", "/assets/%2e%2e/%2e%2e/etc/passwd"),
        ("GET", "/assets//etc/passwd"),
        ("GET", "/assets/.env"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/gradio_api/process_recording"),
        ("POST", "/login"),
        ("PUT", "/config"),
        ("DELETE", "/films/a.mp4"),
        ("GET", "/films/a.E.lgs"),
        ("GET", "/films/a.lgs"),
        ("GET", "/films/a.A.mp4"),
        ("GET", "/films/../a.A.lgs"),
    ],
)
async def test_nothing_else_passes(http: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await http.request(method, f"/studio{path}", json={} if method == "POST" else None)
    assert (answer.status_code, answer.text) == (404, "There is nothing here.")


@pytest.mark.parametrize(
    "told",
    [
        {"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]},
        {"data": [[["a", {"url": "http://example.org/a.png"}]]]},
        {"data": [{"deep": [{"orig_name": "a"}]}]},
    ],
)
async def test_no_body_names_a_file_or_an_address(http: httpx.AsyncClient, told: Any) -> None:
    answer = await http.post(JOIN, json=told)
    assert answer.status_code == 400
    assert answer.text == "The request names a file or an address; the studio opens neither for a client."


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000])
async def test_what_is_no_json_does_not_pass(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post(JOIN, content=body)
    assert (answer.status_code, answer.text) == (400, "The request is not JSON.")


async def test_bodies_are_bounded_whatever_length_they_claim(http: httpx.AsyncClient) -> None:
    whole = json.dumps({"data": ["a" * (MAX_BODY_BYTES - 100)]}).encode()
    assert (await http.post(JOIN, content=whole)).json()["n_bytes"] == len(whole)
    n_sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal n_sent
        while True:
            n_sent += 2**16
            yield b"a" * 2**16

    answer = await http.post(JOIN, content=endless())
    assert answer.status_code == 413
    assert f"more than {MAX_BODY_BYTES} bytes" in answer.text
    assert n_sent <= MAX_BODY_BYTES + 2**17
