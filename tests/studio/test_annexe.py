"""The studio as a part of the server: behind its checks, without Gradio until it is asked for, or without it at all."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import fake_engine
import httpx
import pytest

from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.annexe import Backstage
from lingen_live.serve.app import create_app
from lingen_live.serve.hosts import HostRule
from lingen_live.serve.house import House
from lingen_live.studio.annexe import Studio
from lingen_live.studio.missing import SENTENCE

OPTIONS = EngineOptions()


def client(studio: Studio, rule: HostRule, tmp_path: Path) -> httpx.AsyncClient:
    host = InProcessHost(OPTIONS, fake_engine.make_fake)
    house = House(host, prompt="a day", seed=0, transition_chunks=2, max_sessions=1)
    app = create_app(house, tmp_path, rule, mounts={studio.path: studio.open(Backstage(host, house, OPTIONS))})
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000")


@pytest.fixture
def without_gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("without_gradio")
async def test_without_gradio_a_page_says_how_to_get_it(tmp_path: Path) -> None:
    studio = Studio()
    assert studio.n_streams == 0
    async with client(studio, HostRule.for_host("127.0.0.1"), tmp_path) as http:
        away = await http.get("/studio")
        assert (away.status_code, away.headers["location"]) == (307, "./studio/")
        answer = await http.get("/studio/")
    assert answer.status_code == 404
    assert SENTENCE in answer.text
    assert "lingen-live[studio]" in SENTENCE


@pytest.mark.parametrize("path", ["/studio", "/studio/", "/studio/config", "/studio/gradio_api/queue/data"])
async def test_the_checks_of_the_server_come_first(tmp_path: Path, path: str) -> None:
    rebound = {"Host": "evil.example", "Origin": "http://evil.example"}
    async with client(Studio(), HostRule.for_host("127.0.0.1"), tmp_path) as http:
        assert (await http.get(path, headers=rebound)).json()["code"] == "foreign_host"
        foreign = await http.post(path, json={}, headers={"Origin": "http://evil.example"})
        assert (foreign.status_code, foreign.json()["code"]) == (403, "foreign_origin")
    async with client(Studio(), HostRule.for_host("0.0.0.0"), tmp_path) as http:
        assert (await http.get(path)).json()["code"] == "no_token"
        assert (await http.post(path, json={})).status_code == 401


def imported_by(script: str, *names: str) -> list[str]:
    """Which of the modules a process of its own has imported after a script."""
    done = subprocess.run(
        [sys.executable, "-c", f"{script}\nimport sys\nprint(*(name for name in {names} if name in sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    return done.stdout.split()


def test_who_starts_the_server_pays_nothing_for_gradio() -> None:
    script = "import run_live\nfrom lingen_live.studio.annexe import Studio\nStudio().n_streams"
    assert imported_by(script, "gradio", "torch", "fastapi", "aiortc") == []


def test_a_server_with_a_studio_computes_nothing_itself() -> None:
    """Torch is for the worker's process: a second and a half of the start, and hundreds of megabytes."""
    assert imported_by("import lingen_live.studio.context", "gradio", "torch") == []
    assert imported_by("import torch", "gradio", "torch") == ["torch"]
