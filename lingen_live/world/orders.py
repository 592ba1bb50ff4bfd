"""Writes steering instructions: texts that name what changes between two scenes, as people ask for it."""

from __future__ import annotations

import re

from lingen_live.world import lexicon, templates
from lingen_live.world.attributes import Attributes
from lingen_live.world.grammar import Writer


def changes(before: Attributes, after: Attributes) -> frozenset[str]:
    """Names of the attributes that differ and can be seen in `after`."""
    return frozenset(name for name, word in after.visible().items() if getattr(before, name) != word)


def write_order(writer: Writer, before: Attributes, changed: frozenset[str]) -> str:
    """Unpolished text that asks for every change of `changed`, not empty; `writer.target` is what follows."""
    orders = []
    if "biome" in changed:
        orders.append(writer.pick(templates.BIOME_ORDER).format(b=writer.biome(definite_part=0.2)))
    if {"time", "weather"} <= changed and writer.chance(0.2):
        orders.append(_time_and_weather(writer, before))
    else:
        if "time" in changed:
            orders.append(_time(writer))
        if "weather" in changed:
            orders.append(_weather(writer, before))
    if "subject" in changed:
        orders.append(_subject(writer, before, with_colour="colour" in changed or writer.chance(0.4)))
    elif "colour" in changed:
        orders.append(_colour(writer))
    if "pan" in changed:
        orders.append(_pan(writer, with_speed="speed" in changed or writer.chance(0.3)))
    elif "speed" in changed:
        writer.said.add("speed")
        orders.append(writer.pick(lexicon.SPEED_ORDER[writer.target.speed]))
    writer.rng.shuffle(orders)
    return _dress(writer, orders)


def _dress(writer: Writer, orders: list[str]) -> str:
    """Orders joined into one text, at times with a word of courtesy or urgency around them."""
    text = orders[0]
    for position, order in enumerate(orders[1:], start=2):
        text += (writer.pick(templates.ORDER_JOIN) if position == len(orders) else ", ") + order
    if re.search(r"\bnow\b", text):
        return text
    if writer.chance(0.2):
        return f"{writer.pick(templates.ORDER_OPENING)} {text}"
    if writer.chance(0.15):
        return text + writer.pick(templates.ORDER_CLOSING)
    return text


def _time(writer: Writer) -> str:
    if writer.chance(0.3):
        return writer.time(lexicon.TIME_ORDER)
    return writer.pick(templates.TIME_ORDER_FRAME).format(m=writer.time(lexicon.TIME_MOMENT))


def _weather(writer: Writer, before: Attributes) -> str:
    leaves = lexicon.WEATHER_LEAVES.get(before.weather)
    if writer.target.weather == "clear" and leaves is not None and writer.chance(0.5):
        writer.said.add("weather")
        return writer.pick(leaves)
    if writer.chance(0.2):
        return f"{writer.weather(lexicon.WEATHER_NOUN)} now"
    return writer.weather(lexicon.WEATHER_ORDER)


def _time_and_weather(writer: Writer, before: Attributes) -> str:
    """Both in one noun phrase ("make it a foggy evening") where the weather has an adjective."""
    adjective = writer.weather(lexicon.WEATHER_ADJECTIVE)
    if not adjective:
        return f"{_time(writer)} and {_weather(writer, before)}"
    return f"make it a {adjective} {writer.time(lexicon.TIME_MOMENT)}"


def _the_subject(writer: Writer, subject: str) -> str:
    return "the " + writer.pick(lexicon.SUBJECT_SHORT[subject])


def _subject(writer: Writer, before: Attributes, *, with_colour: bool) -> str:
    if writer.target.subject == "none":
        writer.said.add("subject")
        return writer.pick(templates.LEAVE).format(old=_the_subject(writer, before.subject))
    new = writer.subject(with_colour=with_colour)
    if before.subject != "none" and writer.chance(0.6):
        return writer.pick(templates.REPLACE).format(old=_the_subject(writer, before.subject), s=new)
    return writer.pick(templates.ARRIVE).format(s=new)


def _colour(writer: Writer) -> str:
    writer.said.add("subject")
    old = _the_subject(writer, writer.target.subject)
    return writer.pick(templates.COLOUR_ORDER).format(old=old, c=writer.colour())


def _pan(writer: Writer, *, with_speed: bool) -> str:
    return writer.pan(lexicon.STILL_ORDER, lexicon.PAN_ORDER, with_speed=with_speed)
