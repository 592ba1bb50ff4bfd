"""What is compared: variants of one moment. From what a page sends to a plan; every mistake in one sentence. Pure.

Knows words, steps and chunks. Does not know engines, nor where a moment is taken from.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from lingen_live.engine.control import Blend, Cut, Reanchor, SaysWords, Steer
from lingen_live.engine.events import Verb, Words, blend_of, tell, words_of
from lingen_live.engine.options import MAX_SEED
from lingen_live.errors import PromptError, ScenarioError
from lingen_live.studio.numbers import read_number, shown
from lingen_live.studio.storyboard import Grid, stretch_of

How = Literal["soft", "blend", "cut", "re-anchor"]
HOWS: tuple[How, ...] = get_args(How)
NAMES = ("A", "B", "C", "D")
MIN_VARIANTS = 2
MAX_COMPARED_S = 8.0
MAX_OPENING_S = 8.0

_VERBS: dict[How, Verb] = {"soft": "steer", "blend": "steer", "cut": "cut", "re-anchor": "reanchor"}
_WEIGHTED = re.compile(r"(.*\S)\s*\*\s*(\S+)")

Cells = tuple[object, object, object, object]
"""Prompt, how, seconds of the transition, and steps, as a page sends them."""


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to go on.

    Attributes:
        name: a letter.
        words: what is said; none, and it goes on as it was.
        verb: how it is said.
        n_chunks: of a steer, how long it blends in; of a reanchor, how much is told anew.
        n_steps: denoising steps of its chunks; None for the model's own.
    """

    name: str
    words: Words = ()
    verb: Verb = "steer"
    n_chunks: int = 1
    n_steps: int | None = None

    @property
    def prompt(self) -> str:
        """What is said, in one line."""
        return tell(self.words) if self.words else ""

    @property
    def stretch(self) -> int:
        """Chunks before it that it needs the moments of."""
        return self.n_chunks if self.verb == "reanchor" else 0

    def control(self, id: int) -> SaysWords | Cut | None:
        """What the engine is asked; None if nothing is said."""
        if not self.words:
            return None
        if self.verb == "cut":
            return Cut(id, self.prompt)
        if self.verb == "reanchor":
            return Reanchor(id, self.prompt, self.n_chunks)
        if len(self.words) > 1:
            return Blend(id, tuple((part.prompt, part.weight) for part in self.words), self.n_chunks)
        return Steer(id, self.prompt, self.n_chunks)


@dataclass(frozen=True, slots=True)
class Opening:
    """A stream that is begun for it: what it shows first, for so many chunks."""

    prompt: str
    seed: int
    n_chunks: int


@dataclass(frozen=True, slots=True)
class Taken:
    """A session file of a live stream, at or before the moment.

    Attributes:
        data: of the file.
        base_index: where that is.
        chunk_index: of the moment: the chunk that comes next.
        told: from where, for people.
    """

    data: bytes
    base_index: int
    chunk_index: int
    told: str


@dataclass(frozen=True, slots=True)
class Result:
    """What is known of a variant that was made.

    Attributes:
        name: of the variant.
        n_steps: denoising steps of a chunk.
        chunk_s: how long the engine took for one, the median, in seconds.
        digest: of all its latents: the same for the same video, bit for bit.
        has_scenario: whether it can be told from the beginning.
    """

    name: str
    n_steps: int
    chunk_s: float
    digest: str
    has_scenario: bool


@dataclass(eq=False)
class Comparison:
    """Variants that are made from one moment, and what is known of them.

    Attributes:
        origin: where they begin; None when it is not needed any more, for it may hold megabytes.
        variants: 2 to 4.
        n_shown: chunks of each that are compared.
        results: of the variants that were made, in order.
    """

    origin: Opening | Taken | None
    variants: tuple[Variant, ...]
    n_shown: int
    results: list[Result] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.n_lead = _lead(self.origin, self.variants)
        n_before = self.origin.n_chunks - self.n_lead if isinstance(self.origin, Opening) else 0
        self.n_chunks = n_before + len(self.variants) * (self.n_lead + self.n_shown)

    @property
    def title(self) -> str:
        """What is compared, in one line."""
        return " | ".join(one.prompt or "as it was" for one in self.variants)

    def spend(self) -> None:
        """It is over: where it began is not needed any more."""
        self.origin = None


def read_variants(told: Sequence[Cells], grid: Grid) -> tuple[Variant, ...]:
    """The variants of a page.

    Raises:
        ScenarioError: there are too few or too many, or one of them cannot be; the message names it.
    """
    if not MIN_VARIANTS <= len(told) <= len(NAMES):
        raise ScenarioError(f"{len(told)} variants are to be compared; it must be {MIN_VARIANTS} to {len(NAMES)}.")
    return tuple(_variant(name, cells, grid) for name, cells in zip(NAMES, told, strict=False))


