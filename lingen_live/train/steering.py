"""How soon a stream does what it is told, and whether the rest stays: random changes of one or two attributes.

A fresh stream starts with a scene of which every visible attribute is said, runs for two seconds, is steered by
a prompt that names what changes, as the live server does by default, and is judged for four seconds more. Time
is media time: chunk k after the change is seen in full (k + 1) chunks later.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from statistics import median

import numpy as np
from numpy.typing import NDArray

from lingen_live.train.evaluate import Score, to_unit
from lingen_live.train.probe import JUDGED, AttributeProbe, judge
from lingen_live.train.rendered import Stream
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import Caption, describe, instruct, sample_scene
from lingen_live.world.orders import changes

TRANSITION_CHUNKS = 2
BEFORE_S, AFTER_S, WITHIN_S = 2.0, 4.0, 2.0
SHOWN_AT_S = (1.0, 2.0)
SEED = 2028
_DOUBLE_PART = 1 / 3


@dataclass(frozen=True, slots=True)
class Change:
    """Two scenes and the words that lead from one to the other.

    Attributes:
        first: says every visible attribute of the scene before.
        order: names every attribute of `changed`; its target is the scene after.
        changed: judged attributes that differ.
    """

    first: Caption
    order: Caption
    changed: frozenset[str]


@dataclass(frozen=True, slots=True)
class Steered:
    """What a stream made of a change.

    Attributes:
        change: what was asked.
        before: the probe's words for the last chunk before the change.
        after: the same for every chunk after it.
        pictures: (H, W, 3) uint8, the last frame before and those at `SHOWN_AT_S`.
    """

    change: Change
    before: dict[str, str]
    after: list[dict[str, str]]
    pictures: list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class SteeringResult:
    """Scores of many changes.

    Attributes:
        within: changes whose every asked attribute is right within `WITHIN_S`, of all.
        reached: the same at any time in `AFTER_S`.
        median_s: media time to reach it, of those that do; NaN of none.
        kept: attributes neither asked for nor wrong before that are right in the last chunk.
        by_attribute: `within` of each asked attribute alone.
    """

    within: Score
    reached: Score
    median_s: float
    kept: Score
    by_attribute: dict[str, Score]


def sample_changes(n: int, seed: int = SEED) -> list[Change]:
    """Single (2/3) and double (1/3) changes in held-out words; every second one begins in a held-out combination.

    Speed, which the probe does not judge, never changes.
    """
    rng = Random(seed)
    out = []
    for index in range(n):
        before = sample_scene(rng, split="held_out" if index % 2 else "train")
        after = _after(before, 2 if rng.random() < _DOUBLE_PART else 1, rng)
        first = describe(before, rng, min_mentions=len(VALUES), split="held_out")
        order = instruct(before, after, rng, split="held_out")
        out.append(Change(first, order, changes(before, after)))
    return out


def _after(before: Attributes, n_changes: int, rng: Random) -> Attributes:
    while True:
        after = before
        for name in rng.sample(JUDGED, n_changes):
            old = getattr(before, name)
            after = replace(after, **{name: rng.choice([word for word in VALUES[name] if word != old])})
        changed = changes(before, after)
        if len(changed) == n_changes:  # else it was the colour of no subject
            return after


def scenes_of(asked: Sequence[Change]) -> dict[str, Attributes]:
    """What every prompt of the changes stands for, for a `RenderedStream`."""
    return {c.text: c.target for change in asked for c in (change.first, change.order)}


def steer_stream(
    stream: Stream, probe: AttributeProbe, asked: Sequence[Change], chunk_s: float, on_done: Callable[[], object]
) -> list[Steered]:
    """Run every change in a fresh stream of its own noise.

    Args:
        stream: an engine, or renders.
        probe: the judge.
        asked: from `sample_changes`.
        chunk_s: media time of a chunk, seconds.
        on_done: called after each change.
    """
    n_before, n_after = max(1, round(BEFORE_S / chunk_s)), max(2, round(AFTER_S / chunk_s))
    shown = {max(0, math.floor(at_s / chunk_s + 1e-9) - 1) for at_s in SHOWN_AT_S}
    out = []
    for index, change in enumerate(asked):
        stream.cut(change.first.text)
        stream.reseed(index)
        for _ in range(n_before):
            frames = stream.tick().frames
        before, pictures = seen_in(probe, frames), [frames[-1]]
        stream.steer(change.order.text, n_chunks=TRANSITION_CHUNKS)
        after = []
        for k in range(n_after):
            frames = stream.tick().frames
            after.append(seen_in(probe, frames))
            if k in shown:
                pictures.append(frames[-1])
        out.append(Steered(change, before, after, pictures))
        on_done()
    return out


def seen_in(probe: AttributeProbe, frames: NDArray[np.uint8]) -> dict[str, str]:
    """The probe's words for a chunk, (F, H, W, 3) uint8."""
    return judge(probe, to_unit(frames).unsqueeze(0))[0]


def time_to_reach_s(after: Sequence[Mapping[str, str]], wanted: Mapping[str, str], chunk_s: float) -> float:
    """Media time until everything wanted is right, in this chunk and in the next; infinite where it never is."""
    is_right = [all(seen[name] == word for name, word in wanted.items()) for seen in after]
    for k in range(len(is_right) - 1):
        if is_right[k] and is_right[k + 1]:
            return (k + 1) * chunk_s
    return math.inf


def wanted_of(change: Change) -> dict[str, str]:
    """The changed attributes and the words they should become."""
    return {name: getattr(change.order.target, name) for name in sorted(change.changed)}


def score_steering(steered: Sequence[Steered], chunk_s: float) -> SteeringResult:
    """Count what was reached and what was kept."""
    times_s = [time_to_reach_s(s.after, wanted_of(s.change), chunk_s) for s in steered]
    reached_s = [t for t in times_s if t < math.inf]
    right, asked = dict.fromkeys(JUDGED, 0), dict.fromkeys(JUDGED, 0)
    kept: list[bool] = []
    for one in steered:
        for name, word in wanted_of(one.change).items():
            asked[name] += 1
            right[name] += is_in_time(time_to_reach_s(one.after, {name: word}, chunk_s))
        kept += [one.after[-1][name] == word for name, word in _untouched(one).items()]
    return SteeringResult(
        within=Score(sum(is_in_time(t) for t in times_s), len(steered)),
        reached=Score(len(reached_s), len(steered)),
        median_s=median(reached_s) if reached_s else math.nan,
        kept=Score(sum(kept), len(kept)),
        by_attribute={name: Score(right[name], asked[name]) for name in JUDGED},
    )


def is_in_time(time_s: float) -> bool:
    """Whether what took so long was there within `WITHIN_S`."""
    return time_s <= WITHIN_S + 1e-6


def _untouched(one: Steered) -> dict[str, str]:
    """What the first prompt says, the second leaves and still shows, and the probe saw right before."""
    visible = one.change.order.target.visible()
    return {
        name: visible[name]
        for name in JUDGED
        if name in visible
        and name in one.change.first.mentions
        and name not in one.change.changed
        and one.before[name] == visible[name]
    }
