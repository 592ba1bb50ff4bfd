"""Players on pages of other hosts: those that were allowed may read what WHEP answers, others not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from served import Live, running_server

ALLOWED = {"Origin": "https://player.example", "Access-Control-Request-Method": "POST"}
STRANGER = {"Origin": "https://stranger.example", "Access-Control-Request-Method": "POST"}


@pytest.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    (tmp_path / "index.html").write_text("", encoding="utf-8")
    async with running_server(tmp_path, more_hosts=["player.example"]) as live:
        yield live


async def test_an_allowed_page_may_ask_and_read(live: Live) -> None:
    asked = await live.http.options("/whep", headers=ALLOWED)
    assert asked.status_code == 204
    assert asked.headers["access-control-allow-origin"] == ALLOWED["Origin"]
    assert "PATCH" in asked.headers["access-control-allow-methods"]
    refused = await live.http.post("/whep", content="", headers={**ALLOWED, "Content-Type": "application/sdp"})
    assert refused.status_code == 400  # by WHEP itself, and the page may read it
    assert refused.headers["access-control-allow-origin"] == ALLOWED["Origin"]
    assert "Location" in refused.headers["access-control-expose-headers"]


async def test_a_strange_page_may_not_and_no_page_may_beyond_whep(live: Live) -> None:
    assert "access-control-allow-origin" not in (await live.http.options("/whep", headers=STRANGER)).headers
    refused = await live.http.post("/whep", content="", headers={**STRANGER, "Content-Type": "application/sdp"})
    assert refused.status_code == 403
    for path in ("/metrics", "/session.lgs"):
        told = await live.http.get(path, headers=ALLOWED)
        assert "access-control-allow-origin" not in told.headers
