"""What each way to say something does: how soon the words show, what stays, and how hard the picture jumps.

Every change is tried in every way from the same moment of the same stream, and the noise of a chunk is the same
whatever was said, so the ways differ in nothing else. Knows engines and the probe. Does not know the command line.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from statistics import fmean, median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.bench import describe_hardware
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import words_of
from lingen_live.train.evaluate import Score
from lingen_live.train.probe import AttributeProbe
from lingen_live.train.report import format_share
from lingen_live.train.sections import number, plain, score_json, table
from lingen_live.train.steering import (
    AFTER_S,
    BEFORE_S,
    SEED,
    TRANSITION_CHUNKS,
    WITHIN_S,
    Change,
    Steered,
    is_in_time,
    sample_changes,
    score_steering,
    seen_in,
    time_to_reach_s,
    wanted_of,
)
from lingen_live.world.attributes import VALUES
from lingen_live.world.captions import describe

Floats = NDArray[np.float32]
Say = Callable[[Engine, Change, str], object]

SILENCE = "nothing is said"
BLEND = f"blend over {TRANSITION_CHUNKS}"
WAYS: Mapping[str, Say] = {
    SILENCE: lambda engine, change, scene: None,
    "at once": lambda engine, change, scene: engine.steer(change.order.text, 1),
    BLEND: lambda engine, change, scene: engine.steer(change.order.text, TRANSITION_CHUNKS),
    "re-anchor 1": lambda engine, change, scene: engine.reanchor(change.order.text, 1),
    "re-anchor 2": lambda engine, change, scene: engine.reanchor(change.order.text, 2),
    "re-anchor 4": lambda engine, change, scene: engine.reanchor(change.order.text, 4),
    "cut, the same words": lambda engine, change, scene: engine.cut(change.order.text),
    "cut, all of the scene": lambda engine, change, scene: engine.cut(scene),
}
"""By name, given engine, change and the whole scene after it. Silence comes first: the others are held against it."""


@dataclass(frozen=True, slots=True)
class Run:
    """A change, said in one way.

    Attributes:
        steered: what the probe saw.
        said_s: seconds that saying took.
        jump: from the last frame before the change to the first after it.
        alike: likeness of every chunk after it to the same chunk had nothing been said.
    """

    steered: Steered
    said_s: float
    jump: float
    alike: tuple[float, ...]


def run_bench_steer(
    engine: Engine, probe: AttributeProbe, n_changes: int, on_done: Callable[[int], object] = lambda n_changes: None
) -> dict[str, Any]:
    """Try every change in every way.

    Args:
        engine: warm, and settled on its path.
        probe: the judge.
        n_changes: random changes, 1 or more.
        on_done: called after each change with how many there are in all.

    Returns:
        JSON-able numbers; `as_steer_table` says what they mean.
    """
    chunk_s = engine.info.frames_per_chunk / engine.info.fps
    runs: dict[str, list[Run]] = {way: [] for way in WAYS}
    for index, (change, scene) in enumerate(changes_and_scenes(n_changes)):
        for way, run in try_change(engine, probe, change, scene, index, chunk_s).items():
            runs[way].append(run)
        on_done(n_changes)
    return {
        "hardware": describe_hardware(),
        "engine": engine.info.to_json(),
        "n_changes": n_changes,
        "before_s": BEFORE_S,
        "after_s": AFTER_S,
        "within_s": WITHIN_S,
        "ways": {way: _numbers(tried, runs[BLEND], chunk_s) for way, tried in runs.items()},
    }


def changes_and_scenes(n: int) -> list[tuple[Change, str]]:
    """The changes of `lingen_live eval`, each with held-out words for everything that is to be seen after it."""
    rng = Random(SEED + 1)
    return [
        (change, describe(change.order.target, rng, min_mentions=len(VALUES), split="held_out").text)
        for change in sample_changes(n)
    ]


def try_change(
    engine: Engine, probe: AttributeProbe, change: Change, scene: str, seed: int, chunk_s: float
) -> dict[str, Run]:
    """One change in every way, all from the same moment."""
    n_before, n_after = max(1, round(BEFORE_S / chunk_s)), max(2, round(AFTER_S / chunk_s))
    engine.cut(change.first.text)
    engine.reseed(seed)
    for _ in range(n_before):
        frames = engine.tick().frames
    for words in (change.order.text, scene):
        engine.words.read(words_of(words), engine.moment.reading)  # embeds; else the first way would seem slow
    seen_before, here = seen_in(probe, frames), engine.mark()
    runs: dict[str, Run] = {}
    silence: list[Floats] = []
    for way, say in WAYS.items():
        engine.restore(here)
        start_s = time.perf_counter()
        say(engine, change, scene)
        said_s = time.perf_counter() - start_s
        chunks = [(engine.tick().frames, _latents(engine)) for _ in range(n_after)]
        silence = silence or [latents for _, latents in chunks]
        seen = [seen_in(probe, after) for after, _ in chunks]
        alike = tuple(likeness(ours, theirs) for (_, ours), theirs in zip(chunks, silence, strict=True))
        runs[way] = Run(Steered(change, seen_before, seen, []), said_s, jump(frames[-1], chunks[0][0][0]), alike)
    return runs


def _latents(engine: Engine) -> Floats:
    """What the stream remembers of its last chunk, flat."""
    values: Floats = engine.state.latents.float().flatten().cpu().numpy()
    return values


def likeness(ours: Floats, theirs: Floats) -> float:
    """Pearson's correlation of the latents of two chunks; 1 is the same picture."""
    return float(np.corrcoef(ours, theirs)[0, 1])


