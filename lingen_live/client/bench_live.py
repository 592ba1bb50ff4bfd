"""Half an hour of watching: every frame that a page in headless Chromium presents, when, and with which media time."""

from __future__ import annotations

import itertools
import statistics
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from lingen_live.client.bench_photon import PROMPTS
from lingen_live.client.bench_viewers import BenchError
from lingen_live.client.browser_page import playing_page, say, server_profile

FREEZE_MS = 250.0
STEER_EVERY_S = 30.0
MAX_MINUTES = 24 * 60.0
_LEAST_MINUTES = 0.2
_COLLECT_S = 2.0
_TICKS_PER_MS = 90
_WRAP = 2**32

_WATCH = """() => {
  const video = document.getElementById("video");
  window.presented = [];
  const note = (now, { presentedFrames, rtpTimestamp }) => {
    window.presented.push([now, presentedFrames, rtpTimestamp]);
    video.requestVideoFrameCallback(note);
  };
  video.requestVideoFrameCallback(note);
}"""
_COLLECT = "() => window.presented.splice(0)"


class Presented(NamedTuple):
    """A frame on the screen, as `requestVideoFrameCallback` tells it."""

    shown_ms: float
    n_presented: int
    """Frames presented until then, those included of which the page was not told."""
    rtp: int
    """Media time, 90 kHz, modulo 2^32, from a random start."""


def run_bench_live(minutes: float, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Start a server, watch its page for so long, and say something else twice a minute.

    Returns:
        JSON-able: `engine`, `minutes`, the numbers of `judge`, and `server` (the server's profile).

    Raises:
        BenchError: there is no browser, the video does not play, or the length cannot be.
    """
    if not _LEAST_MINUTES <= minutes <= MAX_MINUTES:
        raise BenchError(f"minutes is {minutes:g}; it must be {_LEAST_MINUTES:g} to {MAX_MINUTES:g}.")
    with playing_page(arguments) as (server, page):
        frames = _watch(page, 60 * minutes)
        result = {"minutes": minutes, **judge(frames), "server": server_profile(page)}
        return {"engine": server.described, **result}


def _watch(page: Any, seconds: float) -> list[Presented]:
    page.evaluate(_WATCH)
    frames: list[Presented] = []
    start_s, n_said = time.monotonic(), 0
    while (passed_s := time.monotonic() - start_s) < seconds:
        if passed_s > STEER_EVERY_S * (n_said + 1):
            say(page, PROMPTS[n_said % len(PROMPTS)])
            n_said += 1
        page.wait_for_timeout(1000 * _COLLECT_S)
        frames += [Presented(*each) for each in page.evaluate(_COLLECT)]
    return frames


def judge(frames: Sequence[Presented]) -> dict[str, Any]:
    """What a viewer saw.

    A freeze is a frame that stands for more than 250 ms. Lag is how much later than its media time a frame is shown,
    against the first minute; it grows when a player buffers more and more, or a server falls behind.

    Args:
        frames: in the order of their presentation, of one connection.

    Returns:
        `fps` shown, `n_freezes`, `longest_ms` that a frame stood, `n_frames`; and the median lag of every minute in
        milliseconds (`lag_ms`, the first is 0) with that of the last (`lag_growth_ms`).

    Raises:
        BenchError: fewer than two frames were seen.
    """
    if len(frames) < 2:
        raise BenchError(f"{len(frames)} frames were shown; 2 are needed to say anything.")
    first, last = frames[0], frames[-1]
    # Frames of which the page was not told shared the time with the one before.
    stood_ms = [
        (after.shown_ms - before.shown_ms) / max(1, after.n_presented - before.n_presented)
        for before, after in itertools.pairwise(frames)
    ]
    lags = _lags_ms(frames)
    return {
        "n_frames": last.n_presented - first.n_presented,
        "fps": 1000 * (last.n_presented - first.n_presented) / (last.shown_ms - first.shown_ms),
        "n_freezes": sum(each > FREEZE_MS for each in stood_ms),
        "longest_ms": max(stood_ms),
        "lag_ms": lags,
        "lag_growth_ms": lags[-1],
    }


def _lags_ms(frames: Sequence[Presented]) -> list[float]:
    """Medians of whole minutes (what is left over belongs to the last), less that of the first."""
    start = frames[0]
    n_minutes = max(1, int((frames[-1].shown_ms - start.shown_ms) / 60_000))
    minutes: list[list[float]] = [[] for _ in range(n_minutes)]
    for frame in frames:
        passed_ms = frame.shown_ms - start.shown_ms
        media_ms = (frame.rtp - start.rtp) % _WRAP / _TICKS_PER_MS
        minutes[min(int(passed_ms / 60_000), n_minutes - 1)].append(passed_ms - media_ms)
    medians = [statistics.median(each) for each in minutes if each]
    return [median - medians[0] for median in medians]


def as_live_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    stages = result["server"]["stages_ms"].items()
    return "\n".join(
        (
            result["engine"],
            f"{result['minutes']:g} minutes, {result['n_frames']} frames shown: {result['fps']:.2f} a second",
            f"frames that stood for more than {FREEZE_MS:.0f} ms: {result['n_freezes']} "
            f"(the longest {result['longest_ms']:.0f} ms)",
            f"later than in the first minute, in the last: {result['lag_growth_ms']:+.1f} ms "
            f"(from {min(result['lag_ms']):+.1f} to {max(result['lag_ms']):+.1f} in between)",
            *(f"  {name:<10} {spread['p50']:>8.1f} {spread['p95']:>8.1f}   ms, p50 and p95" for name, spread in stages),
        )
    )
