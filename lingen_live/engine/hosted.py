"""`HostedStream`: one stream of a host, as an `EngineClient`. The same wherever the host computes.

Of one event loop. Knows what waits for its next chunk. Does not know processes, threads or other streams.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from lingen_live.engine.base_stream import BaseStream
from lingen_live.engine.carry import Carried
from lingen_live.engine.client import ChunkReady, refused
from lingen_live.engine.control import EngineControl, Mailbox, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import OnProgress
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.messages import Job, Open, Opened
from lingen_live.engine.queries import engine_error
from lingen_live.engine.question import Question
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Refusal
from lingen_live.errors import EngineError


class Office(Protocol):
    """What a stream needs from its host."""

    async def started(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until the engine is warm; errors as of `EngineHost.start`."""

    def want(self, stream: HostedStream, ready_s: float) -> None:
        """Make the next chunk of a stream that has `ready_s` left to play."""

    def hurry(self, stream: HostedStream) -> None:
        """The stream has an order now: it does not wait for what is made in the background."""

    def abandon(self, stream: HostedStream) -> None:
        """What is being made for the stream is not wanted any more, if that costs nobody else anything."""

    async def ask(self, stream: HostedStream, what: Question) -> bytes | Scenario:
        """A question between two chunks; raises `LingenError` if there is no answer."""

    def release(self, stream: HostedStream) -> None:
        """The stream is closed."""


class HostedStream(BaseStream):
    """A stream, its mailbox and its events.

    Args:
        number: of the stream, unique in its host.
        prompt: words that it begins with.
        seed: of the noise.
        office: of its host.
        is_background: nobody watches it made; it takes only the time that no other stream needs.
        carried: goes on from there, in place of beginning with `prompt`.

    Attributes:
        is_resumed: whether it goes on from somewhere.
        n_steps: denoising steps of the chunk that was asked for last; None for the model's own.
        own_cost_s: how long its last chunk with other steps than those took.
        deferred_s: how long the chunk that is being made waited because it could.
    """

    def __init__(
        self,
        number: int,
        prompt: str,
        seed: int,
        office: Office,
        *,
        is_background: bool = False,
        carried: Carried | None = None,
    ) -> None:
        super().__init__(number, prompt, seed)
        self.is_background = is_background
        self.is_open = False
        self.is_resumed = False
        self.kept: KeptTimeline | None = None
        self.carried = carried
        self._office = office
        self.n_steps: int | None = None
        self.own_cost_s: float | None = None
        self.deferred_s = 0.0
        self._mailbox = Mailbox()
        self._turn: Turn | None = None

    # The EngineClient interface.

    async def start(self, on_progress: OnProgress) -> EngineInfo:
        """Wait until the engine is warm and the stream is open.

        Raises:
            LingenError: the engine cannot be built, or has no room for the stream.
        """
        info = await self._office.started(on_progress)
        await self._opened.wait()
        if self._refusal is not None:
            raise engine_error(self._refusal.code, self._refusal.message)
        if self.is_closed:
            raise EngineError("The stream was closed before it was open.")
        return info

    async def request(self, ready_s: float = 0.0, n_steps: int | None = None) -> None:
        """Ask for one more chunk; a no-op while one is being made, kept in mind while the engine restarts."""
        if not self.is_closed:
            self.n_steps = n_steps
            self._office.want(self, ready_s)

    async def control(self, control: EngineControl, turn: Turn | None = None) -> None:
        """Have `control` taken before the next chunk that is asked for, or instead of the one that is being made."""
        self._mailbox.post(control)
        self._turn = turn or self._turn
        if turn is not None:
            self._office.abandon(self)
        self._office.hurry(self)

    async def _query(self, what: Question) -> bytes | Scenario:
        return await self._office.ask(self, what)

    def _release(self) -> None:
        self._office.release(self)

    # What the host does with it.

    @property
    def has_orders(self) -> bool:
        """Whether somebody waits to see what they asked for."""
        return len(self._mailbox) > 0

    @property
    def opening(self) -> Open:
        """How it is opened, in an engine that has just been built or has run for long."""
        return Open(self.number, self.prompt, self.seed, self.kept, self.carried)

    def hear_opened(self, opened: Opened) -> None:
        """The engine has it now, or refuses it."""
        self._refusal = opened.refusal
        self.is_open = opened.refusal is None
        self.is_resumed = opened.is_resumed
        self._opened.set()

    def take_job(self) -> Job:
        """Its next chunk, with all that waits for it."""
        turn, self._turn = self._turn, None
        return Job(self.number, self._mailbox.drain(), turn, self.n_steps)

    def hear_chunk(self, chunk: ChunkReady, refusals: tuple[Refusal, ...], kept: KeptTimeline | None) -> None:
        """Its next chunk is there."""
        self.kept, self.carried = kept, None
        self._note(chunk)
        for refusal in refusals:
            self.tell(refused(refusal))
        self.tell(replace(chunk, deferred_s=self.deferred_s))

    def hear_abandoned(self, job: Job) -> None:
        """Its next chunk is not being made, and no order was taken."""
        self._mailbox.put_back(job.orders)

    def hear_lost(self, job: Job, reason: str) -> None:
        """The engine ended over its next chunk."""
        self._refuse(job.ids, reason)
        self._turn = None
