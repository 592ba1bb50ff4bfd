"""What an engine says about itself: measured or counted facts, JSON-able, free of torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from lingen_live.config import Weights


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Facts about a running engine, shown to people and sent to clients.

    Attributes:
        name: of the bundle.
        checkpoint_digest: sha256 over the weights.
        weights: "random" if they were never trained, so that frames are no pictures.
        n_parameters: of the denoiser and the codec together.
        state_bytes: size of all that the stream remembers; a constant.
        device: torch device name.
        dtype: of the denoiser's arithmetic.
        fps: frames a second of playback.
        width_px: of a frame.
        height_px: of a frame.
        frames_per_chunk: F.
        n_steps: Euler steps a chunk.
        compute_threads: torch threads.
        path: "eager", or "compiled" once machine code made for this processor does the denoising.
    """

    name: str
    checkpoint_digest: str
    weights: Weights
    n_parameters: int
    state_bytes: int
    device: str
    dtype: str
    fps: float
    width_px: int
    height_px: int
    frames_per_chunk: int
    n_steps: int
    compute_threads: int
    path: str

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary of numbers and strings."""
        return dataclasses.asdict(self)
