"""Quality and cost of models that differ in one part, measured alike.

Quality is the flow-matching error on clips that none of them was trained on, with the same noise for all, so that
differences are told apart from luck by their standard error over clips; and what streams of held-out captions show.
Cost is counted (arithmetic) and timed (one thread, all models in turn, medians). Does not know what the parts are.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from tqdm import tqdm

from lingen_live.checkpoint import load_bundle
from lingen_live.config import BundleConfig, ModelConfig
from lingen_live.engine.build import build_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.sampler import denoise_steps, sigma_schedule
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import draw_sigma, null_context, read_prompts, stack_contexts
from lingen_live.train.drift import frechet_on_main_axes, reference_features
from lingen_live.train.evaluate import held_out_captions, sample_captions, score_samples, to_unit
from lingen_live.train.history import walk_history
from lingen_live.train.latents import ClipBatch, ShardReader
from lingen_live.train.probe import AttributeProbe

GRIDS = (8, 16, 32)
_N_CLIPS, _BATCH, _N_CAPTIONS, _N_CHUNKS = 200, 20, 100, 6
_N_ROUNDS, _N_GROWTH_ROUNDS = 15, 3


@dataclass(frozen=True, slots=True)
class Entry:
    """A trained model of the comparison."""

    title: str
    bundle: BundleConfig
    path: Path


def score_variants(
    entries: Sequence[Entry], recipe: Recipe, clips: ShardReader, probe: AttributeProbe
) -> dict[str, dict[str, Any]]:
    """Quality of every model, by title; differences are to the first one."""
    scores, errors = {}, {}
    drawn = clips.draw(_N_CLIPS, torch.Generator().manual_seed(0))
    captions = held_out_captions(_N_CAPTIONS)
    reference = reference_features(recipe.bundle, probe, captions)
    for entry in entries:
        errors[entry.title] = held_out_error(entry, recipe, drawn)
        engine = build_engine(EngineOptions(str(entry.path), "cpu", "float32", 1, compile=False), lambda *_: None)
        with tqdm(total=len(captions), desc=entry.title) as bar:
            samples = sample_captions(engine, probe, captions, _N_CHUNKS, bar.update)
        with torch.no_grad():
            features = torch.cat([probe.features(to_unit(sample.frames).unsqueeze(0)) for sample in samples])
        right = score_samples(samples)
        scores[entry.title] = {
            **_compared(errors[entry.title], errors[entries[0].title]),
            "right": {name: [score.n_right, score.n_judged] for name, score in right.items()},
            "frechet": frechet_on_main_axes(features, reference),
        }
    return scores


@torch.no_grad()
def held_out_error(entry: Entry, recipe: Recipe, clips: ClipBatch) -> Tensor:
    """Squared error of the velocity, (N clips, K chunks), by noise levels and noise that are the same for all models.

    History is clean; noise levels are distributed as in training.
    """
    model, keep = load_bundle(entry.path).model, entry.bundle.sampler.state_keep
    generator, rows = torch.Generator().manual_seed(1), []
    for first in range(0, len(clips.latents), _BATCH):
        part = ClipBatch(*(getattr(clips, name)[first : first + _BATCH] for name in ClipBatch.__slots__))
        latents = part.latents.transpose(0, 1)
        n_clips, n_chunks = part.latents.shape[:2]
        contexts, _ = read_prompts(model, part, generator, dropout=0.0)
        never = torch.zeros(n_clips)
        states, _ = walk_history(model, latents, contexts, never, never.bool(), keep)
        data, noise = latents.flatten(0, 1), torch.randn(latents.flatten(0, 1).shape, generator=generator)
        sigma = draw_sigma(len(data), recipe.denoiser, generator)
        noisy = torch.lerp(data, noise, sigma.view(-1, 1, 1, 1, 1))
        velocity = model.denoise(noisy, sigma, stack_contexts(contexts), StreamState.stack(states))
        error = (velocity - (noise - data)).square().flatten(1).mean(1)
        rows.append(error.unflatten(0, (n_chunks, n_clips)).T)
    return torch.cat(rows)


def _compared(error: Tensor, base: Tensor) -> dict[str, Any]:
    """Mean error of first chunks and of later ones; how much more than the base, with the standard error over clips."""
    numbers: dict[str, Any] = {}
    for name, chunks in (("first", slice(0, 1)), ("later", slice(1, None))):
        mine, other = error[:, chunks].mean(1), base[:, chunks].mean(1)
        more = mine - other
        numbers[name] = {
            "error": mine.mean().item(),
            "more": more.mean().item(),
            "standard_error": more.std().item() / len(more) ** 0.5,
        }
    return numbers


def measure_costs(entries: Sequence[Entry]) -> dict[str, dict[str, Any]]:
    """Parameters, bytes of state, GFLOPs and milliseconds of a chunk, by title."""
    models = {entry.title: load_bundle(entry.path).model for entry in entries}
    passes = {entry.title: _chunk_pass(models[entry.title], entry.bundle) for entry in entries}
    times_ms = _in_turn(passes, _N_ROUNDS)
    costs = {}
    for entry in entries:
        shape = entry.bundle.model
        costs[entry.title] = {
            "parameters": sum(parameter.numel() for parameter in models[entry.title].parameters()),
            "block_parameters": sum(parameter.numel() for parameter in models[entry.title].blocks.parameters()),
            "state_bytes": StreamState.allocate(shape, 1).n_bytes if entry.bundle.sampler.state_keep else 0,
            "gflops": _count_gflops(passes[entry.title]),
            "chunk_ms": times_ms[entry.title],
        }
    return costs


def measure_growth(shapes: Mapping[str, Callable[[int], ModelConfig]]) -> list[dict[str, Any]]:
    """Cost of one denoising pass of untrained models over latent grids of several sizes, one row a grid."""
    rows = []
    for grid in GRIDS:
        passes = {title: _denoise_pass(LinGen(shape(grid)).eval()) for title, shape in shapes.items()}
        times_ms = _in_turn(passes, _N_GROWTH_ROUNDS)
        cost = {title: {"gflops": _count_gflops(run), "ms": times_ms[title]} for title, run in passes.items()}
        rows.append({"grid": grid, "tokens": next(iter(shapes.values()))(grid).n_tokens, **cost})
    return rows


def _chunk_pass(model: LinGen, bundle: BundleConfig) -> Callable[[], None]:
    """All that the denoiser does for a chunk: the walk from noise, and the commit."""
    (noise, text, state), sigmas = _inputs(model), sigma_schedule(bundle.sampler)

    @torch.no_grad()
    def run() -> None:
        *_, latents = denoise_steps(model, noise, sigmas, text, state)
        if bundle.sampler.state_keep:
            model.commit(latents, text, state)

    return run


def _denoise_pass(model: LinGen) -> Callable[[], None]:
    noise, text, state = _inputs(model)

    @torch.no_grad()
    def run() -> None:
        model.denoise(noise, torch.ones(1), text, state)

    return run


@torch.no_grad()
def _inputs(model: LinGen) -> tuple[Tensor, TextContext, StreamState]:
    """Noise of one chunk, no prompt, and no past."""
    state = StreamState.allocate(model.config, 1)
    return torch.randn(state.latents[0].shape), null_context(model, 1, state.latents.device), state


def _in_turn(passes: Mapping[str, Callable[[], None]], n_rounds: int) -> dict[str, float]:
    """Median milliseconds of each, all run once a round, so that a busy machine slows all alike."""
    times_s: dict[str, list[float]] = {title: [] for title in passes}
    for index in range(n_rounds + 1):
        for title, run in passes.items():
            begin_s = time.perf_counter()
            run()
            if index:  # the first round warms up
                times_s[title].append(time.perf_counter() - begin_s)
    return {title: 1000 * statistics.median(values) for title, values in times_s.items()}


def _count_gflops(run: Callable[[], None]) -> float:
    """Multiplications and additions of matrix products and convolutions, as torch counts them."""
    # The fused attention of the CPU is not counted; the same arithmetic as two products is.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops() / 1e9
