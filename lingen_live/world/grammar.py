"""Builds scene descriptions word by word: given a scene and the attributes to say, a text of just those.

It does not choose which attributes to say, and it writes no instructions.
"""

from __future__ import annotations

import re
from random import Random
from typing import Literal

from lingen_live.world import lexicon, templates
from lingen_live.world.attributes import Attributes
from lingen_live.world.lexicon import Words

Split = Literal["train", "held_out"]

# The part of a held-out caption's choices taken from the held-out words: new, yet still common English.
NOVEL_PART = 0.5


class Writer:
    """Picks phrasings for one caption of `target`; remembers what was said, and whether any was held out."""

    def __init__(self, target: Attributes, rng: Random, split: Split) -> None:
        self.target = target
        self.rng = rng
        self.split = split
        self.said: set[str] = set()
        self.novel = False

    def chance(self, probability: float) -> bool:
        """True with the given probability."""
        return self.rng.random() < probability

    def pick(self, choices: Words) -> str:
        """One phrasing that the split allows."""
        if self.split == "held_out" and choices.held_out and self.chance(NOVEL_PART):
            self.novel = True
            return self.rng.choice(choices.held_out)
        return self.rng.choice(choices.train)

    def time(self, table: dict[str, Words]) -> str:
        """The time of day in the words of one role."""
        self.said.add("time")
        return self.pick(table[self.target.time])

    def weather(self, table: dict[str, Words]) -> str:
        """The weather in the words of one role, or "" where the role has none for it."""
        key = self.target.weather
        special = {"day": "sunny", "night": "starry"}.get(self.target.time)
        with_light = key == "clear" and special is not None and (self.chance(0.4) or not table["clear"].train)
        if with_light and special is not None:
            key = special
        if not table[key].train:
            return ""
        self.said.update(("weather", "time") if with_light else ("weather",))
        return self.pick(table[key])

    def biome(self, *, definite_part: float) -> str:
        """The biome as a noun phrase, its article definite in the given part of cases."""
        self.said.add("biome")
        noun = self.pick(lexicon.BIOME[self.target.biome])
        return "the " + noun[2:] if noun.startswith("a ") and self.chance(definite_part) else noun

    def colour(self) -> str:
        """The colour as an adjective."""
        self.said.add("colour")
        return self.pick(lexicon.COLOUR[self.target.colour])

    def subject(self, *, with_colour: bool) -> str:
        """The subject as an indefinite noun phrase, coloured if asked."""
        self.said.add("subject")
        frame = self.pick(lexicon.SUBJECT[self.target.subject])
        if not with_colour:
            return frame.format("")
        if self.chance(0.85):
            return frame.format(self.colour() + " ")
        be = "is" if frame.startswith("a {") else "are"
        return frame.format("") + " " + self.pick(lexicon.COLOUR_AFTER).format(be=be, c=self.colour())

    def pan(self, still: Words, moving: Words, *, with_speed: bool) -> str:
        """The camera's movement in the words of one role, its speed too if asked."""
        self.said.add("pan")
        if self.target.pan == "still":
            return self.pick(still)
        frame = self.pick(moving)
        direction = self.pick(lexicon.DIRECTION[self.target.pan])
        adverb = adjective = ""
        if with_speed:
            self.said.add("speed")
            if "{j}" in frame:
                adjective = self.pick(lexicon.SPEED_ADJECTIVE[self.target.speed]) + " "
            else:
                adverb = " " + self.pick(lexicon.SPEED_ADVERB[self.target.speed])
        return frame.format(d=direction, v=adverb, j=adjective)


def add_articles(text: str) -> str:
    """Put "an" in place of "a" where English wants it."""
    return re.sub(r"\ba (?=[aeio]|u[nr])", "an ", text)


def polish(text: str, rng: Random) -> str:
    """Put "an" before vowels, and vary capitals and the final full stop."""
    text = add_articles(text)
    if rng.random() < 0.5:
        text = re.sub(r"(?:^|(?<=\. ))[a-z]", lambda match: match.group().upper(), text)
    elif rng.random() < 0.25:
        text = text.lower()
    return text + "." if rng.random() < 0.4 else text


