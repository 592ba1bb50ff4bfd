"""The page as people use it: keys, what was said before, light and dark, three sizes; against a real server."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser

_SLOW_MS = 30_000
_CONTRAST = (Path(__file__).parents[1] / "support" / "contrast.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The client, playing, one for all: a second would wait in line. It may say nothing on the console."""
    page = chromium.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda message: said.append(message.text))
    page.goto(live_server.url)
    expect(status(page)).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)
    expect(page.locator("#weights")).to_be_hidden()
    yield page
    assert said == []
    page.close()


def status(page: Page) -> Locator:
    return page.locator(".status")


def steer(page: Page, prompt: str) -> None:
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator("#receipt-text")).to_contain_text("applied", timeout=_SLOW_MS)


def test_keys_act_and_are_listed_but_never_while_somebody_types(page: Page) -> None:
    page.keyboard.type("what? b n")
    expect(page.locator("#prompt")).to_have_value("what? b n")
    expect(page.locator("#keys-list")).to_be_hidden()

    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.locator("#keys-list kbd", has_text=re.compile(r"^Space$"))).to_be_visible()
    page.keyboard.press("n")  # a dialog is open: no key acts
    page.keyboard.press("Escape")
    expect(page.locator("#keys-list")).to_be_hidden()
    expect(page.locator("#receipt")).to_be_hidden()

    expect(page.locator("#film li").nth(2)).to_be_visible(timeout=_SLOW_MS)  # there is a moment before the one shown
    page.keyboard.press(" ")
    expect(status(page)).to_have_attribute("data-tone", "paused", timeout=_SLOW_MS)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#receipt-text")).to_contain_text("went there", timeout=_SLOW_MS)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#receipt-text")).to_have_text("this is the oldest moment that is kept")
    page.keyboard.press("b")
    expect(page.locator("#branches li")).to_have_count(2, timeout=_SLOW_MS)
    page.keyboard.press(" ")
    expect(status(page)).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)

    for key, panel in (("i", "#hud"), ("p", "#plans")):
        page.keyboard.press(key)
        expect(page.locator(panel)).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(panel)).to_be_hidden()
    page.keyboard.press("f")
    expect(page.locator(":root:fullscreen")).to_have_count(1)
    page.keyboard.press("/")
    expect(page.locator("#prompt")).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("f")
    expect(page.locator(":root:fullscreen")).to_have_count(0)


def test_what_was_said_comes_back_by_arrow_keys_also_after_a_reload(page: Page) -> None:
    frames: list[str] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda data: frames.append(str(data))))
    page.reload()
    expect(status(page)).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)
    steer(page, "dunes at dusk")
    page.select_option("#pace", "4")
    steer(page, "a calm sea")
    steered = [message for frame in frames if (message := json.loads(frame))["type"] == "steer"]
    assert [message.get("chunks") for message in steered] == [None, 4]

    page.reload()
    page.press("#prompt", "ArrowUp")
    expect(page.locator("#prompt")).to_have_value("a calm sea")
    expect(page.locator("#recalled")).to_have_text("a calm sea, 1 of 2")
    page.press("#prompt", "ArrowUp")
    expect(page.locator("#prompt")).to_have_value("dunes at dusk")
    page.keyboard.type("!")
    page.press("#prompt", "ArrowDown")
    expect(page.locator("#prompt")).to_have_value("dunes at dusk!")

    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.click("text=Forget them")
    page.keyboard.press("Escape")
    page.fill("#prompt", "")
    page.press("#prompt", "ArrowUp")
    expect(page.locator("#prompt")).to_have_value("")


def until_wide(page: Page, width_px: int) -> None:
    """Wait until nothing sticks out. Playwright's own way evaluates a string in the page, which its policy forbids."""
    deadline_s = time.monotonic() + _SLOW_MS / 1000
    while (wide_px := page.evaluate("document.documentElement.scrollWidth")) != width_px:
        assert time.monotonic() < deadline_s, (wide_px, width_px)
        page.wait_for_timeout(50)


def test_both_themes_can_be_read_at_every_size_and_the_choice_stays(page: Page) -> None:
    page.emulate_media(reduced_motion="reduce")  # colours on their way from one theme to the other are neither
    steer(page, "the stock market crashes")  # says more on the page
    page.keyboard.press("Escape")
    page.keyboard.press("i")
    expect(page.locator("[data-part=stages] li")).not_to_have_count(0, timeout=_SLOW_MS)
    for theme, sizes in (("dark", ((1280, 800),)), ("light", ((1440, 900), (1024, 768), (360, 740)))):
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert background == {"dark": "rgb(11, 11, 16)", "light": "rgb(245, 241, 234)"}[theme]
        for width, height in sizes:
            page.set_viewport_size({"width": width, "height": height})
            # The picture takes its new size when the page hears of it, a moment later.
            until_wide(page, width)
            assert page.evaluate(_CONTRAST) == []
        page.keyboard.press("?")
        assert page.evaluate(_CONTRAST) == []
        page.keyboard.press("Escape")
        page.keyboard.press("t")
    page.keyboard.press("t")
    page.reload()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(245, 241, 234)"
