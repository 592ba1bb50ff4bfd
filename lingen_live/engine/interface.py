"""The engine as its host sees it: structural types, so a host can be tested with any engine. No torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.info import EngineInfo
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.understanding import Understanding
from lingen_live.profile.spans import ChunkProfile

OnProgress = Callable[[str, float], None]
"""Called with the name of a stage and the fraction of it that is done, 0 to 1."""


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


class EngineLike(Protocol):
    """One stream: controls take effect with the next `tick`."""

    @property
    def info(self) -> EngineInfo:
        """Facts about this engine."""

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        """Blend towards `prompt` over `n_chunks` chunks."""

    def cut(self, prompt: str) -> None:
        """Start anew with `prompt`."""

    def reset(self) -> None:
        """Start anew at chunk 0."""

    def reseed(self, seed: int) -> None:
        """Start anew from `seed`."""

    def tick(self) -> ChunkLike:
        """Make the next chunk."""


EngineFactory = Callable[[EngineOptions, OnProgress], EngineLike]
"""Builds an engine and warms it up; picklable by name, because it is called in the worker process."""


def default_engine(options: EngineOptions, on_progress: OnProgress) -> EngineLike:
    """The real engine. Imported here and not above: only the process that computes pays for torch.

    Raises:
        LingenError: the checkpoint or the text encoder cannot be loaded; the message says why.
    """
    from lingen_live.engine.build import build_engine

    return build_engine(options, on_progress)
