"""Fewer steps a chunk: a student learns to arrive in few steps where its teacher arrives in more.

Progressive distillation (Salimans and Ho 2022, arXiv 2202.00512), on the sampler as it is: both walk the same way from
the same noise, and at every level that is on both ways the student is to be where the teacher is, coming from where its
own last step ended. Both have the same past, each as it has committed it itself; guidance is in the teacher's single
pass already. What is kept are weights between the two (Wortsman et al. 2021, arXiv 2109.01903): a short training
forgets less of what the teacher knew in them.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from lingen_live.engine.sampler import bent, denoise_steps, sigma_schedule
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import Chunks, compile_blocks, gather_chunks, one_chunk_each, weighted_error
from lingen_live.train.latents import ShardReader, draw_clips
from lingen_live.train.loop import Trainer
from lingen_live.train.precision import autocast

NAME = "student.safetensors"
_REFRESH_EVERY = 50


def levels(recipe: Recipe) -> tuple[list[float], list[float]]:
    """Noise levels that the student and the teacher walk down; the student's are among the teacher's."""
    sampler = recipe.bundle.sampler
    return sigma_schedule(sampler), sigma_schedule(replace(sampler, n_steps=recipe.student.teacher_steps))


def arrival_loss(
    student: LinGen, chunks: Chunks, noise: Tensor, ends: list[Tensor], sigmas: list[float], travel_weight: float
) -> tuple[Tensor, dict[str, float]]:
    """Mean squared error of the student's steps, as velocities: of their sum over the steps, and each for the log.

    Args:
        student: takes the steps, each from where the one before has ended, without gradients through that.
        chunks: prompts and states.
        noise: (R, T, C, h, w), where the walk begins.
        ends: where the teacher is at each of `sigmas` after the first.
        sigmas: the student's levels.
        travel_weight: see `weighted_error`.
    """
    latents, before, taken = noise, None, 0.0
    errors = []
    for (sigma, following), end in zip(pairwise(sigmas), ends, strict=True):
        level = torch.full((len(latents),), sigma, device=latents.device)
        velocity = student.denoise(latents, level, chunks.text, chunks.states).float()
        step = following - sigma
        arrived = latents + step * bent(velocity, before, step, taken)
        errors.append(weighted_error((arrived - end) / step, travel_weight).mean())
        latents, before, taken = arrived.detach(), velocity.detach(), step
    return torch.stack(errors).sum(), {f"step_{index}": error.item() for index, error in enumerate(errors)}


def own_states(model: LinGen, chunks: Chunks, keep: float) -> StreamState:
    """The states before the chunks as this model commits their pasts; `chunks` may have another's."""
    if not chunks.histories:
        return chunks.states
    n_clips = len(chunks.histories[0])
    states = [StreamState.allocate(model.config, n_clips, device=chunks.data.device)]
    for first, history in enumerate(chunks.histories):
        text = chunks.text.rows(slice(first * n_clips, (first + 1) * n_clips))
        states.append(model.commit(history, text, states[-1]).scaled(keep))
    n_alone = len(chunks.data) - n_clips * len(states)
    return StreamState.stack([*states, StreamState.allocate(model.config, n_alone, device=chunks.data.device)])


def train_student(recipe: Recipe, teacher: LinGen, folder: Path, device: str) -> None:
    """Train or resume; leaves `student.safetensors` (EMA weights, with the teacher's share) in the folder.

    Args:
        recipe: shapes and schedule; the student takes as many steps as its sampler.
        teacher: a trained denoiser.
        folder: of the run, with clips.
        device: cpu or cuda.
    """
    torch.manual_seed(0)
    section, (few, many) = recipe.student, levels(recipe)
    history = replace(recipe.denoiser, history_gradient=0.0)
    reader = ShardReader(folder / "clips", recipe)
    teacher = teacher.to(device).requires_grad_(False)
    student = _learning(teacher)
    stride = section.teacher_steps // recipe.bundle.sampler.n_steps

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        if trainer.step % _REFRESH_EVERY == 0:
            reader.refresh()
        clips = draw_clips(reader, section.batch, generator, device)
        alone = one_chunk_each(draw_clips(reader, section.alone, generator, device), generator)
        with autocast(device):
            with torch.no_grad():
                keep = recipe.bundle.sampler.state_keep
                chunks = gather_chunks(teacher, clips, alone, history, generator, keep)
                noise = torch.randn_like(chunks.data)
                walk = list(denoise_steps(teacher, noise, many, chunks.text, chunks.states))
                chunks = replace(chunks, states=own_states(student, chunks, keep))
            return arrival_loss(student, chunks, noise, walk[stride - 1 :: stride], few, history.travel_weight)

    if recipe.denoiser.compile_blocks:
        compile_blocks(student)
        compile_blocks(teacher)
    trainer = Trainer(student, loss, section, folder / "student", "blocks.")
    trainer.run(_exporter(recipe, trainer, teacher, folder))


def _learning(teacher: LinGen) -> LinGen:
    """A copy that learns all but words and the forecast: it is given its teacher's contexts."""
    student = copy.deepcopy(teacher).requires_grad_(True)
    student.text.requires_grad_(False)
    if student.forecast is not None:
        student.forecast.requires_grad_(False)
    return student


def between(student: dict[str, Tensor], teacher: dict[str, Tensor], share: float) -> dict[str, Tensor]:
    """Weights of both, of which a share in [0, 1] is the teacher's; on the student's device."""
    return {name: torch.lerp(own, teacher[name].to(own), share) for name, own in student.items()}


def _exporter(recipe: Recipe, trainer: Trainer, teacher: LinGen, folder: Path) -> Callable[[], None]:
    def export() -> None:
        trained = LinGen(recipe.bundle.model)
        trained.load_state_dict(between(trainer.averaged, teacher.state_dict(), recipe.student.teacher_share))
        save_weights(trained, folder / NAME)

    return export
