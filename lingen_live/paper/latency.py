"""`bench paper`: seconds of one denoising step of a clip, by LinGen and by DiT, and of one chunk of a stream.

LinGen's clip is its chunks one after the other, each replayed as a CUDA graph where there is a GPU; DiT attends over
the whole clip with the best attention that PyTorch has. A DiT that would take too long is timed by one block, times
its layers, and its row says so. Random weights: time does not depend on them. Knows models and seconds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from lingen_kernels.benchmark.timing import graphed, times_of
from lingen_live.config import ModelConfig
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.paper.attention import PLAIN, Attention
from lingen_live.paper.dit import DiT
from lingen_live.paper.dit_stream import WindowedDiT
from lingen_live.paper.random_weights import random_module

_REPEATS = 10
_OUT_OF_MEMORY = "out of memory"


@dataclass(frozen=True, slots=True)
class Machine:
    """Where it is measured, and how long a row may take.

    Attributes:
        device: a torch device name.
        dtype: of both models.
        budget_s: of the runs of one row, about.
        attention: of the opponents.
    """

    device: str
    dtype: torch.dtype
    budget_s: float
    attention: Attention = PLAIN

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU."""
        return torch.device(self.device).type == "cuda"


@dataclass(frozen=True, slots=True)
class Latency:
    """One model on one clip or chunk.

    Attributes:
        model: its name.
        n_tokens: that one step works on.
        step_s: of one denoising step; None where it failed.
        how: what was run.
        state_bytes: what a stream remembers; 0 for a whole clip.
        failure: why there is no number.
    """

    model: str
    n_tokens: int
    step_s: float | None
    how: str
    state_bytes: int = 0
    failure: str | None = None


