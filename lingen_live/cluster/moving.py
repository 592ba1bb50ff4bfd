"""`Mover`: moves one stream from device to device between two of its chunks, its viewers ahead of it.

Of one event loop. Knows devices and streams. Does not know when to move, nor which of several.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.counts import Move
from lingen_live.cluster.device import Device
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.messages import Leave
from lingen_live.cluster.placement import Room, place
from lingen_live.engine.messages import Opened

_N_MOVES = 256


class Mover:
    """Moves streams.

    Args:
        devices: all.
        rooms: how many places each has now.

    Attributes:
        moves: the last ones.
    """

    def __init__(self, devices: Sequence[Device], rooms: Callable[[], list[Room]]) -> None:
        self._devices = devices
        self._rooms = rooms
        self.moves: deque[Move] = deque(maxlen=_N_MOVES)

    async def move(self, client: ClusterClient, source: Device, *, is_live: bool = True) -> None:
        """Move a stream from `source` to wherever there is a place; nothing happens if there is none.

        Args:
            client: the stream.
            source: where it is.
            is_live: whether it may take a place beyond those in time.
        """
        seeker = replace(client.seeker, is_live=is_live)
        name = place([seeker], [room for room in self._rooms() if room.name != source.name]).get(client.number)
        if name is None:
            return
        target = next(device for device in self._devices if device.name == name)
        if client.booth is not None:
            await client.booth.invite(target)
        await client.rise()  # the chunk that is being made is played
        if client.is_closed or client.device is not source:
            _turn_away(client, target)
        else:
            await self._carry(client, source, target)

    async def _carry(self, client: ClusterClient, source: Device, target: Device) -> None:
        begun_s = time.monotonic()
        try:
            carried = await source.link.carry(client.number)
        except LinkGoneError:
            _turn_away(client, target)
            return  # and whoever was there hears of it
        opened = await open_at(client, target, carried)
        if client.is_closed or client.device is not source:
            _turn_away(client, target)
        elif opened is None or opened.refusal is not None:
            client.sit(source, Opened(client.number, True), is_moved=True)
            _turn_away(client, target)
        else:
            client.sit(target, opened, is_moved=True)
            source.tell(Leave(client.number))
            self.moves.append(Move(client.number, source.name, target.name, time.monotonic() - begun_s))
            source.counts.n_moved_out += 1
            target.counts.note_arrival(self.moves[-1].pause_s)


async def open_at(client: ClusterClient, device: Device, carried: Any) -> Opened | None:
    """Open a stream at a device, going on from what was carried there; None if the device is gone."""
    try:
        return await device.link.open(client.number, client.prompt, client.seed, carried)
    except LinkGoneError:
        return None


def _turn_away(client: ClusterClient, target: Device) -> None:
    """It does not move there after all, and viewers may have gone ahead; if it is there, its device has died."""
    if client.device is not target:
        target.tell(Leave(client.number))
