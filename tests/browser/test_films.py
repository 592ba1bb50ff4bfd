"""Films in a real Chromium: made by the page's buttons, and played back."""

from __future__ import annotations

import pytest
from live_server import FAKE_LIVE, LiveServer
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser

# How far a film plays, how long it is, and how many of its frames were decoded.
_PLAY = """async (path) => {
  const video = document.createElement("video");
  video.muted = true;
  const ended = new Promise((resolve) => { video.onended = video.onerror = resolve; });
  video.src = path;
  document.body.append(video);
  await video.play();
  await ended;
  return [video.currentTime, video.duration, video.getVideoPlaybackQuality().totalVideoFrames, video.error];
}"""


def test_a_film_is_recorded_and_kept_and_plays(chromium: Browser) -> None:
    server = LiveServer("--prompt", "a day", script=FAKE_LIVE)
    try:
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(server.url)
        expect(page.locator("#status")).to_contain_text("live", timeout=60_000)
        page.locator("#prompt").blur()
        page.keyboard.press("r")
        expect(page.locator("#record")).to_contain_text("Stop 0:02", timeout=20_000)
        page.click("#record")
        expect(page.locator("#films a")).to_have_count(2, timeout=10_000)  # film and script
        page.click("#keep")
        expect(page.locator("#films li")).to_have_count(2, timeout=10_000)
        for link in page.locator("#films a:has-text('Film')").all():
            time_s, duration_s, n_frames, problem = page.evaluate(_PLAY, link.get_attribute("href"))
            assert problem is None
            assert time_s == pytest.approx(duration_s, abs=0.1)
            assert duration_s > 1.5
            assert n_frames >= 14 * duration_s
        page.close()
    finally:
        server.close()
