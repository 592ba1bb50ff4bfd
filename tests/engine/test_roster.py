"""Whose chunk is made next, and what becomes of it: by an invented clock, without an engine."""

from __future__ import annotations

from typing import Any

import fake_engine
import numpy as np
import pytest

from lingen_live.engine.client import ChunkReady, ControlRefused
from lingen_live.engine.control import Steer
from lingen_live.engine.hosted import HostedStream
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.messages import Done, Job, Opened
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.question import Question
from lingen_live.engine.roster import Roster
from lingen_live.profile.spans import ChunkProfile

FRAMES = np.zeros((1, 1, 1, 3), np.uint8)
KEPT = KeptTimeline((), (), 0, 0, 1)


class Office:
    """Passes on what streams want; answers nothing."""

    def __init__(self) -> None:
        self.now_s = 10.0
        self.sent: list[tuple[Job, ...]] = []
        self.abandoned: list[int] = []
        self.roster = Roster(self, self.sent.append, lambda: self.now_s)
        self.n_released = 0

    async def started(self, on_progress: object) -> Any:
        raise AssertionError

    def want(self, stream: HostedStream, ready_s: float) -> None:
        self.roster.want(stream, ready_s)

    def hurry(self, stream: HostedStream) -> None:
        self.roster.hurry(stream)

    def abandon(self, stream: HostedStream) -> None:
        self.abandoned.append(stream.number)

    async def ask(self, stream: HostedStream, what: Question) -> Any:
        raise AssertionError

    def release(self, stream: HostedStream) -> None:
        self.roster.remove(stream)

    def open(self, n_streams: int, *, is_background: bool = False) -> list[HostedStream]:
        streams = [self.roster.add("a day", seed, is_background=is_background) for seed in range(n_streams)]
        for stream in streams:
            stream.hear_opened(Opened(stream.number, False))
        return streams

    def finish(self, took_s: float = 0.1) -> None:
        """What was sent last is done."""
        self.now_s += took_s
        jobs = self.sent[-1]
        self.roster.settle([(Done(job.number, FRAMES.shape, chunk(), (), KEPT), FRAMES) for job in jobs])

    @property
    def numbers(self) -> list[list[int]]:
        return [[job.number for job in jobs] for jobs in self.sent]


def chunk() -> ChunkReady:
    return ChunkReady(FRAMES, 0, "a day", 1.0, 0, ChunkProfile(0, ()), (), False)


@pytest.fixture
def office() -> Office:
    return Office()


async def test_one_pass_at_a_time_and_the_most_urgent_next(office: Office) -> None:
    a, b, c = office.open(3)
    office.roster.rate(1, (0.1,))
    await a.request(0.4)
    await b.request(0.3)
    await c.request(0.2)
    await a.request(0.0)  # one is being made for it
    assert office.numbers == [[0]]
    office.finish()
    assert office.numbers == [[0], [2]]
    office.finish()
    office.finish()
    assert office.numbers == [[0], [2], [1]]


async def test_in_company_when_that_pays(office: Office) -> None:
    a, b, c = office.open(3)
    office.roster.rate(2, (0.1, 0.12))
    for stream in (a, b, c):
        await stream.request(0.5)
    office.finish()
    assert office.numbers == [[0], [1, 2]]
    assert office.roster.capacity(fake_engine.FakeEngine(EngineOptions()).info) == 7  # 0.9 x 0.5 s / 0.06 s


async def test_what_nobody_watches_is_made_when_nobody_else_needs_a_turn(office: Office) -> None:
    (film,) = office.open(1, is_background=True)
    (live,) = office.open(1)
    office.roster.rate(2, (0.1, 0.1))
    await live.request(0.3)
    await film.request()
    office.finish()
    assert office.numbers == [[1], [0]]  # in turn, although company would cost nothing
    await live.request(0.4)
    assert office.abandoned == []  # it can wait for that
    office.finish()
    assert office.numbers == [[1], [0], [1]]


@pytest.mark.parametrize(("ready_s", "has_orders"), [(0.15, False), (10.0, True)])
async def test_it_makes_way_for_who_cannot_wait(office: Office, ready_s: float, has_orders: bool) -> None:
    (film,) = office.open(1, is_background=True)
    (live,) = office.open(1)
    office.roster.rate(1, (0.1,))
    await film.request()
    if has_orders:
        await live.control(Steer(4, "a night"))
    await live.request(ready_s)
    assert office.abandoned == [0]
    office.roster.put_back()
    assert office.numbers == [[0], [1]]
    office.finish()
    assert office.numbers == [[0], [1], [0]]


