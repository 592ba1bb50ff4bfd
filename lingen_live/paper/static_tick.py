"""One chunk at fixed addresses: noise in, frames out, the state in its place. What a CUDA graph can replay.

A tick has three stages: denoise (reads the state), decode (reads the last latent frame of the state), commit (writes
the next state over the old). Each is captured as a graph of its own where there is a GPU, so that each can be timed;
without one they run as they are, at the same addresses. Nothing is allocated that outlives a stage, nothing waits
for the device. Knows a model and a decoder. Does not know words, sessions or time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import ModelConfig
from lingen_live.engine.sampler import Denoiser, denoise_steps
from lingen_live.model.embed import TextContext
from lingen_live.model.state import StreamState

STAGES = ("denoise", "decode", "commit")
_WARM_UP_RUNS = 2


class Decoder(Protocol):
    """Latents to pictures: a chunk (B, T, C, h, w), and (B, C, h, w) before it, to uint8 (B, F, H, W, 3).

    Attributes:
        is_capturable: whether a CUDA graph can hold it: nothing in it comes from the memory of the CPU.
    """

    is_capturable: bool

    def __call__(self, latents: Tensor, before: Tensor) -> Tensor:
        """Decode a chunk."""

    def reset(self) -> None:
        """Forget the stream, if the decoder remembers it."""


class CodecDecoder:
    """The decoder of this project, which remembers nothing; its flow makes a small tensor on the CPU each time.

    Args:
        codec: on its device, in its dtype.
    """

    is_capturable = False

    def __init__(self, codec: VideoCodec) -> None:
        self._codec = codec

    def __call__(self, latents: Tensor, before: Tensor) -> Tensor:
        """Decode a chunk."""
        return self._codec.decode_pictures(latents, before)

    def reset(self) -> None:
        """Nothing to forget."""


class StaticTick:
    """The buffers of one stream and the stages between them.

    Attributes:
        noise: (1, T, C, h, w) float32; fill it before a tick.
        latents: (1, T, C, h, w) float32, clean after `denoise`.
        text: the prompt; copied into place by `say`.
        state: what the stream remembers; overwritten by `commit`.
        frames: uint8 (1, F, H, W, 3), written by `decode`.
    """

    def __init__(
        self,
        model: Denoiser,
        config: ModelConfig,
        decoder: Decoder,
        sigmas: list[float],
        text: TextContext,
        device: torch.device | str,
        dtype: torch.dtype,
    ) -> None:
        """Allocate everything.

        Args:
            model: on the device, in the dtype.
            config: of the model.
            decoder: on the device.
            sigmas: from `sigma_schedule`.
            text: the first prompt.
            device: where it runs.
            dtype: of the model.
        """
        self._model, self._decoder, self._sigmas, self._dtype = model, decoder, sigmas, dtype
        grid = (config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
        self.noise = torch.zeros(1, *grid, device=device)
        self.latents = torch.zeros_like(self.noise)
        self.state = StreamState.allocate(config, 1, device=device, dtype=dtype)
        self.text = TextContext(*(t.clone() for t in (text.keys, text.values, text.mask, text.pooled)))
        with torch.no_grad():
            self.frames = torch.empty_like(self._pictures())
        decoder.reset()
        self._stages: dict[str, Callable[[], object]] = {
            "denoise": self._denoise,
            "decode": self._decode,
            "commit": self._commit,
        }

    @property
    def n_state_bytes(self) -> int:
        """Memory of all that the stream remembers."""
        return self.state.n_bytes

    def say(self, text: TextContext) -> None:
        """Have the next chunks made under another prompt of the same length."""
        for name in ("keys", "values", "mask", "pooled"):
            getattr(self.text, name).copy_(getattr(text, name))

    def forget(self) -> None:
        """Empty the state: the next chunk is a stream's first."""
        self.state.copy_(self.state.scaled(0))
        self._decoder.reset()

    @torch.no_grad()
    def run(self, stage: str) -> None:
        """One of `STAGES`; in their order they make a chunk."""
        self._stages[stage]()

    @torch.no_grad()
    def capture(self) -> None:
        """Make a CUDA graph of every stage that can be one; the stream begins anew."""
        for stage in STAGES:
            if stage != "decode" or self._decoder.is_capturable:
                self._stages[stage] = _graphed(self._stages[stage])
        self.forget()

    def _denoise(self) -> None:
        *_, latents = denoise_steps(self._model, self.noise, self._sigmas, self.text, self.state)
        self.latents.copy_(latents)

    def _decode(self) -> None:
        self.frames.copy_(self._pictures())

    def _pictures(self) -> Tensor:
        return self._decoder(self.latents.to(self._dtype), self.state.latents[0][:, -1])

    def _commit(self) -> None:
        self.state.copy_(self._model.commit(self.latents, self.text, self.state))


def _graphed(stage: Callable[[], object]) -> Callable[[], object]:
    """A stage as a CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_RUNS):
            stage()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        stage()
    return graph.replay
