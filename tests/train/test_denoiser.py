"""Training the denoiser: what it conditions on, what each chunk may know, and that it learns."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from fake_text import FakeText
from made_clips import PROMPTS, made_alone, made_batch

from lingen_live.model.lingen import LinGen
from lingen_live.text import blend
from lingen_live.train import denoiser
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import (
    blend_prompts,
    flow_loss,
    gather_chunks,
    null_context,
    null_reading,
    one_chunk_each,
    read_prompts,
    stack_contexts,
    weighted_error,
)
from lingen_live.train.latents import ClipBatch


def loss_of(
    model: LinGen, batch: ClipBatch, recipe: Recipe, alone: ClipBatch | None = None, guidance: float = 1.0
) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss with all of its dice fixed."""
    torch.manual_seed(0)
    alone = made_alone(recipe) if alone is None else alone
    return flow_loss(model, batch, alone, recipe.denoiser, torch.Generator().manual_seed(0), guidance)


def test_prompts_are_blended_as_the_engine_blends_them(tiny_recipe: Recipe) -> None:
    batch = made_batch(tiny_recipe)
    start, target = (FakeText(tiny_recipe.bundle.model.text_tokens).encode(prompt) for prompt in PROMPTS)
    assert start.mask.sum() != target.mask.sum()
    for chunk, weight in enumerate((0.0, 0.3, 1.0)):
        wanted = blend(start, target, weight)
        tokens, mask, pooled = blend_prompts(batch, chunk)
        for row in range(2):
            torch.testing.assert_close(tokens[row], wanted.tokens)
            assert torch.equal(mask[row], wanted.mask)
            torch.testing.assert_close(pooled[row], wanted.pooled)


