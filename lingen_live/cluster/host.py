"""`ClusterHost`: the engines of many devices, as one `EngineHost`. Places streams, moves them, brings them back.

Of one event loop. Knows devices and streams. Does not know Ray, nor HTTP.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.counts import Move
from lingen_live.cluster.device import Device
from lingen_live.cluster.keeping import Keeper
from lingen_live.cluster.link import Link
from lingen_live.cluster.media import FromStage
from lingen_live.cluster.messages import Heard, Leave
from lingen_live.cluster.metrics import cluster_metrics
from lingen_live.cluster.moving import Mover, open_at
from lingen_live.cluster.placement import Kind, Room, place, relieve
from lingen_live.cluster.scaling import Scaler, ScalingPlan
from lingen_live.engine.client import Returning
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.messages import Failed
from lingen_live.engine.queries import engine_error
from lingen_live.errors import EngineError
from lingen_live.profile.prometheus import Metric

Connect = Callable[[str, str | None], Link]
"""Begins a life of a device's engine: the device's name, and the dtype that it must have, None for any."""

RELIEF_S = 5.0
"""Between two sessions that are moved because their device has too many."""

logger = logging.getLogger(__name__)


class ClusterHost:
    """An `EngineHost` over devices.

    Args:
        names: of the devices, one or more.
        connect: reaches them.
        dtype: of all engines; None to have all take what the first one chooses, for streams move only between equals.
        keeper: keeps all sessions as files, until they end, and has those of the gateway before; None to keep none.
        scaling: how many devices have an engine; None for all of them, always.
        first_retry_s: see `Device`.
        hang_s: see `Device`.

    Attributes:
        devices: all, also those that are gone.
    """

    def __init__(
        self,
        names: Sequence[str],
        connect: Connect,
        *,
        dtype: str | None,
        keeper: Keeper | None = None,
        scaling: ScalingPlan | None = None,
        first_retry_s: float = 0.5,
        hang_s: float = 120.0,
    ) -> None:
        self._dtype = dtype
        self._kind: Kind | None = None
        self._connect = connect
        self.devices = [
            Device(name, partial(self._connect_to, name), self, first_retry_s=first_retry_s, hang_s=hang_s)
            for name in names
        ]
        plan = scaling or ScalingPlan(len(names), len(names))
        self._scaler = Scaler(plan, self.devices, lambda one: len(self._at(one)), self._start_more, self.hear_leaving)
        self._keeper = keeper or Keeper()
        self._mover = Mover(self.devices, self._rooms)
        self._clients: dict[int, ClusterClient] = {}
        self._numbers = itertools.count()
        self._listeners: list[OnProgress] = []
        self._started: asyncio.Future[EngineInfo] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_relieving = False
        self._is_closed = False

    # The EngineHost interface.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Start the engines and wait until the first one is warm.

        Raises:
            LingenError: there is no device on which one can be built; the first reason.
        """
        self._started = asyncio.get_running_loop().create_future()
        self._start_more()
        self._spawn(self._scaler.run(lambda: len(self._clients)))
        return await self.started(on_progress)

    @property
    def moves(self) -> Sequence[Move]:
        """The last ones, oldest first."""
        return self._mover.moves

    @property
    def returning(self) -> Sequence[Returning]:
        """Streams of the gateway before this one."""
        return self._keeper.returning

    def open(self, *, prompt: str, seed: int, is_background: bool = False, name: str | None = None) -> ClusterClient:
        """One more stream, also before an engine is warm; it goes on if it is returning.

        Raises:
            EngineError: it is to be made in the background, which no cluster does.
        """
        if is_background:
            raise EngineError("A cluster makes nothing in the background; it has sessions only.")
        client = ClusterClient(next(self._numbers), prompt, seed, self, name, self._keeper.left(name))
        self._clients[client.number] = client
        self._pump()
        return client

    def forget(self, name: str) -> None:
        """A stream has ended for good."""
        for client in self._clients.values():
            if client.name == name:
                client.name = None  # nothing of it is kept any more
        self._keeper.forget(name)

    @property
    def capacity(self) -> int | None:
        """How many streams all devices together make as fast as they play; None while nothing was measured."""
        ready = [device for device in self.devices if device.state == "ready"]
        return sum(device.n_in_time for device in ready) or None

    def metrics(self) -> list[Metric]:
        """Of every device: how it is, and what was made, moved and lost there."""
        return cluster_metrics(self.devices, self._clients.values())

    async def close(self) -> None:
        """End all engines and streams; idempotent."""
        if self._is_closed:
            return
        self._is_closed = True
        for client in list(self._clients.values()):
            client.end()
        self._clients.clear()
        for device in self.devices:
            device.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._keeper.settled()
        self._fail(EngineError("The engines were closed before one was warm."))

    # What its streams ask of it.

    async def started(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until an engine is warm; errors as of `start`."""
        if self._started is None:
            raise EngineError("A stream was started before the engines.")
        self._listeners.append(on_progress)
        try:
            return await asyncio.shield(self._started)
        finally:
            self._listeners.remove(on_progress)

    def release(self, client: ClusterClient) -> None:
        """The stream is closed."""
        self._clients.pop(client.number, None)
        if client.device is not None:
            client.device.tell(Leave(client.number))
        self._pump()

    # What devices tell.

    def hear_progress(self, device: Device, stage: str, fraction: float) -> None:
        """How far building has come."""
        if self._started is not None and not self._started.done():
            for listener in list(self._listeners):
                listener(f"{device.name}: {stage}", fraction)

    def hear_ready(self, device: Device) -> None:
        """An engine is warm."""
        assert device.facts is not None
        self._dtype = device.facts.info.dtype
        self._kind = self._kind or device.kind
        if self._started is not None and not self._started.done():
            self._started.set_result(device.facts.info)
        self._start_more()
        self._pump()

    def hear_event(self, device: Device, heard: Heard) -> None:
        """Something happened to a stream."""
        client = self._clients.get(heard.number)
        if client is None:
            return
        if isinstance(event := heard.event, FromStage):
            if client.booth is not None:
                client.booth.hear(device, event)
        elif client.device is device:
            client.hear(event, heard.snapshot)
            if client.name is not None and heard.snapshot is not None:
                self._keeper.keep(client.name, client.prompt, client.seed, heard.snapshot)

    def hear_leaving(self, device: Device) -> None:
        """Take all streams elsewhere, then end the engine."""
        self._spawn(self._drain(device))

    def hear_gone(self, device: Device, reason: str, retry_in_s: float) -> None:
        """Bring all streams back that were there."""
        logger.warning("%s Its sessions go on elsewhere, or here when it is back.", reason)
        for client in self._clients.values():
            if client.booth is not None:
                client.booth.lose(device)
        for client in self._at(device):
            device.counts.n_lost += 1
            client.lose(reason, retry_in_s)
            if client.is_closed:
                self._clients.pop(client.number, None)
        self._pump()

    def hear_refused(self, device: Device, failed: Failed) -> None:
        """Go on without a device."""
        logger.warning("%s", failed.message)
        if all(one.state == "refused" for one in self.devices):
            self._fail(engine_error(failed.code, failed.message))
        self._start_more()

    # Placing and moving.

    def _pump(self) -> None:
        """Place whom there is room for; who makes others late is moved to a better place before newcomers get it."""
        if not self._is_relieving and not self._is_closed and (move := relieve(self._rooms())):
            self._is_relieving = True
            self._spawn(self._relieve(move[0]))
        for client in list(self._clients.values()):
            if self._kind is not None and client.refuse_of_old(self._kind):
                self._clients.pop(client.number)
        seekers = [client.seeker for client in self._clients.values() if client.device is None]
        if seekers and not self._is_closed:
            by_name = {device.name: device for device in self.devices}
            for number, name in place(seekers, self._rooms()).items():
                client = self._clients[number]
                client.device = by_name[name]
                self._spawn(self._seat(client, by_name[name]))

    async def _seat(self, client: ClusterClient, device: Device) -> None:
        opened = await open_at(client, device, client.snapshot)
        if opened is None or client.device is not device:
            return  # the device is gone; who was there is told of it
        if opened.refusal is not None and client.snapshot is not None:
            logger.warning("A session begins anew: %s", opened.refusal.message)
            client.snapshot = None
            opened = await open_at(client, device, None) or opened
        if client.is_closed:
            device.tell(Leave(client.number))
        elif opened.refusal is not None:
            self._clients.pop(client.number, None)
            client.refuse(opened.refusal)
        else:
            device.counts.n_taken_over += client.seeker.is_live
            client.sit(device, opened)

    async def _drain(self, device: Device) -> None:
        """One after the other, for each takes the target's time; whoever finds no place now, when there is one."""
        while device.state == "draining" and (clients := self._at(device)):
            n_before = len(clients)
            for client in clients:
                await self._mover.move(client, device)
            if len(self._at(device)) == n_before:
                await asyncio.sleep(0.2)
        if device.state == "draining":
            device.end()

    async def _relieve(self, name: str) -> None:
        """Move one session; how many are played in time is measured, so it is not done more often than that shows."""
        source = next(device for device in self.devices if device.name == name)
        try:
            if source.state == "ready" and (clients := self._at(source)):
                await self._mover.move(clients[-1], source, is_live=False)
            await asyncio.sleep(RELIEF_S)
        finally:
            self._is_relieving = False
        self._pump()

    def _rooms(self) -> list[Room]:
        """Of all devices that take streams."""
        return [
            Room(device.name, device.kind, device.facts.n_slots, device.n_in_time, len(self._at(device)))
            for device in self.devices
            if device.state == "ready" and device.facts is not None and device.kind is not None
        ]

    def _at(self, device: Device) -> list[ClusterClient]:
        return [client for client in self._clients.values() if client.device is device]

    def _connect_to(self, name: str) -> Link:
        return self._connect(name, self._dtype)

    def _start_more(self) -> None:
        """Start all devices; but one after the other until it is known in which arithmetic."""
        for device in self.devices:
            if self._dtype is None and any(one.state == "starting" for one in self.devices):
                return
            if device.state == "waiting" and device not in self._scaler.resting:
                device.state = "starting"
                self._spawn(device.run())

    def _fail(self, error: EngineError) -> None:
        if self._started is not None and not self._started.done():
            self._started.set_exception(error)
            self._started.exception()  # if nobody waits for it, that is no mistake

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
