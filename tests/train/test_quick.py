"""A few captions judged: what is told on the way, and at the end."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from fake_text import FakeText

from lingen_live.checkpoint import load_bundle
from lingen_live.engine import build
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import ConfigError
from lingen_live.train.quick import QuickPlan, run_quick


def test_every_caption_is_told_and_then_everything(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def build_engine(options: EngineOptions, on_progress: object) -> Engine:
        bundle = load_bundle(options.checkpoint)
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")

    monkeypatch.setattr(build, "build_engine", build_engine)
    run_quick(QuickPlan(3, str(tiny_bundle), seconds=0.5))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[:-1] == [{"n_done": n, "n_captions": 3} for n in range(4)]
    result = lines[-1]
    assert result["digest"] == load_bundle(tiny_bundle).digest
    assert 0 < sum(score["judged"] for score in result["scores"].values()) <= 18
    assert len(result["legend"]) == 3
    assert base64.b64decode(result["picture"]).startswith(b"\x89PNG")


@pytest.mark.parametrize("n_captions", [0, 201])
def test_more_than_anybody_waits_for_is_refused(n_captions: int) -> None:
    with pytest.raises(ConfigError, match=f"captions is {n_captions}; it must be 1 to 200"):
        QuickPlan(n_captions)