def test_a_few_prompts_are_dropped_from_all_chunks_of_their_clip(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch = made_batch(tiny_recipe, n_clips=400)
    contexts, _ = read_prompts(tiny_model, batch, torch.Generator().manual_seed(0))
    n_words = [context.mask[:, 0, 0, -tiny_recipe.bundle.model.text_tokens :].sum(1) for context in contexts]
    is_dropped = n_words[0] == 0
    assert 20 <= int(is_dropped.sum()) <= 60  # a tenth of 400
    assert all(torch.equal(n == 0, is_dropped) for n in n_words)


def test_contexts_are_stacked_chunk_by_chunk(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    contexts, _ = read_prompts(tiny_model, made_batch(tiny_recipe), torch.Generator().manual_seed(0))
    stacked = stack_contexts(contexts)
    for chunk, context in enumerate(contexts):
        rows = slice(2 * chunk, 2 * chunk + 2)
        assert torch.equal(stacked.keys[:, rows], context.keys)
        assert torch.equal(stacked.values[:, rows], context.values)
        assert torch.equal(stacked.mask[rows], context.mask)
        assert torch.equal(stacked.pooled[rows], context.pooled)


@torch.no_grad()
def test_a_chunk_is_judged_by_what_came_before_it_alone(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch = made_batch(tiny_recipe)
    _, before = loss_of(tiny_model, batch, tiny_recipe)
    latents = batch.latents.clone()
    latents[:, 1] += 1
    _, after = loss_of(tiny_model, dataclasses.replace(batch, latents=latents), tiny_recipe)
    assert after["chunk_0"] == before["chunk_0"]
    assert after["chunk_1"] != before["chunk_1"]  # its own data
    assert after["chunk_2"] != before["chunk_2"]  # its history
    assert after["alone"] == before["alone"]  # another clip's


def test_one_chunk_is_taken_of_each_clip_with_its_prompts(tiny_recipe: Recipe) -> None:
    batch = made_batch(tiny_recipe, n_clips=40)
    one = one_chunk_each(batch, torch.Generator().manual_seed(0))
    taken = set()
    for clip in range(40):
        chunks = [k for k in range(3) if torch.equal(one.latents[clip, 0], batch.latents[clip, k])]
        assert torch.equal(one.weights[clip, 0], batch.weights[clip, chunks[0]])
        taken.update(chunks)
    assert one.latents.shape[1] == one.weights.shape[1] == 1
    assert taken == {0, 1, 2}


@torch.no_grad()
def test_chunks_alone_come_last_and_begin_without_a_past(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
    chunks = gather_chunks(tiny_model, batch, alone, tiny_recipe.denoiser, torch.Generator().manual_seed(0))
    assert len(chunks.data) == chunks.states.batch == len(chunks.text.mask) == 2 * 3 + 3
    torch.testing.assert_close(chunks.data[:6], batch.latents.transpose(0, 1).flatten(0, 1))
    torch.testing.assert_close(chunks.data[6:], alone.latents[:, 0])
    for name in ("ssm", "conv", "review", "tesa"):
        part = getattr(chunks.states, name)
        assert not part[:, :2].any()  # first chunks
        assert part[:, 2:6].any()
        assert not part[:, 6:].any()


@torch.no_grad()
def test_the_loss_is_the_mean_over_chunks_and_two_for_a_model_of_nothing(tiny_recipe: Recipe) -> None:
    """A new model's velocity is 0: what is left is the variance of noise - data, 2 for unit data."""
    model = LinGen(tiny_recipe.bundle.model)
    loss, numbers = loss_of(model, made_batch(tiny_recipe, n_clips=24), tiny_recipe)
    assert list(numbers) == ["chunk_0", "chunk_1", "chunk_2", "alone"]
    assert list(numbers.values()) == pytest.approx([2.0] * 4, abs=0.5)  # the travel weighs as much as many channels
    mean = (24 * sum(list(numbers.values())[:3]) + 3 * numbers["alone"]) / 75
    assert loss.item() == pytest.approx(mean)


def test_the_travel_counts_as_much_as_it_is_told_to() -> None:
    difference = torch.ones(2, 2, 8, 4, 4)
    difference[1, :, -1] = 3
    assert weighted_error(difference, 1.0).tolist() == pytest.approx([1.0, (7 + 9) / 8])
    assert weighted_error(difference, 7.0).tolist() == pytest.approx([1.0, (7 + 63) / 14])


@torch.no_grad()
def test_guidance_leaves_the_travel_alone(
    tiny_recipe: Recipe, tiny_model: LinGen, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[torch.Tensor] = []

    def weigh(difference: torch.Tensor, travel_weight: float) -> torch.Tensor:
        seen.append(difference)
        return weighted_error(difference, travel_weight)

    monkeypatch.setattr(denoiser, "weighted_error", weigh)
    batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
    for guidance in (1.0, 2.5):
        loss_of(tiny_model, batch, tiny_recipe, alone, guidance=guidance)
    plain, guided = seen
    assert torch.equal(plain[:, :, -1], guided[:, :, -1])
    assert not torch.allclose(plain[:, :, :-1], guided[:, :, :-1])


@torch.no_grad()
def test_guidance_moves_the_target_away_from_the_null_prompt(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    """With prompts that are null themselves there is nothing to move away from."""
    batch, alone = made_batch(tiny_recipe), made_alone(tiny_recipe)
    plain, _ = loss_of(tiny_model, batch, tiny_recipe, alone)
    assert loss_of(tiny_model, batch, tiny_recipe, alone, guidance=2.0)[0] != plain

    def wordless(of: ClipBatch) -> ClipBatch:
        return dataclasses.replace(of, tokens=of.tokens * 0, mask=of.mask & False, pooled=of.pooled * 0)

    plain, _ = loss_of(tiny_model, wordless(batch), tiny_recipe, wordless(alone))
    guided, _ = loss_of(tiny_model, wordless(batch), tiny_recipe, wordless(alone), guidance=2.0)
    assert guided.item() == pytest.approx(plain.item(), rel=1e-5)


@torch.no_grad()
def test_the_null_context_is_that_of_a_dropped_prompt(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    config = tiny_recipe.bundle.model
    tokens = torch.zeros(2, config.text_tokens, config.text_width)
    mask = torch.zeros(2, config.text_tokens, dtype=torch.bool)
    reading = null_reading(tiny_model, torch.device("cpu")).repeat(2, 1)
    wanted = tiny_model.read_text(tokens, mask, tokens[:, 0], reading)
    null = null_context(tiny_model, 2, torch.device("cpu"))
    for name in ("keys", "values", "mask", "pooled"):
        torch.testing.assert_close(getattr(null, name), getattr(wanted, name))


def test_gradients_reach_every_parameter(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    always = dataclasses.replace(tiny_recipe.denoiser, history_gradient=1.0)
    recipe = dataclasses.replace(tiny_recipe, denoiser=always)
    loss_of(tiny_model, made_batch(recipe), recipe)[0].backward()
    silent = [name for name, p in tiny_model.named_parameters() if p.grad is None or not p.grad.any()]
    assert all(name.startswith("text.fields.heads.") for name in silent)  # readings are given, not learned here
    assert len(silent) == 14


def test_history_is_learned_from_only_in_its_share_of_the_steps(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    """Without it, gradients are those of states taken as given."""
    losses, gradients = [], []
    for share in (0.0, 1.0):
        section = dataclasses.replace(tiny_recipe.denoiser, history_gradient=share)
        recipe = dataclasses.replace(tiny_recipe, denoiser=section)
        tiny_model.zero_grad()
        loss, _ = loss_of(tiny_model, made_batch(recipe), recipe)
        loss.backward()
        gradient = tiny_model.get_parameter("latent_in.weight").grad
        assert gradient is not None
        losses.append(loss.item())
        gradients.append(gradient.clone())
    assert losses[0] == pytest.approx(losses[1])
    assert not torch.allclose(gradients[0], gradients[1])


def test_the_loss_of_one_fixed_batch_falls(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch = made_batch(tiny_recipe)
    optimiser = torch.optim.Adam(tiny_model.parameters(), 3e-3)
    losses = []
    for _ in range(16):
        optimiser.zero_grad()
        loss, _ = loss_of(tiny_model, batch, tiny_recipe)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
