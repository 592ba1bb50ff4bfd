"""A student of fewer steps: which levels it shares with its teacher, what it is told, and that it learns."""

from __future__ import annotations

import copy
import dataclasses
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from made_clips import made_alone, made_batch
from torch import Tensor

from lingen_live.engine.sampler import denoise_steps
from lingen_live.model.lingen import LinGen
from lingen_live.train import student
from lingen_live.train.codec import read_weights
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import Chunks, gather_chunks
from lingen_live.train.latents import ClipBatch
from lingen_live.train.student import arrival_loss, between, levels, own_states, train_student


@pytest.fixture
def chunks(tiny_recipe: Recipe, tiny_model: LinGen) -> Chunks:
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        return gather_chunks(
            tiny_model, made_batch(tiny_recipe), made_alone(tiny_recipe), tiny_recipe.denoiser, generator
        )


@pytest.fixture
def made_shards(tiny_recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    class Clips:
        def refresh(self) -> None: ...

        def draw(self, n_clips: int, generator: torch.Generator) -> ClipBatch:
            return made_batch(tiny_recipe, n_clips=n_clips)

    monkeypatch.setattr(student, "ShardReader", lambda folder, recipe: Clips())


def walk_of(model: LinGen, noise: Tensor, sigmas: list[float], chunks: Chunks) -> list[Tensor]:
    with torch.no_grad():
        return list(denoise_steps(model, noise, sigmas, chunks.text, chunks.states))


@pytest.mark.parametrize(("n_steps", "teacher_steps"), [(1, 4), (2, 4), (2, 8), (4, 4)])
def test_the_students_levels_are_among_the_teachers(tiny_recipe: Recipe, n_steps: int, teacher_steps: int) -> None:
    sampler = dataclasses.replace(tiny_recipe.bundle.sampler, n_steps=n_steps, sigma_shift=4.0)
    recipe = dataclasses.replace(
        tiny_recipe,
        bundle=dataclasses.replace(tiny_recipe.bundle, sampler=sampler),
        student=dataclasses.replace(tiny_recipe.student, teacher_steps=teacher_steps),
    )
    few, many = levels(recipe)
    assert few == pytest.approx(many[:: teacher_steps // n_steps])


def test_who_walks_like_the_teacher_is_where_it_is(tiny_recipe: Recipe, tiny_model: LinGen, chunks: Chunks) -> None:
    noise, sigmas = torch.randn_like(chunks.data), [1.0, 0.8, 0.5, 0.0]
    ends = walk_of(tiny_model, noise, sigmas, chunks)
    loss, numbers = arrival_loss(tiny_model, chunks, noise, ends, sigmas, tiny_recipe.denoiser.travel_weight)
    assert loss.item() < 1e-9
    assert sorted(numbers) == ["step_0", "step_1", "step_2"]


def test_the_error_of_a_step_is_that_of_its_velocity(tiny_recipe: Recipe, tiny_model: LinGen, chunks: Chunks) -> None:
    noise, sigmas = torch.randn_like(chunks.data), [1.0, 0.75, 0.0]
    ends = walk_of(tiny_model, noise, sigmas, chunks)
    for end, (sigma, following) in zip(ends, pairwise(sigmas), strict=True):
        end += 2 * (sigma - following)  # in place: a velocity that is off by 2
    _, numbers = arrival_loss(tiny_model, chunks, noise, ends, sigmas, tiny_recipe.denoiser.travel_weight)
    assert numbers == pytest.approx({"step_0": 4.0, "step_1": 4.0}, rel=1e-4)


def test_a_student_learns_to_arrive_with_its_teacher(tiny_recipe: Recipe, tiny_model: LinGen, chunks: Chunks) -> None:
    torch.manual_seed(1)
    for parameter in tiny_model.parameters():
        parameter.data += 0.02 * torch.randn_like(parameter)  # a field that bends, as a trained one does
    learner = copy.deepcopy(tiny_model)
    noise, few = torch.randn_like(chunks.data), [1.0, 0.5, 0.0]
    ends = walk_of(tiny_model, noise, [1.0, 0.75, 0.5, 0.25, 0.0], chunks)[1::2]
    optimiser, losses = torch.optim.AdamW(learner.parameters(), 1e-3), []
    for _ in range(25):
        optimiser.zero_grad()
        loss, _ = arrival_loss(learner, chunks, noise, ends, few, 1.0)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_a_model_has_the_same_past_as_it_has_committed_it(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    recipe = dataclasses.replace(tiny_recipe.denoiser, own_history=0.5)
    generator = torch.Generator().manual_seed(3)
    other = LinGen(tiny_model.config)
    with torch.no_grad():
        chunks = gather_chunks(
            tiny_model, made_batch(tiny_recipe), made_alone(tiny_recipe), recipe, generator, keep=0.9
        )
        own, others = own_states(tiny_model, chunks, 0.9), own_states(other, chunks, 0.9)
    for field in dataclasses.fields(own):
        torch.testing.assert_close(getattr(own, field.name), getattr(chunks.states, field.name))
    assert others.ssm.shape == own.ssm.shape
    assert not torch.allclose(others.ssm, own.ssm)


def test_without_a_past_all_states_are_empty(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    generator = torch.Generator().manual_seed(3)
    batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
    with torch.no_grad():
        chunks = gather_chunks(tiny_model, batch, alone, tiny_recipe.denoiser, generator, keep=0.0)
    assert not own_states(tiny_model, chunks, 0.0).has_past


def test_training_leaves_a_student_and_its_teacher_as_it_was(
    tiny_recipe: Recipe, tiny_model: LinGen, tmp_path: Path, made_shards: None
) -> None:
    taught = {name: value.clone() for name, value in tiny_model.state_dict().items()}
    train_student(tiny_recipe, tiny_model, tmp_path, "cpu")
    left = read_weights(tmp_path / "student.safetensors")
    assert set(left) == set(taught)
    for name, value in taught.items():
        assert torch.equal(tiny_model.state_dict()[name], value)
        if name.startswith(("text.", "forecast.")):
            assert torch.equal(left[name], value), name
    assert any(not torch.equal(left[name], value) for name, value in taught.items())


@pytest.mark.parametrize(("share", "expected"), [(0.0, 1.0), (0.25, 2.0), (1.0, 5.0)])
def test_weights_between_student_and_teacher(share: float, expected: float) -> None:
    student_s, teachers = {"w": torch.full((3,), 1.0)}, {"w": torch.full((3,), 5.0)}
    assert torch.equal(between(student_s, teachers, share)["w"], torch.full((3,), expected))


def test_what_is_left_holds_the_teachers_share(
    tiny_recipe: Recipe, tiny_model: LinGen, tmp_path: Path, made_shards: None
) -> None:
    left = {}
    for share in (0.0, 0.5, 1.0):
        section = dataclasses.replace(tiny_recipe.student, teacher_share=share)
        folder = tmp_path / f"{share}"
        train_student(dataclasses.replace(tiny_recipe, student=section), tiny_model, folder, "cpu")
        left[share] = read_weights(folder / "student.safetensors")["latent_in.weight"]
    assert torch.equal(left[1.0], tiny_model.latent_in.weight)
    assert not torch.equal(left[0.0], left[1.0])
    torch.testing.assert_close(left[0.5], (left[0.0] + left[1.0]) / 2)
