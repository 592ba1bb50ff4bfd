"""What can happen to a stream and decides what it shows: where it starts, and the words said to it, by chunk.

A stream is a pure function of its `Start` and its `Event`s; that is why it can be replayed. Plain values: knows
no torch, no model and no file.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from lingen_live.errors import PromptError
from lingen_live.prompt import validate_prompt

MAX_PARTS = 4
MAX_STRETCH = 5
"""Chunks that a reanchor can tell anew: the moments between them are always kept."""
DEFAULT_STRETCH = 1
"""More take longer and were measured to change nothing: docs/time-travel.md."""
MAX_PLANNED = 64
_SUM_TOLERANCE = 1e-6

Verb = Literal["steer", "cut", "reanchor"]
Origin = Literal["typed", "planned", "recorded"]


@dataclass(frozen=True, slots=True)
class Part:
    """A prompt and its weight in a blend, in (0, 1]."""

    prompt: str
    weight: float


Words = tuple[Part, ...]
"""What is asked for at once: one prompt of weight 1, or a blend whose weights add up to 1."""


@dataclass(frozen=True, slots=True)
class Event:
    """Words that take effect with a chunk.

    Attributes:
        chunk_index: of the first chunk made under them.
        verb: "steer" bends, "cut" begins a new scene, "reanchor" bends after telling the past anew.
        words: what is asked for.
        n_chunks: of a steer, how many chunks it blends over; of a reanchor, how many of the past are told anew.
        origin: "typed" while it happened, "planned" ahead of time, or "recorded" earlier and replayed now. Does not
            change what the stream shows, only what becomes of the event when the stream turns back before it.
        plan_id: of one that was planned.
    """

    chunk_index: int
    verb: Verb
    words: Words
    n_chunks: int = 1
    origin: Origin = field(default="typed", compare=False)
    plan_id: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Planned:
    """Words for a later chunk; `id` is unique in its timeline."""

    id: int
    event: Event


@dataclass(frozen=True, slots=True)
class Start:
    """How a stream begins at chunk 0.

    Attributes:
        seed: of the noise.
        asked: what is asked for, one on top of the other; at least one.
    """

    seed: int
    asked: tuple[Words, ...]


def words_of(prompt: str) -> Words:
    """One prompt.

    Raises:
        PromptError: it cannot be one.
    """
    return (Part(validate_prompt(prompt), 1.0),)


def blend_of(parts: Sequence[tuple[str, float]]) -> Words:
    """Several prompts at once; their weights are scaled to add up to 1, unless they do.

    Raises:
        PromptError: a prompt or a weight cannot be one, or there are too few or too many.
    """
    if not 1 <= len(parts) <= MAX_PARTS:
        raise PromptError(f"The blend has {len(parts)} prompts; it must have 1 to {MAX_PARTS}.")
    for _, weight in parts:
        if not (math.isfinite(weight) and weight > 0):
            raise PromptError(f"The blend has a weight of {weight}; weights must be above 0 and finite.")
    total = math.fsum(weight for _, weight in parts)
    scale = 1.0 if abs(total - 1) <= _SUM_TOLERANCE else total
    return tuple(Part(validate_prompt(prompt), weight / scale) for prompt, weight in parts)


def in_order(plan: Iterable[Planned]) -> tuple[Planned, ...]:
    """A plan by chunk; what is for the same chunk stays in the order in which it was planned."""
    return tuple(sorted(plan, key=lambda one: (one.event.chunk_index, one.id)))


def scene_start(events: Sequence[Event]) -> int:
    """The first chunk index whose moment a reanchor after `events` may begin from: none before a cut or reanchor."""
    breaks = [event.chunk_index for event in events if event.verb != "steer"]
    return breaks[-1] + 1 if breaks else 0


def tell(words: Words) -> str:
    """The words in one line."""
    if len(words) == 1:
        return words[0].prompt
    return " + ".join(f"{100 * part.weight:.0f} % {part.prompt}" for part in words)
