"""The whole evaluation of a tiny bundle: numbers, words and pictures; and what it refuses to measure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from fake_text import FakeText

from lingen_live.checkpoint import load_bundle
from lingen_live.digest import sha256_of
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.train import codec, drift, evaluate, evaluation, quality
from lingen_live.train.evaluation import EvaluationPlan, run_evaluation
from lingen_live.train.probe import AttributeProbe

SOURCES = {"model", "renders through the codec", "renders"}


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluate, "_CEILING_CHUNKS", 8)
    monkeypatch.setattr(quality, "N_CHUNKS", 8)
    monkeypatch.setattr(drift, "_REFERENCE_CHUNKS", 8)
    monkeypatch.setattr(evaluation, "_PER_PAN", 1)


@pytest.fixture
def probe_path(tmp_path: Path) -> Path:
    path = tmp_path / "probe.safetensors"
    codec.save_weights(AttributeProbe(), path)
    return path


def use_dtype(monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype) -> None:
    """Engines without the pretrained text encoder."""

    def build_engine(options: EngineOptions, on_progress: object) -> Engine:
        bundle = load_bundle(options.checkpoint)
        bundle.model.to(dtype)
        bundle.codec.to(dtype)
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")

    monkeypatch.setattr(evaluation, "build_engine", build_engine)


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of a picture."""
    with av.open(str(path), "r") as container:
        (picture,) = container.decode(video=0)
    return picture.height, picture.width


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_evaluation_leaves_numbers_words_and_pictures(
    tiny_bundle: Path, tmp_path: Path, probe_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    use_dtype(monkeypatch, dtype)
    out = tmp_path / "deep" / "report"
    plan = EvaluationPlan(3, 0.6, n_changes=2, drift_minutes=0.05, n_rollouts=2)
    text = run_evaluation(EngineOptions(str(tiny_bundle)), probe_path, plan, out)

    digest = load_bundle(tiny_bundle).digest
    assert text.startswith(f"3 held-out captions, judged after 0.6 s of video; checkpoint {digest[:16]}.")
    assert (out / "eval.md").read_text(encoding="utf-8") == text + "\n"
    numbers = json.loads((out / "eval.json").read_text(encoding="utf-8"))
    assert set(numbers) == {"digest", "plan", "scores", "codec", "steering", "pan", "flicker", "drift", "pictures"}
    assert numbers["plan"]["n_captions"] == 3
    for name, n_rows in (("grid.png", 3), ("steering.png", 2), ("drift.png", 0)):
        assert numbers["pictures"][name]["sha256"] == sha256_of(out / name)
        assert len(numbers["pictures"][name]["legend"]) == n_rows
    assert numbers["digest"] == digest
    assert set(numbers["scores"]) == set(numbers["pan"]) == set(numbers["flicker"]) == SOURCES
    assert numbers["scores"]["renders"]["biome"]["judged"] == 8
    assert set(numbers["codec"]["without_precipitation"]) == {"psnr_db", "ssim"}
    assert numbers["steering"]["model"]["within"]["judged"] == 2
    assert set(numbers["pan"]["model"]) == {"left, fast", "left, slow", "still", "right, slow", "right, fast"}
    assert [window["end_s"] for window in numbers["drift"]["windows"]] == [3.0]
    assert numbers["drift"]["windows"][0]["ratio"] == 1.0
    for title in ("## Codec", "## Steering", "## Motion", "## Drift"):
        assert title in text
    assert size_of(out / "grid.png") == (32, 8 * 32 + 7 * 4)
    assert size_of(out / "steering.png") == (2 * 32 + 4, 3 * 32 + 2 * 4)
    assert size_of(out / "drift.png") == (32, 2 * 32 + 4)


def test_what_is_asked_zero_times_is_left_out(
    tiny_bundle: Path, tmp_path: Path, probe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_dtype(monkeypatch, torch.float32)
    text = run_evaluation(EngineOptions(str(tiny_bundle)), probe_path, EvaluationPlan(1, 0.5), tmp_path)
    assert "## Steering" not in text
    assert "## Drift" not in text
    assert not {"steering", "drift"} & set(json.loads((tmp_path / "eval.json").read_text(encoding="utf-8")))


def test_other_steps_are_a_column_of_their_own(
    tiny_bundle: Path, tmp_path: Path, probe_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_dtype(monkeypatch, torch.float32)
    levels = []
    denoise = LinGen.denoise

    def noted(model: LinGen, latents: torch.Tensor, sigma: torch.Tensor, *rest: Any) -> torch.Tensor:
        levels.append(round(sigma[0].item(), 3))
        return denoise(model, latents, sigma, *rest)

    monkeypatch.setattr(LinGen, "denoise", noted)
    plan = EvaluationPlan(2, 0.5, compare_steps=5)
    text = run_evaluation(EngineOptions(str(tiny_bundle)), probe_path, plan, tmp_path)
    assert "| attribute | model | model, 5 steps | renders" in text
    assert {1.0, 0.8, 0.6, 0.4, 0.2} <= set(levels)
    assert levels[-2:] == [1.0, 0.5]  # what is measured after it takes the bundle's own two steps again


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ((0, 1.0), "captions is 0; it must be 1 or more"),
        ((1, 0.0), "seconds is 0; it must be above 0 and at most 3600"),
        ((1, float("nan")), "seconds is nan; it must be above 0"),
        ((1, 1e9), "seconds is 1e\\+09; it must be above 0 and at most 3600"),
        ((1, 1.0, -1), "changes is -1; it must be 0 or more"),
        ((1, 1.0, 0, float("nan")), "drift minutes is nan; it must be 0 or more and at most 1440"),
        ((1, 1.0, 0, -1.0), "drift minutes is -1; it must be 0 or more"),
        ((1, 1.0, 0, 0.0, 0), "rollouts is 0; it must be 1 or more"),
        ((1, 1.0, 0, 0.0, 1, -1), "compare steps is -1; it must be 0 to 1000"),
    ],
)
def test_numbers_that_measure_nothing_are_refused(plan: tuple[float, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        EvaluationPlan(*plan)  # type: ignore[arg-type]
