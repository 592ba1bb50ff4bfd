"""A page behind a network that loses one packet in twenty, and for three seconds all of them."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from urllib.request import urlopen

import pytest
from live_server import FAKE_LIVE, LiveServer
from lossy_relay import LossyRelay
from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.browser

_LOSS, _DARK_S, _PLAYS_S = 0.05, 3.0, 60.0


@pytest.fixture
def server() -> Iterator[LiveServer]:
    """A server whose chunks take no time."""
    server = LiveServer("--prompt", "a day", script=FAKE_LIVE)
    yield server
    server.close()


def open_through(relay: LossyRelay, chromium: Browser, url: str) -> Page:
    """The client, whose media comes through the relay and by no other way: the server is told none."""

    def ask(route: Route) -> None:
        lines = (route.request.post_data or "").splitlines(keepends=True)
        response = route.fetch(post_data="".join(line for line in lines if not line.startswith("a=candidate")))
        body = relay.rewritten(response.text()) if response.status == 201 else response.text()
        route.fulfill(response=response, body=body)

    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.route(
        re.compile(r"/whep(\?|$)"), lambda route: ask(route) if route.request.method == "POST" else route.continue_()
    )
    page.route(
        re.compile(r"/whep/"),
        lambda route: route.fulfill(status=204) if route.request.method == "PATCH" else route.continue_(),
    )
    page.goto(url)
    return page


def wait_until_it_plays(page: Page, beyond_s: float) -> None:
    deadline_s = time.monotonic() + _PLAYS_S
    while played_s(page) <= beyond_s:
        assert time.monotonic() < deadline_s, page.inner_text("#status")
        page.wait_for_timeout(100)


def played_s(page: Page) -> float:
    return float(page.evaluate("document.getElementById('video').currentTime"))


def test_the_page_bears_losses_comes_back_after_a_blackout_and_harms_nobody(
    chromium: Browser, server: LiveServer
) -> None:
    errors: list[str] = []
    other = chromium.new_page()
    other.goto(server.url)
    with LossyRelay(_LOSS) as relay:
        page = open_through(relay, chromium, other.evaluate("location.href"))
        page.on("pageerror", lambda error: errors.append(str(error)))
        wait_until_it_plays(page, 3)
        assert relay.n_passed > 50
        assert relay.n_lost > 0
        relay.is_dark = True
        page.wait_for_timeout(1000 * _DARK_S)
        relay.is_dark = False
        wait_until_it_plays(page, played_s(page) + 3)
        assert page.inner_text("#status") == "live"
        wait_until_it_plays(other, 3)
        with urlopen(f"{server.url}profile") as response:
            profile = json.load(response)
        assert profile["n_dropped_frames"] == 0  # by the server, for whom it is no reason to wait or to drop
        page.close()
    other.close()
    assert errors == []
