"""Prompts as people type them: short, plain, careless. For the reader's training alone (see `typed_words.py`).

The grammar is that of all captions, spoken by a writer who prefers plain words; beside it stand lists of bare words,
scenes in few words, and several sentences. Letters are lost, doubled and swapped on the way.
"""

from __future__ import annotations

import re
from random import Random

from lingen_live.world import lexicon
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption, choose_mentions, is_held_out
from lingen_live.world.colour_words import ADJECTIVES, COLOUR_WORDS
from lingen_live.world.grammar import Writer, add_articles, write_description, write_phrase
from lingen_live.world.lexicon import Words
from lingen_live.world.orders import changes, write_order
from lingen_live.world.typed_words import (
    COLOUR_ALONE,
    COLOURED_LAND,
    FURTHER,
    LAND_COLOURS,
    NONE_LEFT,
    SENTENCE_END,
)

MAX_CHARACTERS = 120
"""About what an encoder of 32 tokens takes in."""
_FURTHER_PART = 0.5
_COLOURED_LAND_PART = 0.3
_COLOUR_WORD_PART = 0.45
_ADJECTIVE_PART = 0.25
_SHORT_WORD = 4
# Shares of the styles: the grammar's descriptions, its orders, lists, scenes, sentences, a colour or a leaving alone.
_STYLES = (25, 25, 15, 20, 11, 4)


class Typist(Writer):
    """A writer of training texts who says half of all things in the plainest words."""

    def __init__(self, target: Attributes, rng: Random) -> None:
        super().__init__(target, rng, "train")

    def pick(self, choices: Words) -> str:
        """One phrasing of the training split, or of those beside it."""
        further = FURTHER.get(choices)
        return self.rng.choice(further) if further and self.chance(_FURTHER_PART) else super().pick(choices)

    def biome(self, *, definite_part: float) -> str:
        """The biome as any caption says it, or a land of any colour."""
        if not self.chance(_COLOURED_LAND_PART):
            return super().biome(definite_part=definite_part)
        self.said.add("biome")
        return self.pick(COLOURED_LAND[self.target.biome]).format(self.pick(LAND_COLOURS) + " ")

    def colour(self) -> str:
        """The colour as any caption says it, or by what is of that colour."""
        usual = super().colour()
        if not self.chance(_COLOUR_WORD_PART):
            return usual
        word, colour = self.rng.choice(COLOUR_WORDS[self.target.colour]), self.target.colour
        frame = self.rng.choices(
            ("{w}", "{w}-coloured", "{w} {c}", "{w}-{c}", "bright {w}", "dark {w}"), weights=(60, 12, 8, 10, 5, 5)
        )[0]
        return frame.format(w=word, c=colour)

    def subject(self, *, with_colour: bool) -> str:
        """The subject as any caption says it, at times with an adjective that is no colour."""
        frame = super().subject(with_colour=with_colour)
        return self._described(frame) if self.chance(_ADJECTIVE_PART) else frame

    def _described(self, noun: str) -> str:
        adjective = self.rng.choice(ADJECTIVES)
        return f"a {adjective} {noun[2:]}" if noun.startswith("a ") else f"{adjective} {noun}"


def type_prompt(before: Attributes, after: Attributes, rng: Random) -> Caption:
    """A prompt that describes `after`, or asks for some of what leads there from `before`.

    Raises:
        ValueError: `after` is a held-out combination, of which training may not speak.
    """
    if is_held_out(after):
        scene = f"{after.biome}, {after.time}, {after.weather}"
        raise ValueError(f"the combination {scene} is held out; nobody may train on it.")
    while True:
        writer = Typist(after, rng)
        text = add_articles(_write(writer, before))
        if len(text) <= MAX_CHARACTERS:
            return Caption(roughen(text, rng), frozenset(writer.said), after)


