"""A stream of renders with the face of an engine: ground truth, the ceiling of every measure of a stream.

It is told the scene behind every prompt that it will be given. Knows no model and understands no words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.train.codec import travel_of
from lingen_live.world.attributes import Attributes
from lingen_live.world.render import render
from lingen_live.world.track import Change, Track, evaluate

_LATEST_START_S = 60.0


class Frames(Protocol):
    """What a measure takes from a chunk."""

    @property
    def frames(self) -> NDArray[np.uint8]:
        """(F, H, W, 3), 0-255, RGB."""


class Stream(Protocol):
    """What a measure asks of an `Engine`."""

    def cut(self, prompt: str) -> None:
        """Forget the past and begin this scene."""

    def reseed(self, seed: int) -> None:
        """Begin again from chunk 0 with other noise."""

    def steer(self, prompt: str, n_chunks: int) -> None:
        """Blend towards a prompt over some chunks."""

    def tick(self) -> Frames:
        """Make the next chunk."""


@dataclass(frozen=True, slots=True)
class RenderedChunk:
    """Frames (F, H, W, 3) uint8 of a render."""

    frames: NDArray[np.uint8]


class RenderedStream:
    """Renders what the prompts stand for; a change eases in over the chunks of the blend."""

    def __init__(self, config: BundleConfig, scenes: Mapping[str, Attributes], codec: VideoCodec | None = None) -> None:
        """Know every prompt's scene.

        Args:
            config: size and rate of the frames.
            scenes: what each prompt stands for, with all it leaves as it was.
            codec: what the renders pass through, in float32 on the CPU; None for nothing.
        """
        self._config, self._scenes, self._codec = config, scenes, codec
        self._chunk_index, self._start_s = 0, 0.0
        self._track: Track | None = None
        self._before: Tensor | None = None

    def cut(self, prompt: str) -> None:
        """Begin this scene."""
        self._track = Track(0, self._scenes[prompt])
        self._chunk_index, self._before = 0, None

    def reseed(self, seed: int) -> None:
        """Begin again in another landscape, at another moment."""
        generator = np.random.default_rng(seed)
        self._start_s = float(generator.uniform(0, _LATEST_START_S))
        self._track = Track(int(generator.integers(1 << 20)), self._begun().start)
        self._chunk_index, self._before = 0, None

    def steer(self, prompt: str, n_chunks: int) -> None:
        """Ease towards the prompt's scene from the next chunk on."""
        track = self._begun()
        chunk_s = self._config.frames_per_chunk / self._config.video.fps
        at_s = self._start_s + self._chunk_index * chunk_s
        change = Change(at_s, n_chunks * chunk_s, self._scenes[prompt])
        self._track = Track(track.seed, track.start, (*track.changes, change))

    def tick(self) -> RenderedChunk:
        """Render the next chunk."""
        video, n_frames = self._config.video, self._config.frames_per_chunk
        index = torch.arange(n_frames, dtype=torch.float64) + self._chunk_index * n_frames
        scenes = evaluate(self._begun(), self._start_s + index / video.fps)
        frames = render(scenes, video.height_px, video.width_px)
        if self._codec is not None:
            frames = self._through(self._codec, frames, travel_of(scenes, self._config.codec.frames_per_latent))
        self._chunk_index += 1
        return RenderedChunk((frames * 255).round().to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy())

    def _begun(self) -> Track:
        if self._track is None:
            raise ValueError("no scene has begun; call cut first.")
        return self._track

    @torch.no_grad()
    def _through(self, codec: VideoCodec, frames: Tensor, travel: Tensor) -> Tensor:
        """(F, 3, H, W) in [0, 1] coded and decoded as what goes on from the chunk before."""
        latents = codec.encode(frames.unsqueeze(0), travel.unsqueeze(0))
        decoded, self._before = codec.decode(latents, self._before)[0], latents[:, -1]
        return decoded
