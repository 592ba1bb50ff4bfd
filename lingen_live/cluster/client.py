"""`ClusterClient`: one stream of a cluster, as an `EngineClient`; it outlives the device that makes it.

Of one event loop. Knows what its device owes it: a chunk that was asked for, and answers to controls. Does not know
other streams, nor where it goes next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from lingen_live.cluster.device import Device
from lingen_live.cluster.link import LinkGoneError
from lingen_live.cluster.media import FromStage
from lingen_live.cluster.messages import Say, Want
from lingen_live.cluster.placement import Kind, Seeker
from lingen_live.engine.base_stream import BaseStream
from lingen_live.engine.carry import Carried
from lingen_live.engine.client import (
    ChunkReady,
    ControlRefused,
    EngineChanged,
    EngineEvent,
    WorkerDied,
    WorkerRestarted,
)
from lingen_live.engine.control import EngineControl, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.messages import Opened
from lingen_live.engine.queries import engine_error
from lingen_live.engine.question import Question
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Refusal
from lingen_live.errors import ClusterError, EngineError

MAX_DEATHS = 3
"""So many engines in turn may die over a stream's chunk; with the second it begins anew, with the third it ends."""


logger = logging.getLogger(__name__)


class Office(Protocol):
    """What a stream needs from its host."""

    async def started(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until some engine is warm; errors as of `EngineHost.start`."""

    def release(self, client: ClusterClient) -> None:
        """The stream is closed."""


class Follower(Protocol):
    """What goes where a stream goes."""

    async def invite(self, target: Device) -> None:
        """The stream is about to go there; may take a moment."""

    def settle(self, device: Device) -> None:
        """The stream is there now."""

    def lose(self, device: Device) -> None:
        """The device is gone, whether the stream was there or not."""

    def hear(self, device: Device, event: FromStage) -> None:
        """Something happened to the stream's video at a device."""


class ClusterClient(BaseStream):
    """A stream.

    Args:
        number: unique in its host.
        prompt: words that it begins with.
        seed: of the noise.
        office: of its host.
        name: that it is kept under; None to keep nothing of it.
        snapshot: how it was when the gateway before this one kept it, to go on from.

    Attributes:
        device: where it is, or is on its way to; None while it waits for a place.
        snapshot: how it was after one of its last chunks, to go on from if the device dies.
        booth: of its video, if that leaves where it is made.
    """

    def __init__(
        self,
        number: int,
        prompt: str,
        seed: int,
        office: Office,
        name: str | None = None,
        snapshot: Carried | None = None,
    ) -> None:
        super().__init__(number, prompt, seed)
        self.device: Device | None = None
        self.name = name
        self.snapshot = snapshot
        self.booth: Follower | None = None
        self._office = office
        self._unanswered: dict[int, Say] = {}
        self._wanted_s: float | None = None
        self._is_seated = False  # also not while it moves
        self._is_placed = False
        self._is_asked = False  # a chunk is being made, or waits for its turn there
        self._settled = asyncio.Event()
        self._settled.set()
        self._next_index = 0
        self._is_recovering = False
        self._n_deaths = 0

    # The EngineClient interface.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until an engine is warm and has room for the stream.

        Raises:
            LingenError: there is no engine, or it refuses the stream.
        """
        await self._office.started(on_progress)
        await self._opened.wait()
        if self._refusal is not None:
            raise engine_error(self._refusal.code, self._refusal.message)
        if self.is_closed or self.device is None or self.device.facts is None:
            raise EngineError("The stream was closed, or lost its device, before it was open.")
        return self.device.facts.info

    async def request(self, ready_s: float = 0.0, n_steps: int | None = None) -> None:
        """Ask for one more chunk; a no-op while one is being made, kept in mind while there is no device.

        Raises:
            EngineError: other steps than the model's own are asked for, which only a machine of one's own makes.
        """
        if n_steps is not None:
            raise EngineError(f"{n_steps} steps are asked for; a cluster makes chunks with the model's own alone.")
        if not (self.is_closed or self._is_asked):
            self._wanted_s = ready_s
            self._ask()

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        """Have `control` taken before the next chunk that is asked for, or instead of the one that is being made."""
        said = self._unanswered[control.id] = Say(self.number, control, turn)
        if self._is_seated and self.device is not None:
            self.device.tell(said)

    def _release(self) -> None:
        self._office.release(self)

    # What its host does with it.

    @property
    def seeker(self) -> Seeker:
        """It, in want of a place."""
        made_by = Kind(self.snapshot.digest, self.snapshot.dtype) if self.snapshot else None
        return Seeker(self.number, made_by, self._opened.is_set() or self.snapshot is not None)

    @property
    def seat(self) -> Device | None:
        """Where it is open; None while it is on its way, or waits."""
        return self.device if self._is_placed else None

    def refuse_of_old(self, kind: Kind) -> bool:
        """End it if the gateway before kept it of other weights: it would wait for their engine for ever."""
        theirs = self.seeker.kind
        if self._opened.is_set() or theirs in (None, kind):
            return False
        assert theirs is not None
        sentence = (
            f"The session was made with the weights {theirs.digest[:12]} in {theirs.dtype}; these are "
            f"{kind.digest[:12]} in {kind.dtype}. It is still kept, for a gateway with its own."
        )
        logger.warning("%s", sentence)
        self.refuse(Refusal((), ClusterError.code, sentence))
        return True

    def end(self) -> None:
        """No more events come."""
        super().end()
        self.snapshot = None
        self._settled.set()

    def refuse(self, refusal: Refusal) -> None:
        """No engine takes it."""
        self._refusal = refusal
        self.end()

    def hear(self, event: EngineEvent, snapshot: Carried | None) -> None:
        """Something happened at its device; how it was then, if that was told."""
        self.snapshot = snapshot or self.snapshot
        match event:
            case ChunkReady():
                self._answer(event.applied_ids)
                event = self._took(event)
            case ControlRefused():
                self._answer(event.ids)
            case _:
                pass
        self.tell(event)

    def sit(self, device: Device, opened: Opened, *, is_moved: bool = False) -> None:
        """It is open at a device; `is_moved` if it never stopped."""
        assert device.facts is not None
        self.device, self._is_seated, self._is_placed = device, True, True
        if self.booth is not None:
            self.booth.settle(device)
        if is_moved:
            self.tell(EngineChanged(device.facts.info))
        elif self._opened.is_set():
            self.tell(WorkerRestarted(device.facts.info, opened.is_resumed))
        self._opened.set()
        for said in self._unanswered.values():
            device.tell(said)
        self._ask()

    async def rise(self) -> None:
        """Take nothing more from its device; what is being made there still comes."""
        self._is_seated = False
        await self._settled.wait()

    def lose(self, reason: str, retry_in_s: float) -> None:
        """Its device is gone."""
        was_open = self._opened.is_set()
        self.device, self._is_seated, self._is_placed, self._is_recovering = None, False, False, True
        if self._is_asked:
            self._n_deaths += 1
            self._refuse(tuple(self._unanswered), reason)
            self._unanswered.clear()
            self._wanted_s, self._is_asked = 0.0, False
        self._settled.set()
        if self._n_deaths == MAX_DEATHS - 1:  # perhaps it is its past that no engine can live with
            self.snapshot = None
        if self._n_deaths >= MAX_DEATHS:
            self.end()
        elif was_open:
            self.tell(WorkerDied(reason, retry_in_s))

    def _ask(self) -> None:
        if self._wanted_s is not None and self._is_seated and self.device is not None:
            self.device.tell(Want(self.number, self._wanted_s))
            self._wanted_s, self._is_asked = None, True
            self._settled.clear()

    def _took(self, chunk: ChunkReady) -> ChunkReady:
        """The chunk that was asked for, as it is passed on."""
        self._is_asked, self._n_deaths = False, 0
        self._settled.set()
        self._note(chunk)
        if self._is_recovering and chunk.chunk_index != self._next_index:
            chunk = replace(chunk, is_fresh=True)  # it goes on from before what was made last
        self._is_recovering, self._next_index = False, chunk.chunk_index + 1
        return chunk

    def _answer(self, ids: Sequence[int]) -> None:
        for id in ids:
            self._unanswered.pop(id, None)

    async def _query(self, what: Question) -> bytes | Scenario:
        if not self._is_seated or self.device is None:
            raise EngineError("The stream is on its way to a device; ask again in a moment.")
        try:
            answer = await self.device.link.ask(self.number, what)
        except LinkGoneError as error:
            raise EngineError(f"{error} Ask again in a moment.") from error
        if answer.refusal is not None:
            raise engine_error(answer.refusal.code, answer.refusal.message)
        assert answer.value is not None
        return answer.value
