"""The studio in a real Chromium on the bundled model: a table, a film, one that is cancelled, files in and out.

One server for all of it, because its start is what takes time.
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, ConsoleMessage, Page, expect

pytest.importorskip("gradio", reason="needs the extra `studio`")
pytestmark = pytest.mark.browser

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
    """Edit a cell of the table as a person does."""
    cell = page.get_by_test_id(f"cell-{row}-{column}")
    cell.dblclick()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    expect(cell).to_contain_text(text)


def test_a_film_is_planned_made_watched_and_kept(chromium: Browser, live_server: LiveServer, tmp_path: Path) -> None:
    url = f"{live_server.url}studio/"
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    def hear(message: ConsoleMessage) -> None:
        # Chromium asks for an icon before the page says where it is.
        if message.type == "error" and "favicon.ico" not in message.location["url"]:
            problems.append(message.text)

    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", hear)
    page.set_default_timeout(60_000)
    page.goto(url)

    # A table from a file, edited; its mistake is told by its row.
    (tmp_path / "board.csv").write_text(_TABLE, encoding="utf-8")
    page.locator(".ll-pick input").set_input_files(tmp_path / "board.csv")
    expect(page.locator("#ll-table")).to_contain_text("a red balloon")
    page.get_by_label("Length in seconds").fill("1.5")
    show_cell(page, 1, 0, "7")
    page.get_by_role("button", name="Render").click()
    expect(page.locator(".ll-problem")).to_contain_text("Row 2 starts at 7 s; the film goes from 0 to 1.5 s.")
    show_cell(page, 1, 0, "1")

    # One film is made, another is cancelled while it waits or is made.
    page.get_by_role("button", name="Render").click()
    expect(page.locator(".ll-film")).to_have_count(1)
    expect(page.locator(".ll-problem")).to_have_count(0)
    expect(page.locator(".ll-film[data-status=done]")).to_have_count(1, timeout=60_000)
    duration_s, n_frames, error = page.locator(".ll-player video").evaluate(_PLAY)
    assert (duration_s, error) == (pytest.approx(1.5, abs=0.1), None)
    assert n_frames >= 20
    page.get_by_label("Length in seconds").fill("600")
    page.get_by_role("button", name="Render").click()
    expect(page.locator(".ll-film progress")).to_have_count(1)
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".ll-film[data-status=cancelled]")).to_have_count(1)

    # What was made is kept, with all that was said in it.
    with page.expect_download() as download:
        page.locator(".ll-player a", has_text="scenario").click()
    told = json.loads(download.value.path().read_text(encoding="utf-8"))
    assert [event[:2] for event in told["events"]] == [[2, "steer"]]
    assert len(told["digests"]) > 0
    with page.expect_download() as download:
        page.get_by_role("button", name="Save table").click()
    assert "1,a red balloon,soft,0.5," in download.value.path().read_text(encoding="utf-8")

    assert {urlsplit(one).netloc for one in asked if not one.startswith(("data:", "blob:"))} == {urlsplit(url).netloc}
    assert problems == []
    page.close()


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
