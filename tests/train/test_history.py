"""The past that chunks are trained with."""

from __future__ import annotations

from typing import cast

import torch
from made_clips import made_batch

from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState
from lingen_live.train.config import Recipe
from lingen_live.train.denoiser import read_prompts
from lingen_live.train.history import own_version, walk_history


@torch.no_grad()
def test_states_come_from_commit_passes_over_what_came_before(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch = made_batch(tiny_recipe)
    latents = batch.latents.transpose(0, 1)
    contexts, _ = read_prompts(tiny_model, batch, torch.Generator().manual_seed(0))
    is_clean = torch.tensor([False, False])
    states, histories = walk_history(tiny_model, latents, contexts, torch.zeros(2), is_clean)
    assert all(torch.equal(history, clean) for history, clean in zip(histories, latents[:-1], strict=True))
    assert len(states) == 3
    wanted = StreamState.allocate(tiny_recipe.bundle.model, 2)
    for chunk, state in enumerate(states):
        for name in ("ssm", "conv", "review", "tesa"):
            torch.testing.assert_close(getattr(state, name), getattr(wanted, name))
        wanted = tiny_model.commit(latents[chunk], contexts[chunk], wanted)

    noised, _ = walk_history(tiny_model, latents, contexts, torch.tensor([0.0, 0.3]), is_clean)
    torch.testing.assert_close(noised[1].ssm[:, 0], states[1].ssm[:, 0])
    assert not torch.allclose(noised[1].ssm[:, 1], states[1].ssm[:, 1])


@torch.no_grad()
def test_own_history_is_the_models_version_of_its_own_clips_alone(tiny_recipe: Recipe, tiny_model: LinGen) -> None:
    batch = made_batch(tiny_recipe)
    latents = batch.latents.transpose(0, 1)
    contexts, _ = read_prompts(tiny_model, batch, torch.Generator().manual_seed(0))
    clean = walk_history(tiny_model, latents, contexts, torch.zeros(2), torch.tensor([False, False]))[0][1]
    torch.manual_seed(0)
    mixed = walk_history(tiny_model, latents, contexts, torch.zeros(2), torch.tensor([False, True]))[0][1]
    torch.manual_seed(0)
    empty = StreamState.allocate(tiny_recipe.bundle.model, 2)
    own = tiny_model.commit(own_version(tiny_model, latents[0], contexts[0], empty), contexts[0], empty)
    torch.testing.assert_close(mixed.ssm[:, 0], clean.ssm[:, 0])
    torch.testing.assert_close(mixed.ssm[:, 1], own.ssm[:, 1])
    assert not torch.allclose(mixed.ssm[:, 1], clean.ssm[:, 1])


@torch.no_grad()
def test_a_perfect_models_own_version_is_the_clean_chunk(tiny_recipe: Recipe) -> None:
    """One step along the true velocity ends at the data."""
    clean = torch.randn(2, 2, 4, 3, 3)

    class Perfect:
        def denoise(self, noisy: torch.Tensor, sigma: torch.Tensor, *_: object) -> torch.Tensor:
            return (noisy - clean) / sigma.view(-1, 1, 1, 1, 1)

    state = StreamState.allocate(tiny_recipe.bundle.model, 2)
    made = own_version(cast(LinGen, Perfect()), clean, cast(TextContext, None), state)
    torch.testing.assert_close(made, clean, atol=1e-5, rtol=1e-5)