def write_description(writer: Writer, wanted: frozenset[str]) -> str:
    """Text that says every attribute of `wanted`, in one of three styles, unpolished."""
    style = writer.rng.choices((_telegraphic, write_phrase, _sentences), weights=(25, 40, 35))[0]
    return style(writer, wanted)


def _telegraphic(writer: Writer, wanted: frozenset[str]) -> str:
    bits = []
    has_subject = "subject" in wanted and writer.target.subject != "none"
    if has_subject and "biome" in wanted and writer.chance(0.4):
        bits.append(_bare(_placed_subject(writer, wanted)))
    else:
        if has_subject:
            bits.append(_bare(writer.subject(with_colour="colour" in wanted)))
        if "biome" in wanted:
            bits.append(_bare(writer.biome(definite_part=0.0)))
    if "subject" in wanted and not has_subject:
        writer.said.add("subject")
        bits.append(writer.pick(lexicon.EMPTY_NOUN))
    if "weather" in wanted:
        bits.append(writer.weather(lexicon.WEATHER_NOUN))
    if "time" in wanted:
        bits.append(writer.time(lexicon.TIME_NOUN))
    if "pan" in wanted:
        bits.append(_pan_noun(writer, wanted))
    writer.rng.shuffle(bits)
    return (" " if len(bits) <= 3 and writer.chance(0.1) else ", ").join(bits)


def write_phrase(writer: Writer, wanted: frozenset[str]) -> str:
    """The same as one noun phrase with its adverbs, and what the camera does after a comma."""
    core, rest = _core(writer, wanted)
    adverbs = _adverbs(writer, rest)
    front = ""
    if adverbs and core and writer.chance(0.25):
        front = adverbs.pop() + ", "
    elif core and writer.chance(0.4):
        front = writer.pick(templates.OPENING) + " "
    text = front + " ".join([core, *adverbs] if core else adverbs)
    if "pan" in wanted:
        camera = _pan_noun(writer, wanted) if writer.chance(0.6) else _pan_clause(writer, wanted)
        text = ", ".join([text, camera] if text else [camera])
    return text


def _sentences(writer: Writer, wanted: frozenset[str]) -> str:
    clauses = []
    apart: set[str] = {name for name in ("time", "weather") if name in wanted and writer.chance(0.4)}
    rest = wanted - apart
    if "subject" in wanted and writer.target.subject != "none":
        clauses.append(_subject_clause(writer, rest))
    elif "biome" in wanted:
        core, left = _core(writer, rest - {"subject"})
        clauses.append(writer.pick(templates.BIOME_SENTENCE).format(b=" ".join([core, *_adverbs(writer, left)])))
    else:
        apart |= wanted & {"time", "weather"}
    tail = []
    if "time" in apart:
        tail.append(writer.time(lexicon.TIME_CLAUSE))
    if "weather" in apart:
        tail.append(writer.weather(lexicon.WEATHER_CLAUSE))
    if "subject" in wanted and writer.target.subject == "none":
        writer.said.add("subject")
        tail.append(writer.pick(lexicon.EMPTY_CLAUSE))
    if "pan" in wanted:
        tail.append(_pan_clause(writer, wanted))
    writer.rng.shuffle(tail)
    clauses += tail
    if len(clauses) <= 3 and writer.chance(0.2):
        writer.rng.shuffle(clauses)
    return _join(writer, clauses)


def _core(writer: Writer, wanted: frozenset[str]) -> tuple[str, frozenset[str]]:
    """The noun phrase everything hangs on ("" when nothing can be one), and what is still to say."""
    if "subject" in wanted and writer.target.subject != "none":
        return _placed_subject(writer, wanted), wanted - {"subject", "colour", "biome"}
    if "biome" in wanted:
        noun = writer.biome(definite_part=0.25)
        adjective, spent = "", set[str]()
        if "weather" in wanted and writer.chance(0.35):
            adjective, spent = writer.weather(lexicon.PLACE_ADJECTIVE), {"weather"}
        elif "time" in wanted and writer.chance(0.2):
            adjective, spent = writer.time(lexicon.TIME_ADJECTIVE), {"time"}
        return _with_adjective(noun, adjective), wanted - {"biome"} - (spent if adjective else set())
    if "time" in wanted and "weather" in wanted and writer.chance(0.5):
        adjective = writer.weather(lexicon.WEATHER_ADJECTIVE)
        if adjective:
            return f"a {adjective} {writer.time(lexicon.TIME_MOMENT)}", wanted - {"time", "weather"}
    return "", wanted


