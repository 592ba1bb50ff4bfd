"""Captions of the vista world with their ground truth: descriptions of scenes, instructions that change them.

Every text comes with the attributes that its words fix, so a picture can be checked against it. A held-out
split reserves words, sentence patterns and whole combinations of attributes for measuring: the words and
patterns are those of `Words.held_out`, the combinations `HELD_OUT_SCENES`. Knows nothing of pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from lingen_live.world.attributes import VALUES, Attributes, sample_attributes
from lingen_live.world.grammar import Split, Writer, polish, write_description
from lingen_live.world.orders import changes, write_order

MAX_CHARACTERS = 199
# Ten of the hundred combinations; every biome and weather is in two of them, every time in two or three.
HELD_OUT_SCENES = frozenset(
    {
        ("meadow", "dusk", "snowfall"),
        ("meadow", "night", "cloudy"),
        ("desert", "dawn", "rain"),
        ("desert", "day", "fog"),
        ("snow", "dusk", "clear"),
        ("snow", "night", "rain"),
        ("sea", "dawn", "snowfall"),
        ("sea", "day", "cloudy"),
        ("city", "dawn", "clear"),
        ("city", "dusk", "fog"),
    }
)

# How often a description that is not complete says an attribute; colour counts where a subject is said, speed
# where a movement is said. With a third of all descriptions complete, biome and time come to about 0.85.
_FULL_PART = 0.35
_SAID_PART = {
    "biome": 0.77,
    "time": 0.77,
    "weather": 0.6,
    "subject": 0.6,
    "colour": 0.7,
    "pan": 0.3,
    "speed": 0.45,
}
_EMPTY_SAID_PART = 0.15
# An attribute that only makes sense together with another one.
_NEEDS = {"colour": "subject", "speed": "pan"}


@dataclass(frozen=True, slots=True)
class Caption:
    """A prompt and its ground truth.

    `mentions` names the attributes (keys of `VALUES`) that the words fix; every other attribute of `target`,
    the scene after this prompt, is free.
    """

    text: str
    mentions: frozenset[str]
    target: Attributes


def is_held_out(attributes: Attributes) -> bool:
    """True for the tenth of all (biome, time, weather) combinations that training never says nor samples."""
    return (attributes.biome, attributes.time, attributes.weather) in HELD_OUT_SCENES


def sample_scene(rng: Random, *, split: Split = "train") -> Attributes:
    """A random scene of the split: never a held-out combination in "train", always one in "held_out"."""
    while True:
        scene = sample_attributes(rng)
        if is_held_out(scene) == (split == "held_out"):
            return scene


def describe(target: Attributes, rng: Random, *, min_mentions: int = 2, split: Split = "train") -> Caption:
    """A scene description that says a random subset of the target's attributes.

    Args:
        target: the scene; in the training split not a held-out combination.
        rng: source of every choice.
        min_mentions: mentioned attributes at least, as far as the scene has that many to mention.
        split: "held_out" texts hold at least one reserved word or pattern, or a reserved combination.

    Raises:
        ValueError: a held-out combination was to be described in the training split.
    """
    return _describe(target, rng, frozenset(), min_mentions, split)


def instruct(before: Attributes, after: Attributes, rng: Random, *, split: Split = "train") -> Caption:
    """A prompt that leads from `before` to `after`.

    Half of them name just what differs ("make it snow and pan left"), half describe `after` and mention at
    least what differs. Where nothing visible differs it is a description.

    Raises:
        ValueError: `after` is a held-out combination and the split is the training split.
    """
    changed = changes(before, after)
    if not changed or rng.random() < 0.5:
        return _describe(after, rng, changed, 2, split)
    return _write(after, rng, split, lambda writer: write_order(writer, before, changed))


def sample_change(before: Attributes, rng: Random, *, split: Split = "train") -> Attributes:
    """A scene that differs visibly from `before` in one (60 %), two (30 %) or three attributes.

    Colour changes only where a subject is (or arrives), speed only where the camera moves (or starts to).
    In the training split the new scene is never a held-out combination.
    """
    n_changes = rng.choices((1, 2, 3), weights=(60, 30, 10))[0]
    while True:
        after = before
        for name in rng.sample(tuple(VALUES), n_changes):
            old = getattr(before, name)
            after = replace(after, **{name: rng.choice([word for word in VALUES[name] if word != old])})
        if len(changes(before, after)) == n_changes and not (split == "train" and is_held_out(after)):
            return after


def _describe(target: Attributes, rng: Random, required: frozenset[str], min_mentions: int, split: Split) -> Caption:
    def write(writer: Writer) -> str:
        return write_description(writer, choose_mentions(target, rng, required, min_mentions))

    return _write(target, rng, split, write)


def _write(target: Attributes, rng: Random, split: Split, write: Callable[[Writer], str]) -> Caption:
    """Write until the text is short enough and, in the held-out split, new in some way."""
    reserved = is_held_out(target)
    if reserved and split == "train":
        scene = f"{target.biome}, {target.time}, {target.weather}"
        raise ValueError(f"the combination {scene} is held out; the train split accepts the others (sample_scene).")
    while True:
        writer = Writer(target, rng, split)
        text = polish(write(writer), rng)
        is_new = writer.novel or (reserved and {"biome", "time", "weather"} <= writer.said)
        if len(text) <= MAX_CHARACTERS and (split == "train" or is_new):
            return Caption(text, frozenset(writer.said), target)


def choose_mentions(target: Attributes, rng: Random, required: frozenset[str], min_mentions: int) -> frozenset[str]:
    """The attributes to say: `required`, a random choice of the visible others, and what these need."""
    visible = tuple(target.visible())
    is_full = rng.random() < _FULL_PART
    chosen = set(required)
    for name in visible:
        part = 1.0 if is_full else _SAID_PART[name]
        if name == "subject" and target.subject == "none":
            part = _EMPTY_SAID_PART
        needs = _NEEDS.get(name)
        if rng.random() < part and (needs is None or needs in chosen):
            chosen.add(name)
    others = [name for name in visible if name not in chosen]
    rng.shuffle(others)
    while len(chosen) < min_mentions and others:
        chosen.add(others.pop())
    return frozenset(chosen | {_NEEDS[name] for name in chosen if name in _NEEDS})
