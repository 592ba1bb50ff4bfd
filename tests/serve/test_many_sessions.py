"""Several people at once, over HTTP and WebSockets, on the real engine in a worker process."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from served import Live, Talk, running_server
from tiny_engine import make_tiny

from lingen_live.engine.client import EngineHost
from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.worker_host import WorkerHost

LEASE_S = 1.0


class People:
    """A server, and whoever came."""

    def __init__(self, live: Live, host: EngineHost, stack: AsyncExitStack) -> None:
        self.live = live
        self.host = host
        self._stack = stack
        self._here: list[Talk] = []

    async def come(self, session: str | None = None) -> Talk:
        """Somebody opens the page."""
        talk = Talk(await self._stack.enter_async_context(self.live.socket()))
        self._here.append(talk)
        await talk.say(type="hello", version=1, **({} if session is None else {"session": session}))
        return talk

    def abort(self) -> None:
        """Everybody's connection is gone without a farewell."""
        for talk in self._here:
            talk.socket.transport.abort()
        self._here.clear()

    async def settle(self, session: str | None = None) -> Talk:
        """Somebody opens the page, and gets a session."""
        talk = await self.come(session)
        talk.session = (await talk.hear("state"))["session"]
        return talk


@pytest.fixture(autouse=True)
def _is_not_rated(monkeypatch: pytest.MonkeyPatch) -> None:
    """How many get in must not depend on what else this machine does."""
    for kind in (InProcessHost, WorkerHost):
        monkeypatch.setattr(kind, "capacity", None)


@pytest.fixture
def options(tiny_bundle: Path) -> EngineOptions:
    return EngineOptions(checkpoint=str(tiny_bundle), n_sessions=2)


@pytest.fixture
async def people(web_directory: Path, options: EngineOptions) -> AsyncIterator[People]:
    host = InProcessHost(options, make_tiny)
    async with running_server(web_directory, LEASE_S, host) as live, AsyncExitStack() as stack:
        yield People(live, host, stack)


async def steered(talk: Talk, prompt: str, id: int = 1) -> dict[str, Any]:
    """The chunk that first obeys."""
    await talk.say(type="steer", id=id, prompt=prompt)
    await talk.hear("applied")
    while (chunk := await talk.hear("chunk"))["prompt"] != prompt:
        pass
    return chunk


async def test_each_has_a_stream_of_their_own_and_steers_that_alone(people: People) -> None:
    one, other = await people.settle(), await people.settle()
    assert one.session != other.session
    await steered(one, "night over the sea")
    assert (await other.hear("chunk"))["prompt"] == "a day"
    await steered(other, "fog")
    assert (await one.hear("chunk"))["prompt"] == "night over the sea"
    stories = [
        (await people.live.http.get("/scenario.json", params={"session": talk.session})).json() for talk in (one, other)
    ]
    assert [story["seed"] for story in stories] == [7, 8]
    assert [[event[2] for event in story["events"]] for story in stories] == [["night over the sea"], ["fog"]]
    for path in ("/scenario.json", "/session.lgs"):
        answer = await people.live.http.get(path, params={"session": "gone"})
        assert (answer.status_code, answer.json()["code"]) == (404, "no_session")


async def test_friends_share_a_session_by_its_id(people: People) -> None:
    one = await people.settle()
    friend = await people.settle(one.session)
    assert friend.session == one.session
    await steered(friend, "rain")
    while (await one.hear("chunk"))["prompt"] != "rain":
        pass


async def test_a_third_waits_is_told_so_and_gets_the_place_of_who_left(people: People) -> None:
    one, other = await people.settle(), await people.settle()
    third = await people.come()
    assert (await third.hear("line")) == {"type": "line", "place": 1, "n_waiting": 1, "n_sessions": 2}
    await third.say(type="steer", id=4, prompt="fog")
    error = await third.hear("error")
    assert (error["code"], error["id"]) == ("in_line", 4)
    assert (await people.live.http.get("/readyz")).json()["n_waiting"] == 1
    await one.socket.close()
    third.session = (await third.hear("state"))["session"]
    assert third.session not in (one.session, other.session)
    await steered(third, "fog")
    assert (await other.hear("chunk"))["prompt"] == "a day"


async def test_a_reload_finds_the_stream_where_it_was(people: People) -> None:
    one = await people.settle()
    chunk = await steered(one, "night over the sea")
    await one.socket.close()
    again = await people.settle(one.session)
    assert again.session == one.session
    later = await again.hear("chunk")
    assert later["chunk_index"] > chunk["chunk_index"]
    assert later["prompt"] == "night over the sea"


async def test_a_killed_worker_costs_nobody_their_stream_and_nothing_is_left_of_those_who_vanish(
    web_directory: Path, options: EngineOptions
) -> None:
    host = WorkerHost(options, make_tiny, first_retry_s=0.05)
    async with running_server(web_directory, LEASE_S, host) as live, AsyncExitStack() as stack:
        people = People(live, host, stack)
        await worker_is_killed(people, host)
        await all_vanish(people)
        assert len(live.house.rooms) <= 1
        assert len(host._roster) <= 1
    assert multiprocessing.active_children() == []
    assert [thread.name for thread in threading.enumerate() if "lingen" in thread.name] == []


async def worker_is_killed(people: People, host: WorkerHost) -> None:
    """Two people with branches; the worker dies; both go on with all of theirs."""
    talks = [await people.settle(), await people.settle()]
    timelines = []
    for talk, words in zip(talks, ("night", "fog"), strict=True):
        await steered(talk, words, 1)
        await talk.say(type="fork", id=2, name="aside")
        await talk.hear("applied")
        timelines.append(await talk.hear("timeline"))
    assert host._life is not None
    os.kill(host._life.pid, signal.SIGKILL)
    for talk, words, before in zip(talks, ("night", "fog"), timelines, strict=True):
        while (await talk.hear("state"))["status"] != "restarting":
            pass
        while (await talk.hear("state"))["status"] != "running":
            pass
        await steered(talk, words, 3)
        after = await talk.hear("timeline")
        assert [branch["name"] for branch in after["branches"]] == ["main", "aside"]
        assert after["thumbnails"] == before["thumbnails"]
        assert after["chunk_index"] > before["chunk_index"]
        assert {tuple(moment) for moment in before["moments"]} <= {tuple(moment) for moment in after["moments"]}


async def all_vanish(people: People) -> None:
    """Whoever is there is gone without a farewell; others come, and vanish too."""
    for n_more in (2, 0):
        people.abort()
        async with asyncio.timeout(60):
            while any(room.is_claimed for room in people.live.house.rooms):  # noqa: ASYNC110 (a lease has no event)
                await asyncio.sleep(0.05)
        talks = [await people.settle() for _ in range(n_more)]
        await asyncio.gather(*(talk.hear("chunk") for talk in talks))