def read_opening(prompt: object, seed: int, opening_s: object, grid: Grid) -> Opening:
    """What variants begin from that begin from nothing.

    Args:
        prompt: words.
        seed: 0 to 2^32 - 1.
        opening_s: how long it plays before they part, 0 to `MAX_OPENING_S`.
        grid: of the engine.

    Raises:
        ScenarioError: it cannot be; the message says what.
    """
    try:
        (part,) = words_of(prompt if isinstance(prompt, str) else "")
    except PromptError as error:
        raise ScenarioError(f"The opening: {error}") from error
    if not 0 <= seed <= MAX_SEED:
        raise ScenarioError(f"The seed is {seed}; it must be 0 to {MAX_SEED}.")
    seconds = read_number(opening_s, "The opening", "seconds")
    if seconds is None or not 0 <= seconds <= MAX_OPENING_S:
        raise ScenarioError(f"The opening has {shown(opening_s)} seconds; it must be 0 to {MAX_OPENING_S:g}.")
    return Opening(part.prompt, seed, grid.nearest(seconds))


def read_length(length_s: object, grid: Grid) -> int:
    """Chunks of each variant.

    Raises:
        ScenarioError: it is no length.
    """
    seconds = read_number(length_s, "The length", "seconds")
    if seconds is None or not grid.chunk_s <= seconds <= MAX_COMPARED_S:
        raise ScenarioError(
            f"The length is {shown(length_s)}; variants play {grid.chunk_s:g} to {MAX_COMPARED_S:g} seconds."
        )
    return grid.nearest(seconds)


def read_back(back_s: object, grid: Grid) -> int:
    """Chunks before what plays of a session.

    Raises:
        ScenarioError: it is no time that has been.
    """
    seconds = read_number(back_s, "The moment", "seconds before now") or 0.0
    if seconds < 0:
        raise ScenarioError(f"The moment is {seconds:g} s before now; it must be 0 or more.")
    return grid.nearest(seconds)


def compare(origin: Opening | Taken, variants: tuple[Variant, ...], n_shown: int, chunk_s: float) -> Comparison:
    """A comparison that can be made.

    Raises:
        ScenarioError: a variant tells more anew than there is before it.
    """
    if isinstance(origin, Opening):
        for one in variants:
            if one.stretch > origin.n_chunks:
                raise ScenarioError(
                    f"Variant {one.name} tells {one.stretch * chunk_s:g} s anew, but the opening plays "
                    f"{origin.n_chunks * chunk_s:g} s."
                )
    return Comparison(origin, variants, n_shown)


def _lead(origin: Opening | Taken | None, variants: Sequence[Variant]) -> int:
    """Chunks that every variant makes again first, alike, so that the moments between them are at hand."""
    if isinstance(origin, Taken):
        return origin.chunk_index - origin.base_index
    return max(one.stretch for one in variants)


def _variant(name: str, cells: Cells, grid: Grid) -> Variant:
    prompt, how, transition, steps = cells
    who = f"Variant {name}"
    if how not in HOWS:
        raise ScenarioError(f"{who} says {shown(how)} for how; it must be one of {', '.join(HOWS)}.")
    words = _words(who, prompt if isinstance(prompt, str) else "", how)
    if not words and how != "soft":
        raise ScenarioError(f"{who} has no prompt; only a soft one may go on as it was.")
    verb = _VERBS[how]
    seconds = read_number(transition, who, "a transition")
    n_chunks = 1 if verb == "cut" else stretch_of(verb, seconds, grid, who, how)
    return Variant(name, words, verb, n_chunks, grid.steps(read_number(steps, who, "steps"), who))


def _words(who: str, prompt: str, how: How) -> Words:
    lines = [line.strip() for line in prompt.splitlines() if line.strip()]
    if not lines:
        return ()
    if how != "blend" and len(lines) > 1:
        raise ScenarioError(f"{who} has {len(lines)} lines; only a blend has more than one.")
    try:
        words = blend_of([_weighted(who, line) if how == "blend" else (line, 1.0) for line in lines])
    except PromptError as error:
        raise ScenarioError(f"{who}: {error}") from error
    return words if len(words) > 1 else words_of(words[0].prompt)


def _weighted(who: str, line: str) -> tuple[str, float]:
    """A line of a blend: a prompt, and perhaps "* 2" behind it."""
    match = _WEIGHTED.fullmatch(line)
    if match is None:
        return line, 1.0
    try:
        return match[1], float(match[2])
    except ValueError as error:
        raise ScenarioError(f"{who} has {shown(match[2])} for a weight; it must be a number above 0.") from error
