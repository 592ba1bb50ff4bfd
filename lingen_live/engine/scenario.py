"""A stream told in a few lines of JSON: seed, words by chunk, and what the chunks were. Pure.

Small enough for a link when told without digests. Knows events and their form on paper. Does not know models,
or how a scenario is played.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast, get_args

from lingen_live.config import Weights
from lingen_live.engine.events import (
    MAX_PLANNED,
    MAX_STRETCH,
    Event,
    Part,
    Planned,
    Start,
    Verb,
    Words,
    blend_of,
    in_order,
    scene_start,
)
from lingen_live.engine.options import MAX_SEED
from lingen_live.engine.record import DIGEST_BYTES, MAX_RECORDED_CHUNKS, MAX_STEPS, PATHS, Record, read_way
from lingen_live.errors import PromptError, ScenarioError

FORMAT = "lingen-live scenario"
VERSION = 1
MAX_SCENARIO_BYTES = 2**20
MAX_CHUNKS = 10**6
MAX_SCENARIO_EVENTS = 4096
MAX_ASKED = 64
MAX_TRANSITION = 64


@dataclass(frozen=True, slots=True)
class MadeWith:
    """What a scenario was recorded with: with the same, a replay is the same bit for bit.

    Attributes:
        name: of the model.
        checkpoint_digest: of its weights.
        dtype: of the arithmetic.
        device: kind of device.
        n_steps: denoising steps a chunk.
        weights: "random" if they were never trained; written only then.
    """

    name: str
    checkpoint_digest: str
    dtype: str
    device: str
    n_steps: int
    weights: Weights = "trained"

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        told = dataclasses.asdict(self)
        if self.weights == "trained":
            del told["weights"]
        return told


@dataclass(frozen=True, slots=True)
class Scenario:
    """A stream from chunk 0.

    Attributes:
        start: how it begins.
        events: what is said, in order.
        n_chunks: how long it is.
        made_with: what it was recorded with.
        record: digests of its chunks, as many as are known.
        shows: first and number of the chunks that it is told for, if not all: those of a film, up to its end.
        n_steps: denoising steps of the chunks of a film that is made of it; None for the model's own.
    """

    start: Start
    events: tuple[Event, ...]
    n_chunks: int
    made_with: MadeWith
    record: Record = dataclasses.field(default_factory=Record)
    shows: tuple[int, int] | None = None
    n_steps: int | None = None

    def showing(self, first: int, n_chunks: int) -> Scenario:
        """Told for these chunks: nothing is in it of what came after them."""
        end = first + n_chunks
        events = tuple(event for event in self.events if event.chunk_index < end)
        return replace(self, events=events, n_chunks=end, record=self.record.before(end), shows=(first, n_chunks))

    def to_json(self, *, has_digests: bool = True) -> dict[str, Any]:
        """As it is written; without digests it is short enough for a link."""
        told: dict[str, Any] = {
            "format": FORMAT,
            "version": VERSION,
            "made_with": self.made_with.to_json(),
            "seed": self.start.seed,
            "start": [tell_words(words) for words in self.start.asked],
            "events": [tell_event(event) for event in self.events],
            "n_chunks": self.n_chunks,
        }
        if self.shows is not None:
            told["shows"] = list(self.shows)
        if self.n_steps is not None:
            told["n_steps"] = self.n_steps
        if has_digests:
            told |= {"digests": self.record.digests.hex(), "paths": [list(change) for change in self.record.paths]}
        return told


def parse_scenario(data: bytes | str) -> Scenario:
    """Read a scenario.

    Raises:
        ScenarioError: it is not one; the message says what is wrong where.
    """
    if len(data) > MAX_SCENARIO_BYTES:
        raise ScenarioError(f"The scenario has {len(data)} bytes; at most {MAX_SCENARIO_BYTES} are accepted.")
    try:
        return scenario_from_json(json.loads(data))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ScenarioError(f"The scenario is not JSON: {error}.") from error
    except (RecursionError, ValueError) as error:
        raise ScenarioError("The scenario is JSON of absurd size or depth.") from error


def read_scenario(path: Path) -> Scenario:
    """Read a scenario from a file.

    Raises:
        ScenarioError: it is not one.
        OSError: the file cannot be read.
    """
    n_bytes = path.stat().st_size
    if n_bytes > MAX_SCENARIO_BYTES:
        raise ScenarioError(f"{path.name} has {n_bytes} bytes; a scenario has at most {MAX_SCENARIO_BYTES}.")
    return parse_scenario(path.read_bytes())


def scenario_from_json(told: object) -> Scenario:
    """The reverse of `Scenario.to_json`.

    Raises:
        ScenarioError: it is not one; the message says what is wrong where.
    """
    if not isinstance(told, Mapping) or told.get("format") != FORMAT:
        raise ScenarioError(f'This is not a scenario; one is a JSON object with "format": "{FORMAT}".')
    version = told.get("version")
    if version != VERSION:
        raise ScenarioError(f"The scenario is of version {_shown(version)}; this program reads {VERSION}.")
    known = {"format", "version", "made_with", "seed", "start", "events", "n_chunks", "n_steps"}
    known |= {"digests", "paths", "shows"}
    if unknown := sorted(map(str, set(told) - known)):
        raise ScenarioError(f"The scenario has a field {_shown(unknown[0])}, which version {VERSION} does not know.")
    n_chunks = _integer(told.get("n_chunks"), "n_chunks", 0, MAX_CHUNKS)
    return Scenario(
        Start(
            _integer(told.get("seed"), "seed", 0, MAX_SEED),
            parse_asked(told.get("start"), "start"),
        ),
        parse_events(told.get("events"), "events", n_chunks),
        n_chunks,
        _made_with(told.get("made_with")),
        parse_record(told, n_chunks),
        _shows(told["shows"], n_chunks) if "shows" in told else None,
        _integer(told["n_steps"], "n_steps", 1, MAX_STEPS) if "n_steps" in told else None,
    )


def tell_words(words: Words) -> str | list[list[str | float]]:
    """Words as they are written: a prompt, or prompts with their weights."""
    return words[0].prompt if len(words) == 1 else [[part.prompt, part.weight] for part in words]


def tell_event(event: Event) -> list[Any]:
    """An event as it is written."""
    return [event.chunk_index, event.verb, tell_words(event.words), event.n_chunks]


def parse_asked(told: object, where: str) -> tuple[Words, ...]:
    """A list of words, one on top of the other.

    Raises:
        ScenarioError: it is none; `where` says where it stood.
    """
    return tuple(parse_words(words, f"{where}[{k}]") for k, words in enumerate(_listed(told, where, 1, MAX_ASKED)))


def parse_words(told: object, where: str) -> Words:
    """A prompt, or a list of [prompt, weight].

    Raises:
        ScenarioError: it is none; `where` says where it stood.
    """
    parts = [[told, 1.0]] if isinstance(told, str) else _listed(told, where, 1, MAX_SCENARIO_EVENTS)
    pairs = []
    for part in parts:
        match part:
            case [str(prompt), float() | int() as weight] if not isinstance(weight, bool):
                pairs.append((prompt, float(weight)))
            case _:
                raise ScenarioError(f"{where} is {_shown(told)}; words are a prompt or a list of [prompt, weight].")
    try:
        words = blend_of(pairs)
    except (PromptError, OverflowError) as error:
        raise ScenarioError(f"{where}: {error}") from error
    return words if len(words) > 1 else (Part(words[0].prompt, 1.0),)


def parse_events(told: object, where: str, n_chunks: int) -> tuple[Event, ...]:
    """A list of events in order, none after the last chunk: there would be nothing that it could take effect with.

    Raises:
        ScenarioError: it is none; `where` says where it stood.
    """
    events: list[Event] = []
    for k, one in enumerate(_listed(told, where, 0, MAX_SCENARIO_EVENTS)):
        event = _event(one, f"{where}[{k}]", events[-1].chunk_index if events else 0, n_chunks)
        first = event.chunk_index - event.n_chunks
        if event.verb == "reanchor" and first < scene_start(events):
            raise ScenarioError(
                f"{where}[{k}] tells {event.n_chunks} chunks anew at chunk {event.chunk_index}, but its scene begins "
                f"at {scene_start(events)}."
            )
        events.append(event)
    return tuple(events)


def parse_plan(told: object, first: int) -> tuple[Planned, ...]:
    """A list of [id, chunk, verb, words, n_chunks] for chunks from `first` on; the reverse is one `tell_event` each.

    Raises:
        ScenarioError: it is none.
    """
    plan: dict[int, Planned] = {}
    for k, one in enumerate(_listed(told, "plan", 0, MAX_PLANNED)):
        match one:
            case [int(id), *event] if type(id) is int and id > 0 and id not in plan and "reanchor" not in event[1:2]:
                planned = _event(event, f"plan[{k}]", first, MAX_CHUNKS)
                plan[id] = Planned(id, replace(planned, origin="planned", plan_id=id))
            case _:
                raise ScenarioError(f"plan[{k}] is {_shown(one)}; it is [id, chunk, steer or cut, words, n_chunks].")
    return in_order(plan.values())


def _event(told: object, where: str, low: int, high: int) -> Event:
    match told:
        case [int(), str(verb), _, int()] if verb in get_args(Verb):
            pass
        case _:
            raise ScenarioError(f"{where} is {_shown(told)}; an event is [chunk, verb, words, n_chunks].")
    index, verb, words, length = cast(list[Any], told)
    index = _integer(index, f"{where}[0]", low, high)
    length = _integer(length, f"{where}[3]", 1, MAX_STRETCH if verb == "reanchor" else MAX_TRANSITION)
    return Event(index, cast(Verb, verb), parse_words(words, f"{where}[2]"), length, "recorded")


def _made_with(told: object) -> MadeWith:
    names = [field.name for field in dataclasses.fields(MadeWith) if field.name != "weights"]
    if not isinstance(told, Mapping) or set(told) - {"weights"} != set(names):
        raise ScenarioError(f"made_with is {_shown(told)}; it holds {', '.join(names)}, and perhaps weights.")
    n_steps = _integer(told["n_steps"], "made_with.n_steps", 1, 1000)
    texts = {name: told[name] for name in names if name != "n_steps"}
    for name, text in texts.items():
        if not isinstance(text, str) or len(text) > 100:
            raise ScenarioError(f"made_with.{name} is {_shown(text)}; it must be a text of at most 100 characters.")
    weights = told.get("weights", "trained")
    if weights not in get_args(Weights):
        raise ScenarioError(f"made_with.weights is {_shown(weights)}; it is one of {', '.join(get_args(Weights))}.")
    return MadeWith(**texts, n_steps=n_steps, weights=weights)


def parse_record(told: Mapping[Any, Any], n_chunks: int) -> Record:
    """The digests and paths of a mapping, of at most so many chunks.

    Raises:
        ScenarioError: they are none.
    """
    text = told.get("digests", "")
    try:
        digests = bytes.fromhex(text)
    except (TypeError, ValueError) as error:
        raise ScenarioError(f"digests is {_shown(text)}; it must be hexadecimal digits.") from error
    n_known = len(digests) // DIGEST_BYTES
    if len(digests) % DIGEST_BYTES or n_known > min(n_chunks, MAX_RECORDED_CHUNKS):
        raise ScenarioError(
            f"digests has {len(digests)} bytes; {DIGEST_BYTES} for each of at most {n_chunks} chunks are accepted."
        )
    paths: list[tuple[int, str]] = []
    for k, change in enumerate(_listed(told.get("paths", []), "paths", 0, MAX_SCENARIO_EVENTS)):
        match change:
            case [int(first), str(name)] if read_way(name) and first == (0 if k == 0 else max(first, paths[-1][0] + 1)):
                paths.append((first, name))
            case _:
                raise ScenarioError(
                    f"paths[{k}] is {_shown(change)}; it must be [chunk, name], rising from chunk 0, "
                    f"with a name among {', '.join(PATHS)}."
                )
    if bool(paths) != bool(n_known):
        raise ScenarioError(f"digests has {n_known} chunks, but paths has {len(paths)} entries.")
    return Record(digests, tuple(paths))


def _shows(told: object, n_chunks: int) -> tuple[int, int]:
    first, n_shown = _listed(told, "shows", 2, 2)
    first = _integer(first, "shows[0]", 0, max(0, n_chunks - 1))
    return first, _integer(n_shown, "shows[1]", 1, n_chunks - first)


def _listed(told: object, where: str, low: int, high: int) -> list[object]:
    if not isinstance(told, list) or not low <= len(told) <= high:
        got = f"a list of {len(told)}" if isinstance(told, list) else _shown(told)
        raise ScenarioError(f"{where} is {got}; it must be a list of {low} to {high}.")
    return told


def _integer(told: object, where: str, low: int, high: int) -> int:
    if type(told) is not int or not low <= told <= high:
        raise ScenarioError(f"{where} is {_shown(told)}; it must be an integer of {low} to {high}.")
    return told


def _shown(value: object) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:60]}..."
