"""What a host and its worker process say to each other. Plain values, no torch."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.carry import Carried
from lingen_live.engine.client import ChunkReady
from lingen_live.engine.control import Order, Turn
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.question import Question
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.tick import Refusal


@dataclass(frozen=True, slots=True)
class Open:
    """To the worker: open a stream under a number, and go on from `kept` if it can, or from what was carried here."""

    number: int
    prompt: str
    seed: int
    kept: KeptTimeline | None = None
    carried: Carried | None = None


@dataclass(frozen=True, slots=True)
class Attach:
    """To the worker: chunks go into the shared memory of this name, and streams lie in what is handed over next.

    Attributes:
        name: of the memory for frames.
        n_rows: chunks that it holds.
        pool_bytes: of the memory whose descriptor follows; 0 when none does.
        streams: to be opened first, before anything is written.
    """

    name: str
    n_rows: int
    pool_bytes: int
    streams: tuple[Open, ...]


@dataclass(frozen=True, slots=True)
class Close:
    """To the worker: forget a stream."""

    number: int


@dataclass(frozen=True, slots=True)
class Job:
    """A stream whose next chunk is wanted, with the orders that it is made under; words may count from `turn`.

    `n_steps` are denoising steps; None for the model's own.
    """

    number: int
    orders: tuple[Order, ...]
    turn: Turn | None = None
    n_steps: int | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """Of all its orders."""
        return tuple(id for order in self.orders for id in order.ids)


@dataclass(frozen=True, slots=True)
class TickRequest:
    """To the worker: make these chunks in one pass."""

    jobs: tuple[Job, ...]


@dataclass(frozen=True, slots=True)
class Abandon:
    """To the worker: the chunks that are being made are not wanted; too late, it is ignored."""


@dataclass(frozen=True, slots=True)
class Query:
    """To the worker: answer between two chunks."""

    question: int
    number: int
    what: Question


@dataclass(frozen=True, slots=True)
class Stop:
    """To the worker: end."""


@dataclass(frozen=True, slots=True)
class Progress:
    """From the worker: how far building has come; `fraction` of the stage, 0 to 1."""

    stage: str
    fraction: float


@dataclass(frozen=True, slots=True)
class Ready:
    """From the worker: warm, and waiting for `Attach`.

    Attributes:
        info: facts about the engine.
        pool_bytes: memory that its streams lie in.
        costs_s: seconds of a pass of 1, 2, ... streams, as far as they were tried.
    """

    info: EngineInfo
    pool_bytes: int
    costs_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Opened:
    """From the worker: a stream is there; why not, if there is a refusal."""

    number: int
    is_resumed: bool
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True)
class Attached:
    """From the worker: it holds all memory; names are not needed any more."""

    streams: tuple[Opened, ...]


@dataclass(frozen=True, slots=True)
class Done:
    """One chunk of a tick.

    Attributes:
        number: of its stream.
        shape: of the frames, which are in the shared memory.
        chunk: all else about it.
        refusals: orders that were not taken.
        kept: what is needed to go on from it.
    """

    number: int
    shape: tuple[int, ...]
    chunk: ChunkReady
    refusals: tuple[Refusal, ...]
    kept: KeptTimeline | None

    def with_frames(self, frames: NDArray[np.uint8]) -> ChunkReady:
        """The chunk as it is passed on."""
        return replace(self.chunk, frames=frames)


@dataclass(frozen=True, slots=True)
class TickDone:
    """From the worker: the chunks of the jobs, in their order."""

    chunks: tuple[Done, ...]


@dataclass(frozen=True, slots=True)
class TickAbandoned:
    """From the worker: there is no chunk, and no order was taken."""


@dataclass(frozen=True, slots=True)
class Answer:
    """From the worker: to a query; why not, if there is a refusal."""

    question: int
    value: bytes | Scenario | None
    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class Changed:
    """From the worker: the engine says something new about itself."""

    info: EngineInfo


@dataclass(frozen=True, slots=True)
class Failed:
    """From the worker: its last words. `details` is a traceback for the log, or empty."""

    code: str
    message: str
    details: str


ToWorker = Attach | Open | Close | TickRequest | Abandon | Query | Stop
FromWorker = Progress | Ready | Attached | Opened | TickDone | TickAbandoned | Answer | Changed | Failed
