"""Words for later on the real page: planned, moved by key, cancelled, blended, and heard when their time comes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

_APPLIED_MS = 30_000
_PLAYS_MS = 60_000
_FAR_S = 600


@pytest.fixture(scope="module")
def page(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The client on a narrow phone, playing, with the plans open; no script may fail."""
    page = chromium.new_page(viewport={"width": 360, "height": 740})
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(live_server.url)
    expect(page.locator("#film li").nth(2)).to_be_attached(timeout=_PLAYS_MS)
    page.focus("#plan")
    page.keyboard.press("Enter")
    expect(page.locator("#plans")).to_be_visible()
    yield page
    page.close()
    assert errors == []


def test_the_panel_opens_by_key_and_fits_a_narrow_phone(page: Page) -> None:
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "prompt 1"
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    expect(page.locator("#plan-none")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#plans")).to_be_hidden()
    assert page.evaluate("document.activeElement.id") == "plan"
    page.keyboard.press("Enter")
    expect(page.locator("#plans")).to_be_visible()


def test_a_plan_is_listed_and_lies_on_the_axis(page: Page) -> None:
    plan(page, "make it snow", _FAR_S)
    expect(page.locator("#plan-list li")).to_have_count(1, timeout=_APPLIED_MS)
    expect(page.locator("#plan-list .words")).to_have_text("make it snow")
    expect(page.locator("#plan")).to_have_text("Plan (1)")
    expect(page.locator("#next")).to_contain_text("make it snow")
    share = float(page.locator("#axis .mark").evaluate("node => node.style.getPropertyValue('--at')"))
    assert 0.85 < share <= 0.9
    plan(page, "night over the city", 2 * _FAR_S)
    expect(page.locator("#axis .mark")).to_have_count(2, timeout=_APPLIED_MS)


def test_arrow_keys_move_a_mark_and_the_focus_stays_on_it(page: Page) -> None:
    mark = page.locator("#axis .mark").first
    mark.focus()
    before = when_s(page, 0)
    for _ in range(12):
        page.keyboard.press("Shift+ArrowRight")
    expect(page.locator("#receipt-text")).to_have_text("moved", timeout=_APPLIED_MS)
    page.wait_for_timeout(2500)  # by now the timeline tells it too
    assert before + 45 <= when_s(page, 0) <= before + 60
    assert page.evaluate("document.activeElement.className") == "mark"
    expect(page.locator("#problem")).to_be_hidden()


def test_delete_cancels_the_plan_of_a_mark_and_a_button_that_of_a_row(page: Page) -> None:
    page.locator("#axis .mark").first.focus()
    page.keyboard.press("Delete")
    expect(page.locator("#plan-list .words")).to_have_text(["night over the city"], timeout=_APPLIED_MS)
    page.locator("#plan-list .bin").click()
    expect(page.locator("#plan-list li")).to_have_count(0, timeout=_APPLIED_MS)
    expect(page.locator("#next")).to_be_hidden()


def test_a_blend_is_planned_with_its_weights(page: Page) -> None:
    page.fill("#parts li:last-child input[type=text]", "a calm sea")
    page.click("#part-more")
    page.fill("#parts li:last-child input[type=text]", "fog over snowy hills")
    page.focus("#parts li:first-child input[type=range]")
    page.keyboard.press("End")
    expect(page.locator("#parts output")).to_have_text(["67 %", "33 %"])
    page.fill("#plan-in", str(_FAR_S))
    page.click("#plan-form [type=submit]")
    expect(page.locator("#plan-list .words")).to_have_text(
        "67 % a calm sea + 33 % fog over snowy hills", timeout=_APPLIED_MS
    )
    expect(page.locator("#parts li")).to_have_count(1)
    page.locator("#plan-list .bin").click()
    expect(page.locator("#plan-list li")).to_have_count(0, timeout=_APPLIED_MS)


def test_a_blend_is_said_now(page: Page) -> None:
    page.fill("#parts li:last-child input[type=text]", "a meadow at dawn")
    page.click("#part-more")
    page.fill("#parts li:last-child input[type=text]", "a red desert")
    page.click("#blend-now")
    expect(page.locator("#caption")).to_contain_text("50 % a meadow at dawn + 50 % a red desert", timeout=_APPLIED_MS)


def test_an_empty_plan_is_one_sentence(page: Page) -> None:
    page.click("#plan-form [type=submit]")
    expect(page.locator("#problem")).to_have_text("The plan is empty; say what you would like to see.")


def test_a_plan_comes_true(page: Page) -> None:
    plan(page, "a sailboat on the sea at dusk", 4)
    expect(page.locator("#plan-list li")).to_have_count(1, timeout=_APPLIED_MS)
    expect(page.locator("#caption")).to_contain_text("a sailboat on the sea at dusk", timeout=_APPLIED_MS)
    expect(page.locator("#plan-list li")).to_have_count(0, timeout=_APPLIED_MS)


def plan(page: Page, prompt: str, in_s: int) -> None:
    """Plan as a person does who only uses keys."""
    page.fill("#plan-in", str(in_s))
    page.fill("#parts li:last-child input[type=text]", prompt)
    page.keyboard.press("Enter")
    expect(page.locator("#receipt-text")).to_have_text("planned", timeout=_APPLIED_MS)


def when_s(page: Page, row: int) -> int:
    """In how many seconds a planned prompt comes, as the list says."""
    text = page.locator("#plan-list .when").nth(row).inner_text().removeprefix("in ")
    if text.endswith(" min"):
        minutes, seconds = text.removesuffix(" min").split(":")
        return 60 * int(minutes) + int(seconds)
    return int(text.removesuffix(" s"))
