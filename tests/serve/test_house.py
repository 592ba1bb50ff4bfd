"""Who gets a session, who waits, and what is left when they are gone: against a scripted host, by an invented clock."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest
from scripted_client import ScriptedHost

from lingen_live.engine.client import OnProgress, Returning
from lingen_live.engine.info import EngineInfo
from lingen_live.errors import EngineError
from lingen_live.serve import protocol
from lingen_live.serve.errors import HttpError, ProtocolError
from lingen_live.serve.house import MAX_WAITING, RELOAD_S, House, Visitor
from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import ErrorEvent, LineEvent, StateEvent
from lingen_live.serve.waiting import MIN_ENDED

LEASE_S = 30.0


class Stage:
    """A house, and a clock that stands still unless it is told."""

    def __init__(self, max_sessions: int = 2) -> None:
        self.now_s = 100.0
        self.host = ScriptedHost()
        self.house = House(
            self.host,
            prompt="a day",
            seed=7,
            transition_chunks=2,
            max_sessions=max_sessions,
            lease_s=LEASE_S,
            clock=lambda: self.now_s,
        )
        self.running = asyncio.create_task(self.house.run(lambda stage, fraction: None, lambda info: None))

    def pass_time(self, seconds: float) -> None:
        self.now_s += seconds
        self.house._tend()

    async def leave(self, *visitors: Visitor) -> None:
        """They leave, and their leases run out."""
        for visitor in visitors:
            self.house.leave(visitor)
        self.pass_time(LEASE_S + 1)
        await asyncio.gather(*self.house._closing)
        await asyncio.sleep(0)
        self.pass_time(0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    it = Stage()
    await asyncio.sleep(0.01)
    yield it
    it.running.cancel()
    await it.house.close()
    assert it.host.is_closed
    assert all(client.is_closed for client in it.host.clients)
    assert it.house.rooms == ()


def enter(stage: Stage, session: str | None = None) -> Visitor:
    return stage.house.enter(session, Outbox())


async def last_line(visitor: Visitor) -> LineEvent:
    event = await visitor.outbox.next()
    assert isinstance(event, LineEvent)
    return event


def session_id(visitor: Visitor) -> str:
    assert visitor.room is not None
    return visitor.room.id


async def test_there_is_a_session_before_anybody_comes_and_the_first_gets_it(stage: Stage) -> None:
    (room,) = stage.house.rooms
    first = enter(stage)
    assert first.room is room
    state = await first.outbox.next()
    assert isinstance(state, StateEvent)
    assert (state.session, state.seed) == (room.id, 7)


async def test_the_second_gets_one_of_their_own_with_other_dice(stage: Stage) -> None:
    first, second = enter(stage), enter(stage)
    assert session_id(first) != session_id(second)
    assert [client.opening for client in stage.host.clients] == [("a day", 7), ("a day", 8)]


async def test_who_names_a_session_joins_it_also_when_there_is_a_line(stage: Stage) -> None:
    first, second, third = enter(stage), enter(stage), enter(stage)
    friend = enter(stage, session_id(first))
    assert friend.room is first.room
    assert third.room is None
    assert second.room is not first.room


async def test_who_names_one_that_is_gone_gets_another(stage: Stage) -> None:
    assert session_id(enter(stage, "gone")) != "gone"


async def test_beyond_the_capacity_people_wait_and_are_told_their_place(stage: Stage) -> None:
    inside = [enter(stage), enter(stage)]
    third, fourth = enter(stage), enter(stage)
    assert await last_line(third) == LineEvent(1, 2, 2)
    assert await last_line(fourth) == LineEvent(2, 2, 2)
    with pytest.raises(ProtocolError, match="no session to steer") as caught:
        await third.control(protocol.ResetControl(5))
    assert (caught.value.code, caught.value.id) == ("in_line", 5)
    await stage.leave(inside[0])
    assert third.room is not None
    assert await last_line(fourth) == LineEvent(1, 1, 2)
    stage.house.leave(fourth)
    assert stage.house.n_waiting == 0


async def test_who_waits_is_told_how_long_once_enough_sessions_have_ended(stage: Stage) -> None:
    for _ in range(MIN_ENDED):
        visitor = enter(stage)
        stage.pass_time(600 - LEASE_S - 1)
        await stage.leave(visitor)
    enter(stage), enter(stage)
    third, fourth = enter(stage), enter(stage)
    # Two play, each for ten minutes in the mean.
    assert await last_line(third) == LineEvent(1, 2, 2, 300_000)
    assert await last_line(fourth) == LineEvent(2, 2, 2, 600_000)
    stage.pass_time(60)
    assert len(third.outbox) == 0  # about as before
    stage.pass_time(300)
    assert await last_line(third) == LineEvent(1, 2, 2, 420_000)  # nobody has left yet


async def test_who_leaves_the_line_moves_the_others_up(stage: Stage) -> None:
    _, _, third, fourth = (enter(stage) for _ in range(4))
    stage.house.leave(third)
    assert await last_line(fourth) == LineEvent(1, 1, 2)


async def test_the_line_is_bounded(stage: Stage) -> None:
    for _ in range(2 + MAX_WAITING):
        enter(stage)
    with pytest.raises(ProtocolError, match=f"{MAX_WAITING} visitors wait in line; at most {MAX_WAITING} may"):
        enter(stage)


async def test_a_reload_within_the_lease_finds_the_same_session(stage: Stage) -> None:
    first = enter(stage)
    id = session_id(first)
    stage.house.leave(first)
    stage.pass_time(LEASE_S - 1)
    again = enter(stage, id)
    assert session_id(again) == id
    stage.pass_time(2 * LEASE_S)
    assert len(stage.house.rooms) == 1
    assert not stage.host.clients[0].is_closed


async def test_when_somebody_waits_an_empty_session_is_kept_no_longer_than_a_reload_takes(stage: Stage) -> None:
    first, second = enter(stage), enter(stage)
    stage.house.leave(first)
    stage.house.leave(second)
    third = enter(stage)
    stage.pass_time(RELOAD_S - 1)
    assert len(stage.house.rooms) == 2
    stage.pass_time(2)
    assert len(stage.house.rooms) == 1  # one is needed, one is ended
    await asyncio.gather(*stage.house._closing)
    await asyncio.sleep(0)
    stage.pass_time(0)
    assert third.room is not None


async def test_a_session_that_nobody_came_back_to_is_ended_and_another_stands_ready(stage: Stage) -> None:
    first = enter(stage)
    id = session_id(first)
    await stage.leave(first)
    assert stage.host.clients[0].is_closed
    (room,) = stage.house.rooms
    assert room.id != id
    assert not room.is_claimed
    with pytest.raises(HttpError, match="has ended") as caught:
        stage.house.room(id)
    assert caught.value.status == 404
    stage.pass_time(10 * LEASE_S)
    assert stage.house.rooms == (room,)  # one that nobody has had yet costs nothing and stays


async def test_capacity_is_what_was_measured_but_no_more_than_was_allowed(stage: Stage) -> None:
    assert stage.house.n_places == 2
    stage.host.capacity = 1
    first, second = enter(stage), enter(stage)
    assert second.room is None
    stage.host.capacity = None  # the engine is being built again: what was measured still counts
    stage.pass_time(1)
    assert second.room is None
    stage.host.capacity = 9
    stage.pass_time(1)
    assert second.room is not None
    assert stage.house.n_places == 2
    stage.host.capacity = 1  # slower now: nobody is thrown out
    stage.pass_time(1)
    assert first.room in stage.house.rooms
    assert second.room in stage.house.rooms


async def test_until_the_engine_is_warm_there_is_one_session_and_a_line() -> None:
    stage = Stage()
    stage.host.may_start.clear()
    await asyncio.sleep(0.01)
    first, second = enter(stage), enter(stage)
    assert first.room is not None
    assert second.room is None
    stage.host.may_start.set()
    await asyncio.sleep(0.01)
    assert second.room is not None
    stage.running.cancel()
    await stage.house.close()


async def test_a_session_that_cannot_be_opened_is_told_and_costs_nobody_else_anything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = enter(stage)

    async def refuse(*args: object) -> None:
        raise EngineError("4 streams are open; at most 4 may be.")

    monkeypatch.setattr("scripted_client.ScriptedClient.start", refuse)
    second = enter(stage)
    await asyncio.sleep(0.01)
    events = [await second.outbox.next() for _ in range(3)]
    assert isinstance(events[1], ErrorEvent)
    assert "at most 4 may be" in events[1].message
    assert events[2] == LineEvent(1, 1, 2)
    assert stage.house.rooms == (first.room,)
    monkeypatch.undo()
    await asyncio.gather(*stage.house._closing)  # until then its place is taken
    await asyncio.sleep(0)
    stage.pass_time(1)
    assert second.room is not None


async def test_nothing_is_left_of_many_who_came_and_went(stage: Stage) -> None:
    n_tasks = len(asyncio.all_tasks())
    for _ in range(10):
        await stage.leave(*[enter(stage) for _ in range(5)])
    assert len(stage.house.rooms) == 1
    assert stage.house.n_waiting == 0
    assert [client.is_closed for client in stage.host.clients].count(False) == 1
    await asyncio.sleep(0)
    assert len(asyncio.all_tasks()) == n_tasks


async def test_a_house_that_is_ended_as_it_begins_leaves_no_failure_unheard() -> None:
    """As when somebody pressed Ctrl-C before the loop ran: the engine ends before anybody waited for it."""

    class Unready(ScriptedHost):
        def __init__(self) -> None:
            super().__init__()
            self.ended = asyncio.Event()

        async def start(self, on_progress: OnProgress) -> EngineInfo:
            await self.ended.wait()
            raise EngineError("The engine was closed before it was warm.")

        async def close(self) -> None:
            self.ended.set()
            await super().close()

    unheard: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: unheard.append(context["message"]))
    house = House(Unready(), prompt="a day", seed=7, transition_chunks=2, max_sessions=1)
    running = asyncio.create_task(house.run(lambda stage, fraction: None, lambda info: None))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(house.close(), running, return_exceptions=True)
    await asyncio.sleep(0.01)
    del running  # it holds what it began
    gc.collect()
    assert unheard == []


async def test_a_session_that_is_published_goes_on_and_is_whoever_comes_nexts(stage: Stage) -> None:
    first = enter(stage)
    (room,) = stage.house.rooms
    async with room.viewers.outgoing():
        await stage.leave(first)
        assert stage.house.rooms == (room,)
        assert not stage.host.clients[0].is_closed
        assert enter(stage).room is room
        stage.pass_time(10 * LEASE_S)
        assert enter(stage).room is not room


async def test_sessions_that_return_wait_for_those_who_know_them() -> None:
    stage = Stage()
    stage.host.returning = (Returning("abc", "a night", 5), Returning("def", "dunes", 9), Returning("ghi", "sea", 11))
    stage.host.may_start.clear()
    await asyncio.sleep(0.01)
    back = enter(stage, "abc")
    assert session_id(back) == "abc"
    assert [client.opening for client in stage.host.clients] == [("a night", 5), ("dunes", 9), ("sea", 11)]
    stage.now_s += 10 * LEASE_S  # the engine takes its time
    stage.host.may_start.set()
    await asyncio.sleep(0.01)
    assert enter(stage).room is None  # others are not given what is not theirs, and nobody is sent away for them
    stage.pass_time(RELOAD_S - 1)
    assert session_id(enter(stage, "def")) == "def"
    stage.pass_time(2)
    assert [room.id for room in stage.house.rooms] == ["abc", "def"]
    assert stage.host.forgotten == ["ghi"]
    stage.running.cancel()
    await stage.house.close()
    assert stage.host.forgotten == ["ghi"]  # what was open when this ended may return once more
