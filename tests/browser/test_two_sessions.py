"""Two people at one server: each has a stream; a reload keeps it, an invitation shares it, a third waits."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

_SHOWN_MS = 60_000
_BRIGHTNESS = """() => {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const context = canvas.getContext("2d");
  context.drawImage(document.getElementById("video"), 0, 0, 8, 8);
  return context.getImageData(4, 4, 1, 1).data[0];
}"""


@pytest.fixture(scope="module")
def server() -> Iterator[LiveServer]:
    """Two sessions at most; the picture is bright for words about the day and dark for words about the night."""
    server = LiveServer("--sessions", "2", "--prompt", "grey", script=FAKE_LIVE)
    yield server
    server.close()


def open_page(chromium: Browser, url: str) -> Page:
    """A page in a browser profile of its own, as of another person."""
    context = chromium.new_context(viewport={"width": 1000, "height": 700})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=url.split("?")[0].rstrip("/"))
    context.set_default_timeout(_SHOWN_MS)
    page = context.new_page()
    page.goto(url)
    return page


def steer(page: Page, prompt: str) -> None:
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator("#caption")).to_have_text(prompt, timeout=_SHOWN_MS)


def wait_for_brightness(page: Page, low: int, high: int) -> None:
    deadline_s = time.monotonic() + _SHOWN_MS / 1000
    while not low <= (value := page.evaluate(_BRIGHTNESS)) <= high:
        assert time.monotonic() < deadline_s, f"brightness is {value}, not {low} to {high}"
        page.wait_for_timeout(200)


def test_each_steers_their_own_and_shares_it_if_they_like(chromium: Browser, server: LiveServer) -> None:
    one, other = open_page(chromium, server.url), open_page(chromium, server.url)
    steer(one, "day")
    steer(other, "night")
    wait_for_brightness(one, 180, 255)
    wait_for_brightness(other, 0, 80)
    # The fake engine has no trained weights, and the page says so over the picture.
    expect(one.locator("#weights")).to_have_text("Random weights: the pictures mean nothing, the speed does.")
    third = open_page(chromium, server.url)
    expect(third.locator("#veil-text")).to_contain_text("all 2 streams of this machine are taken", timeout=_SHOWN_MS)
    expect(third.locator("#veil-text")).to_contain_text("you are next in line")
    one.reload()
    expect(one.locator("#caption")).to_have_text("day", timeout=_SHOWN_MS)
    wait_for_brightness(one, 180, 255)
    one.click("#invite")
    expect(one.locator("#receipt-text")).to_contain_text("invitation copied", timeout=_SHOWN_MS)
    link = one.evaluate("navigator.clipboard.readText()")
    third.goto(link)
    expect(third.locator("#caption")).to_have_text("day", timeout=_SHOWN_MS)
    wait_for_brightness(third, 180, 255)
    steer(third, "night for all of us")
    wait_for_brightness(one, 0, 80)
    for page in (one, other, third):
        page.context.close()
