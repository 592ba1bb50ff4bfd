"""A server for every test that asks for one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from served import Live, running_server


@pytest.fixture
def web_directory(tmp_path: Path) -> Path:
    (tmp_path / "index.html").write_text("<title>page</title>", encoding="utf-8")
    (tmp_path / "main.js").write_text("export {};", encoding="utf-8")
    (tmp_path / "favicon.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "package.json").write_text("{}", encoding="utf-8")
    return tmp_path


@pytest.fixture
async def live(web_directory: Path) -> AsyncIterator[Live]:
    async with running_server(web_directory) as server:
        yield server
