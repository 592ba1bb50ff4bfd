"""A real page of a live server in headless Chromium, for measurements; needs playwright and a Chromium."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from lingen_live.client.bench_viewers import BenchError, ServerProcess

PLAYS_S = 60.0


@contextmanager
def playing_page(arguments: Sequence[str] = ()) -> Iterator[tuple[ServerProcess, Any]]:
    """A server and its page, whose video plays.

    Server, engine and browser share this machine's processors.

    Yields:
        The server, and playwright's page.

    Raises:
        BenchError: there is no browser, or the video does not play.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError as error:
        raise BenchError("playwright is not installed; pip install 'lingen-live[dev]' does it.") from error
    chromium = os.environ.get("LINGEN_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None:
        raise BenchError("There is no Chromium; install one, or name it in LINGEN_CHROMIUM.")
    with ServerProcess(arguments) as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        _wait_until_it_plays(page)
        yield server, page
        browser.close()


def _wait_until_it_plays(page: Any) -> None:
    deadline_s = time.monotonic() + PLAYS_S
    while page.evaluate("document.getElementById('video').currentTime") < 1:
        if time.monotonic() > deadline_s:
            raise BenchError(f"The video did not play within {PLAYS_S:g} s: {page.inner_text('#status')}.")
        page.wait_for_timeout(100)


def say(page: Any, prompt: str) -> None:
    """Type a prompt and send it."""
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")


def server_profile(page: Any) -> dict[str, Any]:
    """What the server tells of its stages."""
    profile: dict[str, Any] = page.evaluate("fetch('profile?last=0').then((response) => response.json())")
    return profile
