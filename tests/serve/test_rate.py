"""How often somebody may ask, with a clock that was made up."""

from __future__ import annotations

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from lingen_live.serve.rate import TokenBucket
from lingen_live.serve.throttle import Throttle


def test_a_burst_and_then_as_they_come() -> None:
    bucket = TokenBucket(2, 3)
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert [bucket.take(1000) for _ in range(4)] == [True, True, True, False]


def test_a_clock_that_stands_or_goes_back_gives_nothing_away() -> None:
    bucket = TokenBucket(1, 1)
    assert bucket.take(50)
    assert not bucket.take(40)
    assert not bucket.take(50.9)
    assert bucket.take(51)


def test_who_reserves_waits_for_its_turn_and_loses_nothing() -> None:
    bucket = TokenBucket(10, 2)
    assert [bucket.reserve(7) for _ in range(4)] == pytest.approx([0, 0, 0.1, 0.2])
    assert bucket.reserve(7.3) == pytest.approx(0)


async def test_what_changes_something_is_turned_away_when_it_comes_too_thick() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await PlainTextResponse("done")(scope, receive, send)

    now_s = [5.0]
    throttled = Throttle(app, TokenBucket(1, 2), lambda: now_s[0])
    async with httpx.AsyncClient(transport=httpx.ASGITransport(throttled), base_url="http://here") as http:
        assert [(await http.post("/whep")).status_code for _ in range(3)] == [200, 200, 429]
        assert (await http.delete("/whep/1")).headers["retry-after"] == "1"
        assert (await http.get("/readyz")).status_code == 200
        now_s[0] += 1
        assert (await http.post("/whep")).status_code == 200
