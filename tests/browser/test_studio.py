"""The studio in a real Chromium on the bundled model: films of a table, profiles, the model card.

One server for all of it, because its start is what takes time.
"""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, TimeoutError, expect

from lingen_live.studio.report import folder_of
from lingen_live.studio.shares import told

pytest.importorskip("gradio", reason="needs the extra `studio`")
pytest.importorskip("matplotlib", reason="needs the extra `studio`")
pytestmark = pytest.mark.browser

_SLOW_MS = 60_000
_TABLE = "start s,prompt,how,transition s,weight\n0,a green meadow at dawn\n0.5,a red balloon,soft,0.5\n"
# How far a film plays, and how many of its frames were decoded.
_PLAY = """async (video) => {
  const ended = new Promise((resolve) => { video.onended = video.onerror = resolve; });
  video.muted = true;
  await video.play();
  await ended;
  return [video.duration, video.getVideoPlaybackQuality().totalVideoFrames, video.error];
}"""


def ask(url: str, data: bytes | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """The status, the text and the headers of an answer."""
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.read().decode(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(), dict(error.headers)


def show_cell(page: Page, row: int, column: int, text: str) -> None:
    """Edit a cell as a person does; again if Gradio drew the table anew meanwhile, as it does after an answer."""
    cell = page.get_by_test_id(f"cell-{row}-{column}")
    for _ in range(5):
        with suppress(AssertionError, TimeoutError):
            cell.dblclick(timeout=2000)
            cell.locator("textarea, input").first.fill(text, timeout=2000)
            page.keyboard.press("Enter")
            expect(cell.locator("textarea, input")).to_have_count(0, timeout=2000)
            expect(cell).to_have_text(re.compile(rf"^\s*{re.escape(text)}\b"), timeout=2000)
            page.wait_for_timeout(700)  # what is typed is on its way to Gradio's own copy, or an answer to the table
            expect(cell).to_have_text(re.compile(rf"^\s*{re.escape(text)}\b"), timeout=500)
            return
    raise AssertionError(f"the cell says {cell.inner_text()!r}, not {text!r}")


@pytest.fixture(scope="module")
def studio(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """Its page. It asks nobody but its server for anything, and no script fails."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900}, color_scheme="dark")
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error":
            problems.append(f"{message.text} {message.location['url']}")

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", hear)
    page.set_default_timeout(_SLOW_MS)
    page.goto(f"{live_server.url}studio/")
    yield page
    server = urlsplit(live_server.url).netloc
    assert {urlsplit(one).netloc for one in asked if not one.startswith(("data:", "blob:"))} == {server}
    assert problems == []
    page.close()


@pytest.fixture(scope="module")
def live(chromium: Browser, live_server: LiveServer) -> Iterator[Page]:
    """The live page: what is not watched does not run."""
    page = chromium.new_page()
    page.goto(live_server.url)
    yield page
    page.close()


def test_a_film_is_planned_made_and_watched_and_another_cancelled(studio: Page, tmp_path: Path) -> None:
    # A table from a file, edited; its mistake is told by its row.
    (tmp_path / "board.csv").write_text(_TABLE, encoding="utf-8")
    studio.locator(".ll-pick input").set_input_files(tmp_path / "board.csv")
    expect(studio.locator("#ll-table")).to_contain_text("a red balloon")
    studio.get_by_label("Length in seconds").fill("1.5")
    show_cell(studio, 1, 0, "7")
    studio.get_by_role("button", name="Render").click()
    expect(studio.locator(".ll-problem")).to_contain_text("Row 2 starts at 7 s; the film goes from 0 to 1.5 s.")
    show_cell(studio, 1, 0, "1")

    # One film is made, another is cancelled while it waits or is made.
    studio.get_by_role("button", name="Render").click()
    expect(studio.locator(".ll-film")).to_have_count(1)
    expect(studio.locator(".ll-problem")).to_have_count(0)
    expect(studio.locator(".ll-film[data-status=done]")).to_have_count(1, timeout=60_000)
    duration_s, n_frames, error = studio.locator(".ll-player video").evaluate(_PLAY)
    assert (duration_s, error) == (pytest.approx(1.5, abs=0.1), None)
    assert n_frames >= 20
    studio.get_by_label("Length in seconds").fill("600")
    studio.get_by_role("button", name="Render").click()
    expect(studio.locator(".ll-film progress")).to_have_count(1)
    studio.get_by_role("button", name="Cancel").click()
    expect(studio.locator(".ll-film[data-status=cancelled]")).to_have_count(1)


def test_in_a_narrow_window_words_stay_whole(studio: Page) -> None:
    usual = studio.viewport_size
    assert usual is not None
    studio.set_viewport_size({"width": 400, "height": 900})
    n_lines = """(headers) => headers.map((header) => {
      const range = document.createRange();
      range.selectNodeContents(header);
      const tops = new Set([...range.getClientRects()].map(({ top }) => Math.round(top)));
      return tops.size <= header.textContent.trim().split(" ").length;
    })"""
    expect(studio.locator("#ll-table th").first).to_be_visible()
    studio.wait_for_function("document.querySelector('#ll-table .table-container').offsetWidth > 500")
    assert set(studio.locator("#ll-table thead th .header.text").evaluate_all(n_lines)) == {True}
    assert studio.evaluate("document.documentElement.scrollWidth") == 400
    studio.set_viewport_size(usual)


def test_what_was_made_is_kept_with_all_that_was_said_in_it(studio: Page) -> None:
    with studio.expect_download() as download:
        studio.locator(".ll-player a", has_text="scenario").click()
    script = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [event[:2] for event in script["events"]] == [[2, "steer"]]
    assert len(script["digests"]) > 0
    with studio.expect_download() as download:
        studio.get_by_role("button", name="Save table").click()
    assert "1,a red balloon,soft,0.5," in download.value.path().read_text(encoding="utf-8")


def hold(live: Page) -> None:
    """Pause the live page: whatever else is asked of the machine gets its time."""
    live.keyboard.press("Escape")
    live.keyboard.press(" ")
    expect(live.locator(".status")).to_have_attribute("data-tone", "paused", timeout=_SLOW_MS)


def pick(page: Page, label: str, choice: str) -> None:
    """Choose from a list."""
    page.get_by_label(label, exact=True).click()
    page.get_by_role("option", name=choice).click()
    expect(page.get_by_role("option")).to_have_count(0)  # the list fades away


def test_variants_of_one_moment_play_in_step_and_one_goes_on_live(studio: Page, live_server: LiveServer) -> None:
    studio.get_by_role("tab", name="Compare").click()
    studio.get_by_label("Opening", exact=True).fill("a green meadow at noon")
    studio.get_by_label("Opening plays for seconds").fill("0.5")
    studio.get_by_label("Play each for seconds").fill("1")
    studio.get_by_label("A: prompt").fill("")
    studio.get_by_label("B: prompt").fill("a city at night")
    pick(studio, "B: how", "cut")
    studio.get_by_label("B: steps").fill("99")
    studio.get_by_role("button", name="Compare", exact=True).click()
    problem = studio.get_by_text("Variant B has 99 steps; it must be a whole number of 1 to 16.")
    expect(problem).to_be_visible()
    studio.get_by_label("B: steps").fill("2")
    studio.get_by_role("button", name="Compare", exact=True).click()
    cards = studio.locator("ll-variants .ll-card")
    expect(cards).to_have_count(2, timeout=_SLOW_MS)
    expect(problem).to_have_count(0)
    expect(cards.nth(0)).to_contain_text("4 steps")
    expect(cards.nth(1)).to_contain_text("cut; 2 steps")
    expect(studio.locator("ll-variants output")).to_have_text("0.0 of 1.0 s")
    studio.locator("ll-variants input").fill("0.9")
    expect(studio.locator("ll-variants output")).to_have_text("0.9 of 1.0 s")
    day, night = (light_of(cards.nth(k)) for k in range(2))
    assert day > 1.2 * night
    studio.get_by_role("button", name="Play", exact=True).click()
    expect(studio.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    studio.get_by_role("button", name="Pause", exact=True).click()

    with studio.expect_popup() as opened:
        cards.nth(1).get_by_role("link", name="Go on live from B").click()
    live = opened.value
    expect(live.locator("#caption")).to_have_text("a city at night", timeout=_SLOW_MS)
    assert urlsplit(live.url).query == ""
    expect(live.get_by_text("variant B,")).to_be_visible()

    # From there, twice the same: nothing but what was said makes a difference.
    hold(live)
    studio.get_by_role("tab", name="Storyboard").click()
    studio.get_by_role("tab", name="Compare").click()
    pick(studio, "Begin from", "session 1")
    studio.get_by_label("Play each for seconds").fill("0.5")
    for name in "AB":
        studio.get_by_label(f"{name}: prompt").fill("fog")
        pick(studio, f"{name}: how", "re-anchor")
        studio.get_by_label(f"{name}: steps").fill("")
    studio.get_by_role("button", name="Compare", exact=True).click()
    expect(cards.nth(1)).to_contain_text("Bit for bit the same as A.", timeout=_SLOW_MS)
    assert light_of(cards.nth(0)) > 0
    live.keyboard.press(" ")  # a fast machine keeps this session while the next page has one of its own
    expect(live.locator(".status")).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)
    live.close()


def light_of(card: Locator) -> float:
    """How bright the picture of a variant is, 0 to 255."""
    return float(
        card.locator("canvas").evaluate(
            """(canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              return data.reduce((sum, value, k) => sum + (k % 4 < 3 ? value : 0), 0) / (0.75 * data.length);
            }"""
        )
    )


def test_other_pages_of_this_machine_read_nothing(live_server: LiveServer) -> None:
    """Gradio itself lets every page of "localhost" read it."""
    url = f"{live_server.url}studio/"
    status, text, headers = ask(f"{url}config", Origin="http://localhost:3000")
    assert status == 200
    assert "Render" in text
    assert not [name for name in headers if name.lower().startswith("access-control")]
    join = f"{url}gradio_api/queue/join"
    assert ask(join, b"{}", Origin="http://localhost:3000")[0] == 403
    assert ask(join, b"{}", Host="evil.example")[0] == 403
    file = {"data": [{"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}], "fn_index": 0}
    assert "neither for a client" in ask(join, json.dumps({**file, "session_hash": "a"}).encode())[1]


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
    expect(live.locator(".status")).to_have_attribute("data-tone", "live", timeout=_SLOW_MS)
    studio.get_by_role("tab", name="Profile").click()
    expect(studio.get_by_label("A", exact=True)).to_have_value("session 1, running", timeout=_SLOW_MS)
    kept = profile_of(studio, live_server)
    hold(live)  # what was made stays to be seen, and the machine has time to draw it
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
    expect(card.locator("img")).to_have_count(3)
    assert card.locator("img").first.evaluate("image => image.decode().then(() => image.naturalWidth)") > 500

    studio.get_by_role("button", name="Evaluate now").click()
    state = studio.locator("#evaluation")
    expect(state).to_contain_text("0 of 12 captions are judged", timeout=_SLOW_MS)
    studio.get_by_role("button", name="Evaluate now").click()
    studio.get_by_role("button", name="Cancel", exact=True).last.click()
    expect(state).to_contain_text("It was cancelled after", timeout=_SLOW_MS)
