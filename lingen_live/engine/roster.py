"""`Roster`: the streams of one engine and whose chunk is made next; the same wherever the engine computes.

Of one event loop. Asks the scheduler each time the engine is free, so streams come and go between chunks. Knows streams
and requests. Does not know processes, threads or playback.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.carry import Carried
from lingen_live.engine.client import EngineEvent
from lingen_live.engine.hosted import HostedStream, Office
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.messages import Done, Job
from lingen_live.engine.scheduler import Demand, RecurrentStateScheduler

Clock = Callable[[], float]


class Roster:
    """All streams of a host.

    Args:
        office: of the host.
        send: has jobs done; `settle`, `put_back` or `lose` says what became of them.
        clock: monotonic seconds.
    """

    def __init__(self, office: Office, send: Callable[[tuple[Job, ...]], None], clock: Clock = time.monotonic) -> None:
        self._office = office
        self._send = send
        self._clock = clock
        self._numbers = itertools.count()
        self._scheduler: RecurrentStateScheduler | None = None
        self._dry_at_s: dict[int, float] = {}
        self._patient_since_s: dict[int, float] = {}  # those that wait for the background because they can
        self._in_flight: tuple[Job, ...] = ()
        self._begun_s = 0.0
        self._suspects: frozenset[int] = frozenset()
        self.streams: dict[int, HostedStream] = {}

    def __len__(self) -> int:
        return len(self.streams)

    def add(
        self, prompt: str, seed: int, *, is_background: bool = False, carried: Carried | None = None
    ) -> HostedStream:
        """One more stream; not open yet."""
        number = next(self._numbers)
        stream = HostedStream(number, prompt, seed, self._office, is_background=is_background, carried=carried)
        self.streams[stream.number] = stream
        return stream

    def remove(self, stream: HostedStream) -> None:
        """Forget a stream; a chunk that is being made for it is dropped when it comes."""
        self.streams.pop(stream.number, None)
        self._dry_at_s.pop(stream.number, None)
        self._patient_since_s.pop(stream.number, None)

    def rate(self, max_batch: int, costs_s: Sequence[float]) -> None:
        """An engine was built, and tried."""
        self._scheduler = RecurrentStateScheduler(max_batch, costs_s)

    def capacity(self, info: EngineInfo) -> int | None:
        """How many streams play without end."""
        return self._scheduler.capacity(info.frames_per_chunk / info.fps) if self._scheduler else None

    def want(self, stream: HostedStream, ready_s: float) -> None:
        """A stream asks for its next chunk."""
        if not any(job.number == stream.number for job in self._in_flight):
            self._dry_at_s[stream.number] = math.inf if stream.is_background else self._clock() + ready_s
            self._make_way(stream)
        self.pump()

    def _make_way(self, stream: HostedStream) -> None:
        """Have what is made in the background dropped, if this stream cannot wait for it."""
        at_work = [self.streams.get(job.number) for job in self._in_flight]
        if stream.is_background or self._scheduler is None or not at_work:
            return
        if any(one is not None and not one.is_background for one in at_work):
            return
        cost_s, now_s = self._scheduler.cost_s[0], self._clock()
        busy_s = max(one.own_cost_s or cost_s if one is not None and one.n_steps else cost_s for one in at_work)
        free_at_s = max(now_s, self._begun_s + busy_s)
        if stream.has_orders or free_at_s + cost_s > self._dry_at_s[stream.number]:
            self._patient_since_s.pop(stream.number, None)
            for one in at_work:
                if one is not None:
                    self._office.abandon(one)
        else:
            self._patient_since_s[stream.number] = now_s

    def hurry(self, stream: HostedStream) -> None:
        """A stream has an order; if it waits for its next chunk already, that is urgent now."""
        if stream.number in self._dry_at_s:
            self._make_way(stream)

    def makes_only(self, stream: HostedStream) -> bool:
        """Whether what is being made is for this stream alone."""
        return [job.number for job in self._in_flight] == [stream.number]

    def pump(self) -> None:
        """Have the most urgent chunks made, if none are being made."""
        if self._scheduler is None or self._in_flight:
            return
        open_ones = {number: dry for number, dry in self._dry_at_s.items() if self.streams[number].is_open}
        now_s = self._clock()
        chosen = self._scheduler.next_batch([Demand(number, dry) for number, dry in open_ones.items()], now_s)
        if not chosen:
            return
        n_steps = self.streams[chosen[0]].n_steps
        chosen = tuple(number for number in chosen if self.streams[number].n_steps == n_steps)  # a pass has one number
        self._in_flight = tuple(self.streams[number].take_job() for number in chosen)
        self._begun_s = now_s
        for number in chosen:
            del self._dry_at_s[number]
            self.streams[number].deferred_s = now_s - self._patient_since_s.pop(number, now_s)
        self._send(self._in_flight)

    def settle(self, chunks: Sequence[tuple[Done, NDArray[np.uint8]]]) -> None:
        """What was in flight is there, with its frames."""
        self._note_cost(self._clock() - self._begun_s)
        self._in_flight = ()
        self._suspects = frozenset()
        for done, frames in chunks:
            if stream := self.streams.get(done.number):
                stream.hear_chunk(done.with_frames(frames), done.refusals, done.kept)
        self.pump()

    def _note_cost(self, took_s: float) -> None:
        """What was in flight took so long; with other steps than the model's own, that tells of its stream alone."""
        if self._scheduler is None or not self._in_flight:
            return
        if self._in_flight[0].n_steps is None:
            self._scheduler.observe(len(self._in_flight), took_s)
        elif stream := self.streams.get(self._in_flight[0].number):
            stream.own_cost_s = took_s

    def put_back(self) -> None:
        """What was in flight was abandoned, and is asked for again at once."""
        jobs, self._in_flight = self._in_flight, ()
        for job in jobs:
            if stream := self.streams.get(job.number):
                stream.hear_abandoned(job)
                # Somebody waits to see their words.
                self._dry_at_s[job.number] = math.inf if stream.is_background else self._begun_s
        self.pump()

    def lose(self, reason: str) -> None:
        """The engine ended; what was in flight is asked for again when there is another."""
        jobs, self._in_flight = self._in_flight, ()
        self._scheduler = None
        numbers = frozenset(job.number for job in jobs)
        for job in jobs:
            if stream := self.streams.get(job.number):
                stream.hear_lost(job, reason)
                self._dry_at_s[job.number] = math.inf if stream.is_background else self._clock()
                if job.number in self._suspects:  # twice in turn: perhaps it is its past that no engine can live with
                    stream.kept = None
        self._suspects = numbers
        for stream in self.streams.values():
            stream.is_open = False

    def forget_pasts(self) -> None:
        """All streams begin anew in the next engine."""
        for stream in self.streams.values():
            stream.kept = None

    def tell(self, event: EngineEvent) -> None:
        """An event for every stream."""
        for stream in self.streams.values():
            stream.tell(event)

    def end(self) -> None:
        """No more events come, of any stream."""
        for stream in self.streams.values():
            stream.end()
        self.streams.clear()
        self._dry_at_s.clear()
