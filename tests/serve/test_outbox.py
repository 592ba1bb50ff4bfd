"""What is lost when a socket is slow, and what never is."""

from __future__ import annotations

import asyncio

from lingen_live.serve.outbox import Outbox
from lingen_live.serve.protocol import ChunkEvent, Event, ReceivedEvent, StateEvent


def chunk(index: int) -> ChunkEvent:
    return ChunkEvent(index, 0, "a", 1.0, {}, 0.0, 16.0, {}, "trained", None)


def state(n_viewers: int) -> StateEvent:
    return StateEvent(1, "running", None, "a", 0, 16.0, 8, 8, 8, 0, n_viewers, 2, "trained", {}, "s")


async def drain(outbox: Outbox) -> list[Event]:
    return [await outbox.next() for _ in range(len(outbox))]


async def test_first_in_first_out() -> None:
    outbox = Outbox()
    events: list[Event] = [ReceivedEvent(1), chunk(0), ReceivedEvent(2)]
    for event in events:
        outbox.post(event)
    assert await drain(outbox) == events


async def test_the_oldest_chunk_goes_first() -> None:
    outbox = Outbox(3)
    for event in (chunk(0), ReceivedEvent(1), chunk(1), chunk(2), ReceivedEvent(2)):
        outbox.post(event)
    assert await drain(outbox) == [ReceivedEvent(1), chunk(2), ReceivedEvent(2)]


async def test_a_chunk_yields_to_receipts() -> None:
    outbox = Outbox(2)
    for event in (ReceivedEvent(1), ReceivedEvent(2), chunk(0)):
        outbox.post(event)
    assert await drain(outbox) == [ReceivedEvent(1), ReceivedEvent(2)]
    assert not outbox.is_stuck


async def test_a_state_replaces_an_older_one() -> None:
    outbox = Outbox()
    for event in (state(1), ReceivedEvent(1), state(2)):
        outbox.post(event)
    assert await drain(outbox) == [ReceivedEvent(1), state(2)]


async def test_receipts_without_room_mean_a_stuck_reader() -> None:
    outbox = Outbox(2)
    for id in range(2):
        outbox.post(ReceivedEvent(id))
    assert not outbox.is_stuck
    outbox.post(ReceivedEvent(2))
    assert outbox.is_stuck
    await outbox.until_stuck()


async def test_a_waiting_reader_is_woken() -> None:
    outbox = Outbox()
    reading = asyncio.create_task(outbox.next())
    await asyncio.sleep(0)
    assert not reading.done()
    outbox.post(ReceivedEvent(1))
    assert await reading == ReceivedEvent(1)