async def test_who_waits_because_it_can_is_told_so_and_waits_no_longer_with_words(office: Office) -> None:
    (film,) = office.open(1, is_background=True)
    (live,) = office.open(1)
    office.roster.rate(1, (0.1,))
    events = live.events()
    await film.request()
    await live.request(0.4)
    office.finish(took_s=0.07)
    office.finish()
    event = await anext(events)
    assert isinstance(event, ChunkReady)
    assert event.deferred_s == pytest.approx(0.07)
    await film.request()
    await live.request(0.4)
    assert office.abandoned == []
    await live.control(Steer(1, "night"))
    assert office.abandoned == [0]
    office.roster.put_back()
    office.finish()
    event = await anext(events)
    assert isinstance(event, ChunkReady)
    assert event.deferred_s == 0.0


async def test_other_steps_go_alone_and_what_they_cost_is_their_own(office: Office) -> None:
    film, other = office.open(2, is_background=True)
    (live,) = office.open(1)
    office.roster.rate(2, (0.1, 0.1))
    await live.request(0.3)
    await film.request(n_steps=8)
    await other.request()
    office.finish()
    office.finish(took_s=0.3)
    assert [[(job.number, job.n_steps) for job in jobs] for jobs in office.sent] == [[(2, None)], [(0, 8)], [(1, None)]]
    assert office.roster.capacity(fake_engine.FakeEngine(EngineOptions()).info) == 9  # not slower for it
    office.finish()
    await film.request(n_steps=8)
    await live.request(0.35)  # its own chunk would be too late after one of 0.3 s
    assert office.abandoned == [0]


async def test_a_stream_that_is_watched_makes_way_for_none(office: Office) -> None:
    a, b = office.open(2)
    office.roster.rate(1, (0.1,))
    await a.request(1.0)
    await b.request(0.0)
    assert office.abandoned == []


async def test_nothing_is_sent_before_there_is_an_engine_or_for_a_stream_that_is_gone(office: Office) -> None:
    a, b = office.open(2)
    await a.request()
    await b.request()
    await a.close()
    await a.request()
    assert office.sent == []
    office.roster.rate(1, ())
    office.roster.pump()
    assert office.numbers == [[1]]
    await b.close()
    office.finish()  # nobody is there to take it
    assert len(office.roster) == 0


async def test_what_was_abandoned_is_made_again_first_with_its_orders(office: Office) -> None:
    a, b = office.open(2)
    office.roster.rate(1, ())
    await a.control(Steer(1, "night"))
    await a.request(0.4)
    await b.request(0.1)
    await a.control(Steer(2, "fog"))
    office.roster.put_back()
    assert office.numbers == [[0], [0]]
    assert office.sent[1][0].ids == (1, 2)


async def test_a_past_that_kills_twice_is_given_up_and_others_are_not(office: Office) -> None:
    a, b = office.open(2)
    for stream in (a, b):
        stream.kept = KEPT
    for _ in range(2):
        office.roster.rate(1, ())
        for stream in (a, b):
            stream.hear_opened(Opened(stream.number, True))
        await a.control(Steer(1, "night"))
        await a.request()
        assert office.numbers[-1] == [0]
        assert a.kept is KEPT
        office.roster.lose("It died.")
    assert a.kept is None
    assert b.kept is KEPT
    event = await anext(a.events())
    assert isinstance(event, ControlRefused)
    assert (event.ids, event.message) == ((1,), "It died. The request was not applied; send it again.")


async def test_a_chunk_in_between_clears_of_suspicion(office: Office) -> None:
    (a,) = office.open(1)
    a.kept = KEPT
    await a.request()
    office.roster.rate(1, ())
    office.roster.pump()
    office.roster.lose("It died.")
    a.hear_opened(Opened(0, True))
    office.roster.rate(1, ())
    office.roster.pump()  # asked for again by itself
    office.finish()
    await a.request()
    office.roster.lose("It died.")
    assert a.kept is KEPT
    assert office.numbers == [[0], [0], [0]]