def jump(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two pictures, in levels of 0 to 255."""
    return float(np.abs(after.astype(np.int16) - before.astype(np.int16)).mean())


def _numbers(tried: Sequence[Run], usually: Sequence[Run], chunk_s: float) -> dict[str, Any]:
    """The scores of one way, and where it and the usual one differ."""
    result = score_steering([run.steered for run in tried], chunk_s)
    pairs = [(_is_there(ours, chunk_s), _is_there(usual, chunk_s)) for ours, usual in zip(tried, usually, strict=True)]
    return {
        "within": score_json(result.within),
        "reached": score_json(result.reached),
        "median_s": plain(result.median_s),
        "only_this_way": sum(ours and not usual for ours, usual in pairs),
        "only_by_blending": sum(usual and not ours for ours, usual in pairs),
        "kept": score_json(result.kept),
        "jump": fmean(run.jump for run in tried),
        "like_silence_first": fmean(run.alike[0] for run in tried),
        "like_silence_last": fmean(run.alike[-1] for run in tried),
        "said_ms": 1000 * median(run.said_s for run in tried),
        "by_attribute": {name: score_json(score) for name, score in result.by_attribute.items()},
    }


def _is_there(run: Run, chunk_s: float) -> bool:
    """Whether all that was asked shows in time."""
    return is_in_time(time_to_reach_s(run.steered.after, wanted_of(run.steered.change), chunk_s))


def as_steer_table(result: Mapping[str, Any]) -> str:
    """The numbers for people, in Markdown."""
    engine = result["engine"]
    spans = [f"within {result[key]:g} s" for key in ("within_s", "after_s")]
    header = ("way", *spans, "median", "won, lost", "kept", "jump", "like silence", "said in")
    rows = [
        (
            way,
            _share(numbers["within"]),
            _share(numbers["reached"]),
            number(float("nan") if numbers["median_s"] is None else numbers["median_s"], 1, " s"),
            f"{numbers['only_this_way']}, {numbers['only_by_blending']}",
            _share(numbers["kept"]),
            f"{numbers['jump']:.1f}",
            f"{numbers['like_silence_first']:.2f}, {numbers['like_silence_last']:.2f}",
            f"{numbers['said_ms']:.0f} ms",
        )
        for way, numbers in result["ways"].items()
    ]
    return "\n\n".join(
        (
            f"{result['hardware']}, {engine['compute_threads']} compute thread(s), {engine['dtype']}, "
            f"{engine['path']}; checkpoint {engine['checkpoint_digest'][:16]}; {result['n_changes']} changes.",
            table(header, rows),
            "within: all that was asked shows in time. Won, lost: changes that show in time only this way, and only by "
            f"{BLEND}. Kept: neither asked for nor wrong before, and right in the last chunk. Jump: mean difference of "
            "the last frame before and the first after, levels of 255. Like silence: correlation of the latents with "
            "those of the same chunk had nothing been said, first and last chunk.",
        )
    )


def _share(counts: Mapping[str, int]) -> str:
    return format_share(Score(counts["right"], counts["judged"]))
