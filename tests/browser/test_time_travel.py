"""Back by the filmstrip, aside on a branch, out as a file and in again, and on with a copied link: the real page."""

from __future__ import annotations

from pathlib import Path

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser

_PLAYS_S = 60.0
_APPLIED_MS = 30_000


@pytest.fixture(scope="module")
def page(chromium: Browser, live_server: LiveServer) -> Page:
    """The client, playing, with a past of a few seconds; it may use the clipboard."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url.rstrip("/"))
    page = context.new_page()
    page.goto(live_server.url)
    wait_until(page, "document.querySelectorAll('#film li').length > 8")
    return page


def test_the_film_shows_pictures(page: Page) -> None:
    wait_until(
        page, "Array.from(document.querySelectorAll('#film img')).filter((i) => i.naturalWidth === 64).length > 4"
    )


def test_one_goes_back_by_the_film_and_what_was_said_is_said_again(page: Page) -> None:
    steer(page, "night over the city")
    said_at = newest(page)
    wait_until(page, f"document.querySelectorAll('#film li[data-chunk=\"{said_at + 6}\"]').length > 0")
    page.locator(f'#film li[data-chunk="{said_at - 4}"] button').click()
    expect(page.locator("#receipt-text")).to_contain_text("went there", timeout=_APPLIED_MS)
    expect(page.locator("#caption")).to_contain_text("meadow", timeout=_APPLIED_MS)
    assert page.locator(f'#film li[data-chunk="{said_at + 6}"]').count() == 1  # and forward again is possible
    expect(page.locator("#caption")).to_contain_text("night over the city", timeout=_APPLIED_MS)


def test_a_moment_that_is_sought_in_a_pause_is_seen_at_once(page: Page) -> None:
    page.click("#pause")
    expect(page.locator("#status")).to_have_text("paused", timeout=_APPLIED_MS)
    first, last = (page.locator("#film li").nth(k).get_attribute("data-chunk") for k in (1, -1))
    page.locator(f'#film li[data-chunk="{first}"] button').click()
    expect(page.locator("#receipt-text")).to_contain_text("went there", timeout=_APPLIED_MS)
    expect(page.locator("#caption")).to_contain_text("meadow")
    expect(page.locator("#film .is-here")).to_have_attribute("data-chunk", str(int(first or 0) + 1))
    expect(page.locator("#status")).to_have_text("paused")
    page.locator(f'#film li[data-chunk="{last}"] button').click()
    expect(page.locator("#caption")).to_contain_text("night over the city", timeout=_APPLIED_MS)
    expect(page.locator("#status")).to_have_text("paused")
    page.click("#pause")
    expect(page.locator("#status")).to_have_text("live", timeout=_APPLIED_MS)


def test_one_branches_says_something_else_and_switches_back(page: Page) -> None:
    page.click("#fork")
    expect(page.locator("#branches li")).to_have_count(2, timeout=_APPLIED_MS)
    expect(page.locator('#branches [aria-current="true"]')).to_contain_text("branch 1")
    steer(page, "a sailboat on the sea at dawn")
    page.locator("#branches button", has_text="main").click()
    expect(page.locator("#caption")).to_contain_text("night over the city", timeout=_APPLIED_MS)
    expect(page.locator('#branches [aria-current="true"]')).to_contain_text("main")
    page.locator("#branches .bin").click()
    expect(page.locator("#branches li")).to_have_count(1, timeout=_APPLIED_MS)


def test_a_saved_stream_is_loaded_as_a_branch(page: Page, tmp_path: Path) -> None:
    with page.expect_download() as downloading:
        page.click("#save")
    path = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(path)
    assert path.suffix == ".lgs"
    assert path.stat().st_size > 1_000_000
    page.set_input_files("#file", path)
    expect(page.locator("#branches li")).to_have_count(2, timeout=_APPLIED_MS)
    damaged = tmp_path / "damaged.lgs"
    damaged.write_bytes(path.read_bytes()[:-1])
    page.set_input_files("#file", damaged)
    expect(page.locator("#problem")).to_contain_text("cut short or damaged", timeout=_APPLIED_MS)
    huge = tmp_path / "huge.lgs"
    with huge.open("wb") as file:
        file.truncate(10 * 2**30)
    page.set_input_files("#file", huge)
    expect(page.locator("#problem")).to_contain_text(f"The file has {10 * 2**30} bytes; a session of this model has")
    expect(page.locator("#branches li")).to_have_count(2)


def test_a_copied_link_plays_the_stream_from_its_beginning(page: Page, live_server: LiveServer) -> None:
    page.click("#link")
    expect(page.locator("#receipt-text")).to_contain_text("link copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert link.startswith(f"{live_server.url.rstrip('/')}/#scenario=")
    assert len(link) < 1500
    page.goto("about:blank")
    page.goto(link)
    expect(page.locator('#branches [aria-current="true"]')).to_contain_text("scenario", timeout=_APPLIED_MS)
    assert "#" not in page.url  # or a reload would begin anew
    expect(page.locator("#caption")).to_contain_text("meadow", timeout=_APPLIED_MS)


def test_a_damaged_link_is_named(page: Page, live_server: LiveServer) -> None:
    page.goto("about:blank")
    page.goto(f"{live_server.url}#scenario=abc")
    expect(page.locator("#problem")).to_contain_text("The link is damaged", timeout=_APPLIED_MS)


def newest(page: Page) -> int:
    """Chunks made on the branch that plays."""
    return int(page.locator("#film li").last.get_attribute("data-chunk") or "0")


def steer(page: Page, prompt: str) -> None:
    """Type words as a person does, and wait until they are on air."""
    page.fill("#prompt", prompt)
    page.press("#prompt", "Enter")
    expect(page.locator("#caption")).to_contain_text(prompt, timeout=_APPLIED_MS)


def wait_until(page: Page, expression: str) -> None:
    """Ask until it is true; Playwright's own waiting needs `eval`, which the page's policy forbids."""
    for _ in range(round(10 * _PLAYS_S)):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"still not true after {_PLAYS_S:g} s: {expression}")
