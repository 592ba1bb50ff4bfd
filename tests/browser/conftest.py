"""A real server in a process of its own with the bundled model, and headless Chromium; nothing is mocked."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, sync_playwright

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--no-sandbox",  # Chromium refuses its sandbox to root, as which CI often runs
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """A headless browser; skipped where there is none, unless CI requires it."""
    path = next((found for name in _CHROMIUM if (found := shutil.which(name))), None)
    if path is None:
        if os.environ.get("LINGEN_REQUIRE_BROWSER") == "1":
            pytest.fail("LINGEN_REQUIRE_BROWSER=1, but no Chromium is installed.")
        pytest.skip("Chromium is not installed.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """The bundled model, as a newcomer starts it."""
    server = LiveServer("--prompt", "a green meadow on a clear day", "--no-compile")
    yield server
    server.close()
