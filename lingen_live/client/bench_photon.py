"""Click-to-photon: a real page in headless Chromium, steered again and again; the page's own measurement is read."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from typing import Any

from lingen_live.client.bench_viewers import BenchError
from lingen_live.client.browser_page import playing_page, say, server_profile

PAUSE_S = (1.0, 3.0)
MAX_STEERS = 128  # the page remembers no more

PROMPTS = (
    "night over the city",
    "a red balloon over the sea at dusk",
    "make it snow",
    "a green meadow on a clear day",
    "fog rolls in",
    "a white sailboat at dawn",
)


def run_bench_photon(n_steers: int, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Start a server, open its page, steer at random moments.

    Returns:
        JSON-able: `photon` (what the page measured, milliseconds), `fps` (frames shown a second while steering), and
        `server` (the server's profile).

    Raises:
        BenchError: there is no browser, the video does not play, or the number of steers cannot be.
    """
    if not 1 <= n_steers <= MAX_STEERS:
        raise BenchError(f"{n_steers} steers were asked for; it must be 1 to {MAX_STEERS}, as the page keeps no more.")
    with playing_page(arguments) as (server, page):
        return {"engine": server.described, **_steer(page, n_steers)}


def _steer(page: Any, n_steers: int) -> dict[str, Any]:
    dice = random.Random(0)
    start_s, n_before = time.monotonic(), _n_shown(page)
    for number in range(n_steers):
        say(page, PROMPTS[number % len(PROMPTS)])
        page.wait_for_timeout(1000 * dice.uniform(*PAUSE_S))  # any moment of a chunk is as likely as any other
    fps = (_n_shown(page) - n_before) / (time.monotonic() - start_s)
    page.wait_for_timeout(3000)
    page.click("#stats")
    page.wait_for_timeout(1500)
    photon = page.evaluate("({...document.getElementById('hud').dataset})")
    return {"photon": photon, "fps": fps, "server": server_profile(page)}


def _n_shown(page: Any) -> int:
    return int(page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames"))


def as_photon_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    photon = result["photon"]
    lines = [result["engine"], f"{photon['n']} of the steers were seen, at {result['fps']:.1f} frames/s shown"]
    if photon["n"] != "0":
        p50, p95, screen = (float(photon[name]) for name in ("p50", "p95", "toScreen"))
        lines.append(f"from the words to the picture: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
        lines.append(f"of that, from its frame's start to the screen: p50 {screen:.0f} ms")
    lines += [
        f"  {name:<10} {spread['p50']:>8.1f} {spread['p95']:>8.1f}   ms a chunk, p50 and p95"
        for name, spread in result["server"]["stages_ms"].items()
    ]
    return "\n".join(lines)
