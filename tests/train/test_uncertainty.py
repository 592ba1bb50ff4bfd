"""Errors weighed by how large they have to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from made_clips import made_alone, made_batch
from torch import Tensor

from lingen_live.model.lingen import LinGen
from lingen_live.train import denoiser
from lingen_live.train.codec import read_weights
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import flow_loss, gather_chunks
from lingen_live.train.uncertainty import Expected, Uncertainty, relative_error


def made_uncertainty(recipe: Recipe) -> Uncertainty:
    torch.manual_seed(1)
    return Uncertainty(recipe.bundle.model, 16)


def test_errors_are_divided_by_what_is_to_be_expected() -> None:
    difference = torch.full((1, 2, 5, 3, 3), 2.0)
    difference[:, :, -1] = 3.0
    picture = torch.full((1, 2, 3, 3), 4.0).log()
    loss, likelihood = relative_error(difference, Expected(picture, torch.tensor([9.0]).log()), 4.0)
    assert loss.item() == pytest.approx(1.0)
    assert likelihood.item() == pytest.approx(2 + torch.tensor(36.0).log().item())
    halved, _ = relative_error(difference, Expected(picture + torch.tensor(2.0).log(), torch.tensor([9.0]).log()), 4.0)
    assert halved.item() == pytest.approx(0.75)  # the travel is half of all: as much as the four other channels


def test_each_side_learns_from_its_own_loss() -> None:
    difference = torch.ones(1, 2, 5, 3, 3, requires_grad=True)
    picture, travel = torch.zeros(1, 2, 3, 3, requires_grad=True), torch.zeros(1, requires_grad=True)
    loss, likelihood = relative_error(difference, Expected(picture, travel), 4.0)
    parts = [difference, picture, travel]
    of_loss = torch.autograd.grad(loss, parts, allow_unused=True, retain_graph=True)
    assert [gradient is None for gradient in of_loss] == [False, True, True]
    of_likelihood = torch.autograd.grad(likelihood, parts, allow_unused=True)
    assert [gradient is None for gradient in of_likelihood] == [True, False, False]


def test_what_is_to_be_expected_is_learned_by_noise_level_and_past(tiny_recipe: Recipe) -> None:
    model = tiny_recipe.bundle.model
    uncertainty = made_uncertainty(tiny_recipe)
    optimiser = torch.optim.Adam(uncertainty.parameters(), 0.02)
    generator = torch.Generator().manual_seed(0)
    reading = torch.zeros(64, sum(size + 1 for size in model.text_fields))

    def true_error(sigma: Tensor, has_past: Tensor) -> Tensor:
        return 0.1 + sigma * torch.where(has_past, 0.3, 1.0)

    shape = (64, model.chunk_latent_frames, model.latent_channels, model.latent_height, model.latent_width)
    for _ in range(200):
        sigma, has_past = torch.rand(64, generator=generator), torch.rand(64, generator=generator) < 0.5
        size = true_error(sigma, has_past).sqrt().view(-1, 1, 1, 1, 1)
        _, likelihood = relative_error(size.expand(shape), uncertainty(sigma, reading, has_past), 1.0)
        optimiser.zero_grad()
        likelihood.backward()
        optimiser.step()
    sigma, has_past = torch.tensor([0.1, 0.1, 0.9, 0.9]), torch.tensor([True, False, True, False])
    guessed = uncertainty(sigma, reading[:4], has_past).picture.exp().mean((1, 2, 3))
    torch.testing.assert_close(guessed, true_error(sigma, has_past), rtol=0.15, atol=0.02)


def test_rows_say_which_of_them_have_a_past(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
    chunks = gather_chunks(tiny_model, batch, alone, tiny_recipe.denoiser, torch.Generator().manual_seed(0))
    assert chunks.has_past.tolist() == [False] * 2 + [True] * 4 + [False] * 3
    assert chunks.readings.shape == (9, sum(size + 1 for size in tiny_recipe.bundle.model.text_fields))
    without = gather_chunks(tiny_model, batch, alone, tiny_recipe.denoiser, torch.Generator().manual_seed(0), keep=0.0)
    assert not without.has_past.any()


def test_at_first_the_uncertainty_alone_learns(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    uncertainty, section = made_uncertainty(tiny_recipe), tiny_recipe.denoiser

    def gradients(*, only_guesses: bool) -> list[Tensor | None]:
        torch.manual_seed(0)
        generator = torch.Generator().manual_seed(0)
        batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
        loss, numbers = flow_loss(
            tiny_model, batch, alone, section, generator, uncertainty=uncertainty, only_guesses=only_guesses
        )
        assert {"weighed", "likelihood"} <= set(numbers)
        parts = [tiny_model.latent_in.weight, uncertainty.exit.weight]
        return list(torch.autograd.grad(loss, parts, allow_unused=True))

    assert [g is None for g in gradients(only_guesses=True)] == [True, False]
    assert [g is None for g in gradients(only_guesses=False)] == [False, False]


def test_a_run_leaves_the_denoiser_alone_in_its_weights(
    tiny_recipe: Recipe, tiny_model: LinGen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reader:
        def __init__(self, *_: object) -> None: ...

        def refresh(self) -> None: ...

        def draw(self, n_clips: int, _: torch.Generator) -> object:
            return made_batch(tiny_recipe, n_clips)

    section = dataclasses.replace(tiny_recipe.denoiser, uncertainty_width=16, n_steps=3)
    recipe = dataclasses.replace(tiny_recipe, denoiser=section)
    before = tiny_model.latent_in.weight.detach().clone()
    denoiser.fit_denoiser(recipe, tiny_model, Reader(), tmp_path, "cpu")  # type: ignore[arg-type]
    held = read_weights(tmp_path / "model.safetensors")
    assert held.keys() == tiny_model.state_dict().keys()
    assert not torch.equal(held["latent_in.weight"], before)
