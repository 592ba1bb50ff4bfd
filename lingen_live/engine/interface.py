"""The engine as its host sees it: structural types, so a host can be tested with any engine. No torch."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.carry import Carried
from lingen_live.engine.events import Words
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import Scenario
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.view import TimelineView
from lingen_live.profile.spans import ChunkProfile

OnProgress = Callable[[str, float], None]
"""Called with the name of a stage and the fraction of it that is done, 0 to 1."""


class AbandonedError(Exception):
    """The chunk at hand is not wanted any more; nothing was changed."""


class ChunkLike(Protocol):
    """One chunk as it leaves the engine."""

    @property
    def frames(self) -> NDArray[np.uint8]:
        """RGB, 0 to 255, (F, H, W, 3)."""

    @property
    def chunk_index(self) -> int:
        """Chunks since the state was last empty at reset."""

    @property
    def prompt(self) -> str:
        """The words being steered to."""

    @property
    def blend(self) -> float:
        """Weight of `prompt` in this chunk, 0 to 1."""

    @property
    def seed(self) -> int:
        """Seed of the noise."""

    @property
    def profile(self) -> ChunkProfile:
        """Where the time went."""

    @property
    def understanding(self) -> Understanding:
        """What was made of the prompts."""

    @property
    def epoch(self) -> int:
        """Of the timeline when it was made."""

    @property
    def thumbnail(self) -> NDArray[np.uint8]:
        """Of the last frame, RGB, (h, w, 3)."""


class StreamLike(Protocol):
    """One stream: controls take effect with its next chunk."""

    @property
    def is_resumed(self) -> bool:
        """Whether it goes on from what was kept of it."""

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        """Blend towards `prompt` over `n_chunks` chunks."""

    def cut(self, prompt: str) -> None:
        """Start anew with `prompt`."""

    def reset(self) -> None:
        """Start anew at chunk 0."""

    def reseed(self, seed: int) -> None:
        """Start anew from `seed`."""

    def blend(self, parts: Sequence[tuple[str, float]], n_chunks: int = 1) -> None:
        """Blend towards several prompts, each with a weight."""

    def reanchor(self, prompt: str, n_chunks: int) -> None:
        """Go to `prompt` with the last chunks told anew."""

    def seek(self, chunk_index: int) -> None:
        """Go to a kept moment of this branch."""

    def fork(self, chunk_index: int | None = None, name: str | None = None) -> int:
        """Go on from a kept moment on a branch of its own."""

    def switch(self, branch_id: int) -> None:
        """Go on with another branch."""

    def delete(self, branch_id: int) -> None:
        """Forget another branch."""

    def plan(self, verb: Literal["steer", "cut"], words: Words, chunk_index: int, n_chunks: int = 1) -> int:
        """Say words when a later chunk comes."""

    def move_plan(self, plan_id: int, chunk_index: int) -> None:
        """Have a plan come true with another chunk."""

    def cancel_plan(self, plan_id: int) -> None:
        """Forget a plan."""

    def turn_back(self, chunk_index: int, epoch: int) -> bool:
        """Make anew what was made but not shown; whether that is possible."""

    def scenario(self) -> Scenario:
        """This branch, to be played again."""

    def load_scenario(self, scenario: Scenario) -> int:
        """Replay a scenario on a branch of its own."""

    def save_session(self, chunk_index: int | None = None) -> bytes:
        """This branch as a session file; at a kept moment of it, if one is named."""

    def load_session(self, data: bytes) -> int:
        """Go on with a session file on a branch of its own."""

    def view(self) -> TimelineView:
        """The timeline, for people."""

    def mark(self) -> Any:
        """All of the stream as it is now."""

    def restore(self, mark: Any) -> None:
        """Have all of the stream as it was."""

    def kept(self) -> KeptTimeline | None:
        """What another process needs to go on with it; None if none can."""


S = TypeVar("S", bound=StreamLike)


class EngineLike(Protocol[S]):
    """Makes the chunks of streams that it opened."""

    @property
    def info(self) -> EngineInfo:
        """Facts about this engine."""

    @property
    def costs_s(self) -> tuple[float, ...]:
        """Seconds of a pass of 1, 2, ... streams, as far as they were tried."""

    def pool_bytes(self, n_streams: int) -> int:
        """Memory that so many streams lie in, 0 for none; EngineError if the machine does not have it."""

    def attach(self, memory: mmap.mmap, kept: Iterable[KeptTimeline]) -> None:
        """Have streams lie in `memory`, where those of `kept` lie already."""

    def open(self, *, seed: int, prompt: str, kept: KeptTimeline | None, carried: Carried | None = None) -> S:
        """A stream, going on from `kept` if it can; from `carried`, or LingenError if it cannot."""

    def carry(self, kept: KeptTimeline) -> Carried:
        """What another engine needs to go on with a stream of which no chunk is being made."""

    def tick(
        self, streams: Sequence[S], is_unwanted: Callable[[], bool], n_steps: int | None = None
    ) -> Sequence[ChunkLike]:
        """Make the next chunk of each; AbandonedError if `is_unwanted`, asked between steps, says so."""

    def settle(self) -> None:
        """What streams gave up may be overwritten."""


EngineFactory = Callable[[EngineOptions, OnProgress], EngineLike[Any]]
"""Builds an engine and warms it up; picklable by name, because it is called in the worker process."""


def default_engine(options: EngineOptions, on_progress: OnProgress) -> EngineLike[Any]:
    """The real engine. Imported here and not above: only the process that computes pays for torch.

    Raises:
        LingenError: the checkpoint or the text encoder cannot be loaded; the message says why.
    """
    from lingen_live.engine.build import build_batch

    return build_batch(options, on_progress)
