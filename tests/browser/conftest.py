"""A real server in a process of its own with the bundled model, and headless Chromium; nothing is mocked."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from live_server import LiveServer
from playwright.sync_api import Browser, sync_playwright

_FLAGS = (
    "--no-sandbox",  # Chromium refuses its sandbox to root, as which CI often runs
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_path, headless=True, args=list(_FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def live_server() -> Iterator[LiveServer]:
    """The bundled model, as a newcomer starts it."""
    server = LiveServer("--prompt", "a green meadow on a clear day", "--no-compile")
    yield server
    server.close()
    assert "Traceback" not in server.said
