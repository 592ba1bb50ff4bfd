"""What a stream is asked to show: the last words, and field by field what all words since the last cut add up to.

A prompt that names some fields changes those and leaves the others: "now at night" keeps the sea and the balloon.
Knows readings (`lingen_live.model.embed.PromptFields`) and phrases. Does not know the network that reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lingen_live import text
from lingen_live.config import PromptField
from lingen_live.text import TextEmbedding

_DOUBT = 0.5  # probability of "not said" up to which a field counts as said


@dataclass(frozen=True, slots=True, eq=False)
class PromptState:
    """What conditions a chunk.

    Attributes:
        words: the last prompt, embedded.
        reading: (sum of n_values + 1,) float32 on the CPU: of every field the probabilities of its values and, last,
            that nothing was said of it.
    """

    words: TextEmbedding
    reading: Tensor


def compose(before: Tensor, said: Tensor, sizes: Sequence[int]) -> Tensor:
    """The reading after a prompt: fields that it probably says are its own, the others stay as they were.

    What was probably said counts as said, and as the most probable of its values alone: they exclude one another, and a
    denoiser that is told of half a red makes a purple.

    Args:
        before: (..., R) reading so far, as in `PromptState`.
        said: (..., R) reading of the new prompt alone.
        sizes: n_values + 1 of every field.
    """
    if not sizes:
        return said
    parts = zip(before.split(list(sizes), -1), said.split(list(sizes), -1), strict=True)
    return torch.cat([torch.where(_is_said(new), _decided(new), old) for old, new in parts], dim=-1)


def _is_said(field: Tensor) -> Tensor:
    return ~(field[..., -1:] > _DOUBT)


def _decided(field: Tensor) -> Tensor:
    """All on the most probable value."""
    best = field[..., :-1].argmax(-1, keepdim=True)
    return torch.zeros_like(field).scatter(-1, best, 1.0)


def is_said(said: Tensor, sizes: Sequence[int]) -> frozenset[int]:
    """Indices of the fields that `compose` takes from `said`."""
    if not sizes:
        return frozenset()
    return frozenset(k for k, part in enumerate(said.split(list(sizes))) if _is_said(part))


def unsaid(sizes: Sequence[int]) -> Tensor:
    """The reading of no prompt at all."""
    reading = torch.zeros(sum(sizes))
    last = torch.tensor(list(sizes), dtype=torch.long).cumsum(0) - 1
    reading[last] = 1.0
    return reading


def blend(start: PromptState, target: PromptState, weight: float) -> PromptState:
    """Between two prompts, linear in everything; at weights 0 and 1 the prompts themselves.

    Raises:
        ValueError: the weight is outside [0, 1], or the states are of different models.
    """
    words = text.blend(start.words, target.words, weight)
    if weight in (0.0, 1.0):
        return target if weight else start
    return PromptState(words, torch.lerp(start.reading, target.reading, weight))


def phrases(reading: Tensor, fields: Sequence[PromptField]) -> tuple[str, ...]:
    """What a reading says, a phrase for every field that is said, in their order."""
    if not fields:
        return ()
    parts = reading.split([len(field.values) + 1 for field in fields])
    best = [int(part.argmax()) for part in parts]
    return tuple(field.phrases[k] for field, k in zip(fields, best, strict=True) if k < len(field.values))