def _write(writer: Typist, before: Attributes) -> str:
    target, rng = writer.target, writer.rng
    changed = changes(before, target)
    style = rng.choices(range(len(_STYLES)), weights=_STYLES)[0]
    if style == 1 and changed:
        return write_order(writer, before, changed)
    if style == 2:
        return _list(writer)
    if style == 3:
        return _scene(writer)
    if style == 4:
        return _several(writer)
    if style == 5:
        return _leaving(writer, before) if target.subject == "none" else _colour_alone(writer)
    return write_description(writer, choose_mentions(target, rng, frozenset(), 1))


def _list(writer: Typist) -> str:
    """One to four bare words or names, in any order."""
    target, bits = writer.target, []
    for name in writer.rng.sample(("biome", "time", "weather", "subject"), writer.rng.choice((1, 2, 2, 3, 3, 4))):
        if name == "biome":
            bits.append(writer.biome(definite_part=0.0))
        elif name == "time":
            bits.append(writer.time(lexicon.TIME_NOUN))
        elif name == "weather":
            bits.append(writer.weather(lexicon.WEATHER_NOUN))
        elif target.subject != "none":
            bits.append(writer.subject(with_colour=writer.chance(0.6)))
    if not bits or writer.chance(0.2):
        bits.append(writer.pan(lexicon.STILL_ORDER, lexicon.PAN_ORDER, with_speed=writer.chance(0.4)))
    return writer.rng.choice((", ", ", ", ", ", " and ", " / ")).join(re.sub(r"^a ", "", bit) for bit in bits)


def _scene(writer: Typist) -> str:
    """A subject over a land, coloured or not, at times with an hour or a weather: what colours are mistaken in."""
    wanted = {"biome"} | {name for name in ("time", "weather") if writer.chance(0.35)}
    if writer.target.subject != "none":
        wanted |= {"subject", "colour"} if writer.chance(0.6) else {"subject"}
    return write_phrase(writer, frozenset(wanted))


def _several(writer: Typist) -> str:
    """Two or three sentences, each about something else."""
    parts = [("biome", "subject", "colour"), ("time",), ("weather",), ("pan", "speed")]
    writer.rng.shuffle(parts)
    sentences, visible = [], writer.target.visible()
    for part in parts[: writer.rng.choice((2, 2, 3))]:
        said = frozenset(name for name in part if name in visible and (name != "colour" or writer.chance(0.6)))
        sentences.append(write_description(writer, said))
    return writer.rng.choice(SENTENCE_END).join(sentences)


def _colour_alone(writer: Typist) -> str:
    """Another colour for whatever is there."""
    return writer.pick(COLOUR_ALONE).format(c=writer.colour())


def _leaving(writer: Typist, before: Attributes) -> str:
    """The subject is to go."""
    writer.said.add("subject")
    old = "birds" if before.subject == "none" else before.subject
    return writer.pick(NONE_LEFT).format(old=writer.pick(lexicon.SUBJECT_SHORT[old]))


def roughen(text: str, rng: Random) -> str:
    """Small letters, fewer articles and commas, another end, and mistyped words."""
    if rng.random() < 0.6:
        text = text.lower()
    if rng.random() < 0.25:
        text = re.sub(r"\b(an?|the) (?=\w)", "", text, flags=re.IGNORECASE)
    if rng.random() < 0.3:
        text = text.replace(",", "")
    text += rng.choices(("", ".", "!"), weights=(70, 20, 10))[0]
    if rng.random() < 0.25:
        words = text.split(" ")
        for _ in range(rng.choice((1, 1, 2))):
            index = rng.randrange(len(words))
            words[index] = mistype(words[index], rng)
        text = " ".join(words)
    return text


def mistype(word: str, rng: Random) -> str:
    """A longer word with a letter lost, doubled or swapped with the next one; never the first letter."""
    found = re.fullmatch(rf"([a-zA-Z]{{{_SHORT_WORD + 1},}})(\W*)", word)
    if not found:
        return word
    letters, rest = found.groups()
    at, way = rng.randrange(1, len(letters) - 1), rng.randrange(3)
    here, after = letters[at], letters[at + 1 :]
    if way == 0:
        return letters[:at] + after + rest
    if way == 1:
        return letters[:at] + here + here + after + rest
    return letters[:at] + after[0] + here + after[1:] + rest
