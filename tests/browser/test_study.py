"""The studio's tabs that tell what was measured, as a person uses them: profiles, and the model card."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, Locator, Page, expect

from lingen_live.studio.report import folder_of
from lingen_live.studio.shares import told

pytest.importorskip("gradio")
pytest.importorskip("matplotlib")

pytestmark = pytest.mark.browser

_SLOW_MS = 60_000


@pytest.fixture(scope="module")
def live(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The live page: what is not watched does not run."""
    page = chromium.new_page()
    page.goto(live_server.url)
    yield page
    page.close()


@pytest.fixture(scope="module")
def studio(chromium: Browser, live_server: LiveServer, live: Page) -> Iterator[Page]:
    """The studio beside it. It asks nobody but its server for anything."""
    page = chromium.new_page(viewport={"width": 1100, "height": 900}, color_scheme="dark")
    said, asked = [], []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}studio/", timeout=_SLOW_MS)
    expect(live.locator(".status")).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)
    yield page
    assert said == []
    assert [url for url in asked if not url.startswith((live_server.url, "data:", "blob:"))] == []
    page.close()


def show(page: Page) -> Locator:
    page.get_by_role("button", name="Show", exact=True).click()
    return page.locator("#profile")


def profile_of(page: Page, live_server: LiveServer) -> bytes:
    """What is measured of the stream so far, as soon as it is two chunks."""
    while (kept := page.request.get(f"{live_server.url}profile.jsonl").body()).count(b"\n") < 2:
        page.wait_for_timeout(200)
    return kept


def test_a_session_and_a_file_are_laid_over_each_other_and_downloaded(
    studio: Page, live: Page, live_server: LiveServer
) -> None:
    studio.get_by_role("tab", name="Profile").click()
    expect(studio.get_by_label("A", exact=True)).to_have_value("session 1, running", timeout=_SLOW_MS)
    kept = profile_of(studio, live_server)
    live.keyboard.press("Escape")
    live.keyboard.press(" ")  # what was made stays to be seen, and the machine has time to draw it
    expect(live.locator(".status")).to_have_attribute("data-tone", "paused", timeout=_SLOW_MS)
    pick = studio.locator("input[type=file][accept='.jsonl,.json']").nth(1)
    pick.set_input_files({"name": "kept.jsonl", "mimeType": "text/plain", "buffer": kept})
    expect(studio.get_by_label("B, over it")).to_have_value("a file", timeout=_SLOW_MS)
    shown = show(studio)
    expect(shown.locator("svg").filter(has_text="making a chunk in the engine, ms")).to_be_visible(timeout=_SLOW_MS)
    expect(shown).to_contain_text("B: chunk")
    expect(shown.locator("tr").filter(has_text="a chunk plays for").locator("td")).to_have_text(["500 ms"] * 2)
    # Gradio would import it with the first event, while the stream waits.
    assert "matplotlib" not in Path(f"/proc/{live_server.process.pid}/maps").read_text()

    for link, name in (("PNG", "stages.png"), ("CSV of every chunk", "profile.csv")):
        with studio.expect_download() as download:
            studio.locator("#profile").get_by_role("link", name=link).first.click()
        assert download.value.suggested_filename == name
        content = download.value.path().read_bytes()
        assert content.startswith(b"\x89PNG" if link == "PNG" else b"run,chunk_index,")
    assert content.count(b"\nB,") == kept.count(b"\n")  # every line of the file is a row of the table

    pick.set_input_files({"name": "bad.jsonl", "mimeType": "text/plain", "buffer": kept + b"{nonsense"})
    expect(studio.get_by_text("bad.jsonl")).to_be_visible(timeout=_SLOW_MS)
    n_lines = kept.count(b"\n")
    expect(show(studio)).to_have_text(f"B: Line {n_lines + 1} is not JSON.", timeout=_SLOW_MS)


def test_the_card_is_of_the_loaded_weights_and_an_evaluation_can_be_begun_and_cancelled(studio: Page) -> None:
    studio.get_by_role("tab", name="Model card").click()
    card = studio.locator("#card")
    biome = json.loads((folder_of(None) / "eval.json").read_text())["scores"]["model"]["biome"]
    expect(card).to_contain_text(told(biome["right"], biome["judged"]), timeout=_SLOW_MS)
    expect(card.locator("img")).to_have_count(2)
    assert card.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500

    studio.get_by_role("button", name="Evaluate now").click()
    state = studio.locator("#evaluation")
    expect(state).to_contain_text("0 of 12 captions are judged", timeout=_SLOW_MS)
    studio.get_by_role("button", name="Evaluate now").click()
    studio.get_by_role("button", name="Cancel", exact=True).last.click()
    expect(state).to_contain_text("It was cancelled after", timeout=_SLOW_MS)
