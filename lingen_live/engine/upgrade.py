"""From the eager to the compiled path while the stream runs: load or make packages, check them, time them, offer.

A generator that does one small step of work each time it is asked, so that a stream can ask between two chunks.
Knows what it takes to trust a compiled model. Does not know streams.
"""

from __future__ import annotations

import logging
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from torch import Tensor

import lingen_kernels
from lingen_live.engine.compile_cache import PackageFolder, package_key, private_root
from lingen_live.engine.compile_child import CompileChild, find_compiler
from lingen_live.engine.compiled import load_compiled
from lingen_live.engine.sampler import Denoiser
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState

Upgrade = Iterator[Denoiser | None]
"""Asked between chunks: None while there is nothing to offer, then at most one denoiser, then the end."""

_TRIAL_PASSES = 5
# Largest difference from the eager path, relative to the largest value.
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 5e-2}

logger = logging.getLogger(__name__)


def seek_compiled(model: LinGen) -> Upgrade:
    """Offer a compiled `model` if it can be had, is right, and is faster.

    With packages in the cache, the first step decides all. Without, the first step starts the compiler, and the
    offer comes a minute or two later. Closing the generator ends what it started.

    Args:
        model: on the CPU, in its final dtype.
    """
    compiler, root = find_compiler(), private_root()
    if lingen_kernels.implementation() != "torch" or root is None:
        return
    folder = PackageFolder(root, package_key(model.config, model.latent_in.weight.dtype))
    if folder.is_valid():
        yield _last(_qualify(model, folder.path))
    elif compiler is not None:
        yield from _make(model, folder, compiler)
        if folder.is_valid():
            yield from _qualify(model, folder.path)


def _make(model: LinGen, folder: PackageFolder, compiler: str) -> Iterator[None]:
    """Have packages made by a child process."""
    made = folder.begin()
    dtype = str(model.latent_in.weight.dtype).removeprefix("torch.")
    try:
        with CompileChild(model.config, dtype, torch.get_num_threads(), made, compiler) as child:
            while child.is_running:
                yield
        if complaint := child.failure():
            logger.warning("The compiled path could not be made; the stream goes on without: %s", complaint)
        else:
            folder.publish(made)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _qualify(model: LinGen, directory: Path) -> Upgrade:
    """Load packages and offer them if they compute what the model computes, in less time."""
    try:
        compiled = load_compiled(model, directory)
    except (RuntimeError, OSError) as error:
        logger.warning("The compiled path cannot be loaded; the stream goes on without: %s", error)
        return
    yield None
    trial = _Trial.draw(model)
    expected = trial.run(model)
    yield None
    error = _difference(trial.run(compiled), expected)
    if not error <= _TOLERANCE[model.latent_in.weight.dtype]:
        logger.warning("The compiled path is off by %.1e; the stream goes on without.", error)
        return
    yield None
    times_s: dict[LinGen, list[float]] = {model: [], compiled: []}
    for _ in range(_TRIAL_PASSES):
        for candidate, taken_s in times_s.items():  # in turn: whatever else the machine does disturbs both
            taken_s.append(trial.time_s(candidate))
        yield None
    eager_s, compiled_s = (statistics.median(taken_s) for taken_s in times_s.values())
    logger.info("A pass takes %.1f ms compiled, %.1f ms eager.", 1000 * compiled_s, 1000 * eager_s)
    if compiled_s < eager_s:
        yield compiled


def _last(upgrade: Upgrade) -> Denoiser | None:
    offer = None
    for offer in upgrade:
        pass
    return offer


@dataclass(frozen=True, slots=True)
class _Trial:
    """Random inputs of one pass, with a state that a pass has left."""

    latents: Tensor
    sigma: Tensor
    text: TextContext
    state: StreamState

    @classmethod
    @torch.inference_mode()
    def draw(cls, model: LinGen) -> Self:
        config, dtype = model.config, model.latent_in.weight.dtype
        random = torch.Generator().manual_seed(0)
        grid = (config.chunk_latent_frames, config.latent_channels, config.latent_height, config.latent_width)
        past, latents = torch.randn(2, 1, *grid, generator=random).unbind(0)
        words = torch.randn(1, config.text_tokens, config.text_width, generator=random).to(dtype)
        mask = torch.arange(config.text_tokens)[None] < config.text_tokens // 2
        text = model.read_text(words, mask, torch.nn.functional.normalize(words[:, 0], dim=-1))
        state = model.commit(past, text, StreamState.allocate(config, 1, dtype=dtype))
        return cls(latents, torch.full((1,), 0.5), text, state)

    @torch.inference_mode()
    def run(self, denoiser: Denoiser) -> list[Tensor]:
        """The velocity and the next state."""
        velocity = denoiser.denoise(self.latents, self.sigma, self.text, self.state)
        following = denoiser.commit(self.latents, self.text, self.state)
        return [velocity, following.ssm, following.conv, following.review, following.tesa]

    @torch.inference_mode()
    def time_s(self, denoiser: Denoiser) -> float:
        """Seconds of one denoising pass."""
        start_s = time.perf_counter()
        denoiser.denoise(self.latents, self.sigma, self.text, self.state)
        return time.perf_counter() - start_s


def _difference(got: list[Tensor], expected: list[Tensor]) -> float:
    """The largest difference of any tensor, relative to its largest value; NaN if there is one."""
    pairs = zip(got, expected, strict=True)
    errors = [((g.double() - e.double()).abs().max() / e.double().abs().max()).item() for g, e in pairs]
    return max(errors) if all(error == error for error in errors) else float("nan")
