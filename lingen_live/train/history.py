"""The past that a chunk of a clip is trained with: states by commit passes over the chunks before it.

Over the clean chunks, lightly noised ones, or the model's own versions of them, so that it learns to put right what it
will meet in a stream. Knows clips' latents and contexts, not prompts or losses.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lingen_live.engine.sampler import denoise_steps
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState

_OWN_SIGMA = (0.8, 1.0)
_OWN_LEVELS = (1.0, 0.87, 0.62, 0.0)  # of the highest: the last three steps of four at a shift of 4


@torch.no_grad()
def own_version(model: LinGen, clean: Tensor, context: TextContext, state: StreamState) -> Tensor:
    """What the model makes of a chunk that is all but noise: history as it will meet it, with its own faults.

    The last steps of the sampler, from a level so high that what moves, and how sharp it is, is the model's choice,
    and yet low enough that the chunk remains a version of this one: the next true chunk is still what should follow.
    """
    highest = float(torch.empty(()).uniform_(*_OWN_SIGMA))
    levels = [highest * share for share in _OWN_LEVELS]
    noisy = torch.lerp(clean, torch.randn_like(clean), highest)
    *_, latents = denoise_steps(model, noisy, levels, context, state)
    return latents


def walk_history(
    model: LinGen,
    latents: Tensor,
    contexts: list[TextContext],
    amount: Tensor,
    is_own: Tensor,
    keep: float = 1.0,
    *,
    makes_own: bool | None = None,
) -> tuple[list[StreamState], list[Tensor]]:
    """The state before every chunk, by commit passes over the chunks before it, and what these passes were over.

    Args:
        model: the denoiser.
        latents: (K, B, T, C, h, w) clean.
        contexts: one a chunk.
        amount: (B,) noise mixed into the history, in [0, 1].
        is_own: (B,) bool, clips whose history is the model's own version of it.
        keep: share of the state that each chunk hands on; without any, no chunk has a past.
        makes_own: whether own versions are made; None for only if some clip takes one.

    Returns:
        K states, and K - 1 histories (B, T, C, h, w), or none where no chunk has a past.
    """
    makes_own = bool(is_own.any()) if makes_own is None else makes_own
    state = StreamState.allocate(model.config, latents.shape[1], device=latents.device)
    states, histories = [state], list[Tensor]()
    if not keep:
        return states * len(latents), histories
    for clean, context in zip(latents[:-1], contexts[:-1], strict=True):
        history = clean
        if makes_own:
            own = own_version(model, clean, context, state)
            history = torch.where(is_own.view(-1, 1, 1, 1, 1), own, clean)
        histories.append(torch.lerp(history, torch.randn_like(clean), amount.view(-1, 1, 1, 1, 1)))
        state = model.commit(histories[-1], context, state).scaled(keep)
        states.append(state)
    return states, histories