class LinGenTimer:
    """A LinGen made once, for clips of all lengths: their chunks have one shape.

    Args:
        name: of the size.
        config: of the denoiser.
        machine: where.
    """

    def __init__(self, name: str, config: ModelConfig, machine: Machine) -> None:
        self._name, self._config, self._machine = name, config, machine
        device, dtype = machine.device, machine.dtype
        self._model = random_module(lambda: LinGen(config), device, dtype)
        self._latents = _noise(config, config.chunk_latent_frames, machine)
        self._sigma = torch.full((1,), 0.5, device=device, dtype=dtype)
        self._text = TextContext(
            *_text(config, config.n_layers, machine), torch.zeros(1, config.width, device=device, dtype=dtype)
        )
        self._state = StreamState.allocate(config, 1, device=device, dtype=dtype)
        step: Callable[[], object] = self._denoise
        self._step = graphed(step) if machine.is_cuda else step

    def clip(self, n_latent_frames: int) -> Latency:
        """One denoising step of every chunk of a clip, one after the other."""
        config, machine = self._config, self._machine
        n_chunks = -(-n_latent_frames // config.chunk_latent_frames)
        chunk_s = times_of(self._step, _REPEATS, is_cuda=machine.is_cuda, budget_s=machine.budget_s).median_s
        n_tokens, n_fit = n_chunks * config.n_tokens, max(int(machine.budget_s / chunk_s), 1)
        if n_chunks > n_fit:
            return Latency(self._name, n_tokens, chunk_s * n_chunks, f"one chunk x {n_chunks}")

        def clip() -> None:
            for _ in range(n_chunks):
                self._step()

        taken = times_of(clip, 3, is_cuda=machine.is_cuda, budget_s=machine.budget_s)
        return Latency(self._name, n_tokens, taken.median_s, f"{n_chunks} chunks")

    def chunk(self) -> Latency:
        """One denoising step of one chunk of a stream, at any moment of it."""
        machine = self._machine
        taken = times_of(self._step, _REPEATS, is_cuda=machine.is_cuda, budget_s=machine.budget_s)
        return Latency(self._name, self._config.n_tokens, taken.median_s, "one chunk", self._state.n_bytes)

    @torch.no_grad()
    def _denoise(self) -> Tensor:
        return self._model.denoise(self._latents, self._sigma, self._text, self._state)


@torch.no_grad()
def time_dits(n_layers: dict[str, int], config: ModelConfig, n_latent_frames: int, machine: Machine) -> list[Latency]:
    """One denoising step of DiTs of one width on a whole clip.

    Args:
        n_layers: by name.
        config: of the width.
        n_latent_frames: of the clip.
        machine: where.
    """
    n_tokens = n_latent_frames * config.latent_height * config.latent_width
    try:
        one_s = _dit_step_s(config, 1, n_latent_frames, machine)
    except torch.OutOfMemoryError:
        return [Latency(name, n_tokens, None, "", failure=_OUT_OF_MEMORY) for name in n_layers]
    rows = []
    for name, depth in n_layers.items():
        row = Latency(name, n_tokens, one_s * depth, f"one block x {depth}")
        if one_s * depth <= machine.budget_s:
            try:
                row = Latency(name, n_tokens, _dit_step_s(config, depth, n_latent_frames, machine), "whole model")
            except torch.OutOfMemoryError:
                row = Latency(name, n_tokens, one_s * depth, f"one block x {depth} ({_OUT_OF_MEMORY} for all)")
        rows.append(row)
    return rows


@torch.no_grad()
def time_windowed_dit(name: str, config: ModelConfig, n_layers: int, n_window_chunks: int, machine: Machine) -> Latency:
    """One denoising step of one chunk by a DiT that looks back through a full window."""
    n_frames = (n_window_chunks + 1) * config.chunk_latent_frames
    try:
        model = random_module(lambda: DiT(config, n_layers, n_frames), machine.device, machine.dtype)
        stream = WindowedDiT(model, config, n_window_chunks)
        stream.fill()
        latents = _noise(config, config.chunk_latent_frames, machine)
        sigma = torch.full((1,), 0.5, device=machine.device, dtype=machine.dtype)
        keys, values, mask = _text(config, 1, machine)
        step = functools.partial(stream.denoise, latents, sigma, (keys[0], values[0], mask))
        with machine.attention():
            run = graphed(step) if machine.is_cuda else step
            taken = times_of(run, _REPEATS, is_cuda=machine.is_cuda, budget_s=machine.budget_s)
    except torch.OutOfMemoryError:
        return Latency(name, config.n_tokens, None, "", failure=_OUT_OF_MEMORY)
    return Latency(name, config.n_tokens, taken.median_s, f"window of {n_window_chunks} chunks", stream.n_state_bytes)


def _dit_step_s(config: ModelConfig, n_layers: int, n_latent_frames: int, machine: Machine) -> float:
    model = random_module(lambda: DiT(config, n_layers, n_latent_frames), machine.device, machine.dtype)
    latents = _noise(config, n_latent_frames, machine)
    sigma = torch.full((1,), 0.5, device=machine.device, dtype=machine.dtype)
    keys, values, mask = _text(config, 1, machine)
    text = (keys[0], values[0], mask)
    with machine.attention():
        return times_of(
            lambda: model(latents, sigma, text),
            3,
            is_cuda=machine.is_cuda,
            budget_s=machine.budget_s / 3,
            n_free=0,
        ).best_s


def _noise(config: ModelConfig, n_latent_frames: int, machine: Machine) -> Tensor:
    shape = (1, n_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
    return torch.randn(shape, device=machine.device, dtype=machine.dtype)


def _text(config: ModelConfig, n_layers: int, machine: Machine) -> tuple[Tensor, Tensor, Tensor]:
    """Keys, values and mask of a prompt of full length."""
    n_text = config.text_slots + config.text_tokens
    shape = (n_layers, 1, config.width // config.attn_headdim, n_text, config.attn_headdim)
    keys, values = (torch.randn(shape, device=machine.device, dtype=machine.dtype) for _ in range(2))
    return keys, values, torch.ones(1, 1, 1, n_text, dtype=torch.bool, device=machine.device)