def _adverbs(writer: Writer, wanted: frozenset[str]) -> list[str]:
    """Time, weather and an empty sky as phrases that follow a noun or a verb, in random order."""
    adverbs = []
    if "time" in wanted:
        adverbs.append(writer.time(lexicon.TIME_ADVERB))
    if "weather" in wanted:
        adverbs.append(writer.weather(lexicon.WEATHER_ADVERB))
    if "subject" in wanted and writer.target.subject == "none":
        writer.said.add("subject")
        adverbs.append(writer.pick(lexicon.EMPTY_ADVERB))
    writer.rng.shuffle(adverbs)
    return adverbs


def _place(writer: Writer) -> str:
    """Where the subject is, in relation to the biome."""
    biome = writer.biome(definite_part=0.5)
    prepositions = templates.FLOAT_PLACE
    if writer.target.subject == "sailboat":
        is_singular = biome.startswith(("a ", "the "))
        prepositions = templates.LAND_PLACE if is_singular else templates.PLURAL_LAND_PLACE
        if writer.target.biome == "sea":
            prepositions = templates.SEA_PLACE
    return f"{writer.pick(prepositions)} {biome}"


def _placed_subject(writer: Writer, wanted: frozenset[str]) -> str:
    parts = [writer.subject(with_colour="colour" in wanted)]
    if "biome" in wanted:
        if writer.chance(0.35):
            parts.append(writer.pick(lexicon.VERB[writer.target.subject]).split("/")[2])
        parts.append(_place(writer))
    return " ".join(parts)


def _subject_clause(writer: Writer, wanted: frozenset[str]) -> str:
    adverbs = _adverbs(writer, wanted)
    if writer.chance(0.4):
        noun = _placed_subject(writer, wanted)
        is_singular = noun.startswith("a ")
        frames = templates.SUBJECT_SENTENCE if is_singular else templates.PLURAL_SUBJECT_SENTENCE
        return writer.pick(frames).format(s=" ".join([noun, *adverbs]))
    noun = writer.subject(with_colour="colour" in wanted)
    plural, singular, _ = writer.pick(lexicon.VERB[writer.target.subject]).split("/")
    place = _place(writer) if "biome" in wanted else "in view"
    clause = [noun, singular if noun.startswith("a ") else plural, place]
    front = adverbs.pop() + ", " if adverbs and writer.chance(0.25) else ""
    return front + " ".join(clause + adverbs)


def _pan_noun(writer: Writer, wanted: frozenset[str]) -> str:
    return writer.pan(lexicon.STILL_NOUN, lexicon.PAN_NOUN, with_speed="speed" in wanted)


def _pan_clause(writer: Writer, wanted: frozenset[str]) -> str:
    return writer.pan(lexicon.STILL_CLAUSE, lexicon.PAN_CLAUSE, with_speed="speed" in wanted)


def _with_adjective(noun: str, adjective: str) -> str:
    if not adjective:
        return noun
    article, _, head = noun.partition(" ")
    return f"{article} {adjective} {head}" if article in ("a", "the") else f"{adjective} {noun}"


def _bare(noun: str) -> str:
    return re.sub(r"^(a|the) ", "", noun)


def _join(writer: Writer, clauses: list[str]) -> str:
    """Clauses joined so that only the last join may be an "and"."""
    text = clauses[0]
    for position, clause in enumerate(clauses[1:], start=2):
        is_last = position == len(clauses)
        text += (writer.pick(templates.CLAUSE_JOIN) if is_last else writer.rng.choice((", ", ". "))) + clause
    return text
