"""An application that is made with the first request, once, and tried again when that failed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator

import httpx
import pytest
from starlette.responses import PlainTextResponse

from lingen_live.studio.lazy import Lazy


def client(lazy: Lazy) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(lazy), base_url="http://here")


async def test_it_is_made_once_on_another_thread_while_requests_wait() -> None:
    made_on: list[str] = []
    may_go = threading.Event()

    def make() -> PlainTextResponse:
        assert may_go.wait(20)
        made_on.append(threading.current_thread().name)
        return PlainTextResponse("there")

    async with client(Lazy(make)) as http:
        asking = [asyncio.create_task(http.get("/")) for _ in range(3)]
        await asyncio.sleep(0)
        asking[0].cancel()  # who goes away takes it from nobody else
        may_go.set()
        assert [(await each).text for each in asking[1:]] == ["there", "there"]
        assert (await http.get("/")).text == "there"
    assert len(made_on) == 1
    assert made_on[0].startswith("lingen-studio")


async def test_a_failure_is_told_and_it_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    answers: Iterator[Exception | PlainTextResponse] = iter(
        [RuntimeError("an installation that does not fit"), PlainTextResponse("there")]
    )

    def make() -> PlainTextResponse:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async with client(Lazy(make)) as http:
        failed = await http.get("/")
        assert failed.status_code == 500
        assert "the terminal of the server says why" in failed.text
        assert "does not fit" in caplog.text
        assert (await http.get("/")).text == "there"
