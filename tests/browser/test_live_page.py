"""From the words to the eye: the real page, server and model; a prompt is typed and the picture changes as asked."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

_PLAYS_S = 60.0
_APPLIED_MS = 30_000

_SKY_BRIGHTNESS = """() => {
  const video = document.getElementById("video");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 64;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0, 64, 64);
  const data = context.getImageData(0, 0, 64, 20).data;
  let sum = 0;
  for (let i = 0; i < data.length; i += 4) sum += data[i] + data[i + 1] + data[i + 2];
  return sum / (data.length / 4) / 3;
}"""


@pytest.fixture
def page(chromium: Browser, live_server: LiveServer) -> Page:
    """The client, playing; fails on any script error."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(live_server.url)
    wait_until(page, "document.getElementById('video').currentTime > 0.5", _PLAYS_S)
    assert errors == []
    return page


def test_video_plays_and_goes_on(page: Page) -> None:
    assert page.evaluate("document.getElementById('video').videoWidth") == 256
    before = page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")
    page.wait_for_timeout(3000)
    after = page.evaluate("document.getElementById('video').getVideoPlaybackQuality().totalVideoFrames")
    assert after - before >= 20
    assert page.evaluate("document.activeElement.id") == "prompt"
    page.close()


def test_words_change_the_picture(page: Page) -> None:
    steer(page, "a sunny meadow in the daytime under a clear sky")
    day = settled_brightness(page, lambda value: value > 110)
    steer(page, "night, a dark starry sky over the meadow")
    night = settled_brightness(page, lambda value: value < 80)
    assert day > 1.5 * night
    page.close()


def test_a_prompt_changes_what_it_names_and_the_page_says_what_is_asked_in_all(page: Page) -> None:
    page.fill("#prompt", "a red balloon over the sea at dawn")
    page.press("#prompt", "Shift+Enter")
    expect(page.locator("#scene li")).to_have_text(["sea", "dawn", "balloon", "red"], timeout=_APPLIED_MS)
    steer(page, "now at night")
    expect(page.locator("#scene li")).to_have_text(["sea", "night", "balloon", "red"], timeout=_APPLIED_MS)
    expect(page.locator("#scene li.is-new")).to_have_text(["night"])
    expect(page.locator("#far")).to_be_hidden()
    steer(page, "the stock market crashes")
    expect(page.locator("#far")).to_contain_text("this world", timeout=_APPLIED_MS)
    page.close()


def test_a_bad_prompt_is_answered_in_words_and_the_video_goes_on(page: Page) -> None:
    page.fill("#prompt", "\U0001f388\U0001f388")
    page.press("#prompt", "Enter")
    expect(page.locator("#problem")).to_be_visible(timeout=_APPLIED_MS)
    before = page.evaluate("document.getElementById('video').currentTime")
    wait_until(page, f"document.getElementById('video').currentTime > {before + 1}", _PLAYS_S)
    page.close()


def test_ctrl_c_ends_everything_within_two_seconds(page: Page, live_server: LiveServer) -> None:
    assert live_server.children()
    start_s = time.monotonic()
    assert live_server.interrupt() == 0
    assert time.monotonic() - start_s < 2
    assert live_server.leaves_nothing()
    page.close()


def steer(page: Page, prompt: str) -> None:
    """Type words as a person does, and wait until the server says that they are on air."""
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator("#receipt-text")).to_contain_text("applied", timeout=_APPLIED_MS)
    expect(page.locator("#caption")).to_contain_text(prompt, timeout=_APPLIED_MS)


def wait_until(page: Page, expression: str, timeout_s: float) -> None:
    """Ask until it is true; Playwright's own waiting needs `eval`, which the page's policy forbids."""
    deadline_s = time.monotonic() + timeout_s
    while not page.evaluate(expression):
        assert time.monotonic() < deadline_s, f"still not true after {timeout_s:g} s: {expression}"
        page.wait_for_timeout(100)


def settled_brightness(page: Page, is_there: Callable[[float], bool]) -> float:
    """Mean brightness of the sky (0 to 255) once it is as wanted, or after eight seconds as it is."""
    value = float("nan")
    for _ in range(32):
        value = page.evaluate(_SKY_BRIGHTNESS)
        if is_there(value):
            break
        page.wait_for_timeout(250)
    return value
