"""One receiver's queue: whole groups of frames or none."""

from __future__ import annotations

import asyncio

from lingen_live.serve.coded import CodedFrame
from lingen_live.serve.packets import PacketQueue


def frame(number: int, is_key: bool = False) -> CodedFrame:
    return CodedFrame(bytes([number]), number, is_key, ())


class Asked:
    def __init__(self) -> None:
        self.n = 0

    def __call__(self) -> None:
        self.n += 1


async def drain(queue: PacketQueue) -> list[int]:
    taken = []
    while len(queue):
        taken.append(await queue.next())
    return [it.pts for it in taken if it is not None]


async def test_it_begins_with_a_keyframe_and_asks_for_one() -> None:
    asked = Asked()
    queue = PacketQueue(asked)
    for number in range(3):
        queue.deliver(frame(number))
    assert (len(queue), asked.n, queue.n_dropped) == (0, 3, 0)
    queue.deliver(frame(3, is_key=True))
    queue.deliver(frame(4))
    assert await drain(queue) == [3, 4]


async def test_who_falls_behind_loses_all_up_to_the_next_keyframe() -> None:
    asked = Asked()
    queue = PacketQueue(asked, max_frames=3)
    queue.deliver(frame(0, is_key=True))
    for number in range(1, 6):
        queue.deliver(frame(number))
    assert (len(queue), queue.n_dropped) == (0, 6)
    assert asked.n == 3
    queue.deliver(frame(6, is_key=True))
    queue.deliver(frame(7))
    assert await drain(queue) == [6, 7]


async def test_a_keyframe_into_a_full_queue_takes_its_place() -> None:
    queue = PacketQueue(Asked(), max_frames=2)
    for number in range(2):
        queue.deliver(frame(number, is_key=number == 0))
    queue.deliver(frame(2, is_key=True))
    assert await drain(queue) == [2]


async def test_a_frame_is_waited_for_until_the_end() -> None:
    queue = PacketQueue(Asked())
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.close()
    assert await waiting is None
    queue.deliver(frame(1, is_key=True))
    assert len(queue) == 0
