"""From the eager to the compiled path while the stream runs: load or make packages, check them, time them, offer.

A generator that does one small step of work each time it is asked, so that a stream can ask between two chunks.
Knows what it takes to trust a compiled model. Does not know streams.
"""

from __future__ import annotations

import logging
import shutil
import statistics
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import torch

import lingen_kernels
from lingen_live.engine.compile_cache import PackageFolder, package_key, private_root
from lingen_live.engine.compile_child import CompileChild, find_compiler
from lingen_live.engine.compiled import load_compiled
from lingen_live.engine.sampler import Denoiser
from lingen_live.engine.trial import Trial, difference
from lingen_live.model.lingen import LinGen

Upgrade = Iterator[Denoiser | None]
"""Asked between chunks: None while there is nothing to offer, then at most one denoiser, then the end."""

_TRIAL_PASSES = 5
# Largest difference from the eager path, relative to the largest value.
_TOLERANCE = {torch.float64: 1e-9, torch.float32: 1e-4, torch.bfloat16: 5e-2}

logger = logging.getLogger(__name__)


def seek_compiled(model: LinGen) -> Upgrade:
    """Offer a compiled `model` if it can be had, is right, and is faster; if not, say why in the log.

    With packages in the cache, the first step decides all. Without, the first step starts the compiler, and the
    offer comes a minute or more later. Closing the generator ends what it started.

    Args:
        model: on the CPU, in its final dtype.
    """
    try:
        yield from _seek(model)
    except (OSError, RuntimeError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        logger.warning("There is no compiled path; the stream goes on without it: %s", reason)


def _seek(model: LinGen) -> Upgrade:
    root = private_root()
    if root is None or lingen_kernels.implementation() != "torch":
        return
    folder = PackageFolder(root, package_key(model.config, model.latent_in.weight.dtype))
    if folder.is_valid():
        yield _last(_qualify(model, folder.path))
    elif compiler := find_compiler():
        yield from _make(model, folder, compiler)
        yield from _qualify(model, folder.path)


def _make(model: LinGen, folder: PackageFolder, compiler: str) -> Iterator[None]:
    """Have packages made by a child process.

    Raises:
        RuntimeError: the compiler failed; the message is its last complaint.
        OSError: there is no room for the packages, or no process for the compiler.
    """
    scratch = folder.begin()
    dtype = str(model.latent_in.weight.dtype).removeprefix("torch.")
    try:
        with CompileChild(model.config, dtype, torch.get_num_threads(), scratch, compiler) as child:
            while child.is_running:
                yield
            folder.publish(child.finish())
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _qualify(model: LinGen, directory: Path) -> Upgrade:
    """Load packages and offer them if they compute what the model computes, in less time.

    Raises:
        RuntimeError: they cannot be loaded or run.
    """
    compiled = load_compiled(model, directory)
    yield None
    trial = Trial.draw(model)
    yield None
    expected = trial.run(model)
    yield None
    error = difference(trial.run(compiled), expected)
    if error > _TOLERANCE[model.latent_in.weight.dtype]:
        raise RuntimeError(f"its results differ by {error:.1e} of the largest value")
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
    """What is offered in the end."""
    return deque(upgrade, maxlen=1)[0]
