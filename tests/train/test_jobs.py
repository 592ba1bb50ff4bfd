"""The jobs of the command line: each finds what the ones before it left, and says what is missing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import av
import pytest
import torch
from fake_text import FakeText

from lingen_live.checkpoint import load_bundle
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.train import codec, evaluate, jobs, latents, reader
from lingen_live.train.config import Recipe, load_recipe
from lingen_live.train.jobs import run_evaluation, run_job
from lingen_live.train.probe import AttributeProbe

IN_ORDER = ("codec", "reader", "clips", "denoiser", "decoder", "probe")


def as_toml(data: dict[str, Any], section: str = "") -> str:
    """A nested dictionary of numbers, strings and tuples as TOML."""
    lines, below = [], []
    for name, value in data.items():
        if isinstance(value, dict):
            path = f"{section}.{name}".removeprefix(".")
            below.append(f"[{path}]\n{as_toml(value, path)}")
        else:
            lines.append(f"{name} = {json.dumps(value)}")
    return "\n".join([*lines, *below]) + "\n"


@pytest.fixture
def recipe_path(tiny_recipe: Recipe, tmp_path: Path) -> Path:
    path = tmp_path / "tiny.toml"
    path.write_text(as_toml(dataclasses.asdict(tiny_recipe)), encoding="utf-8")
    assert load_recipe(path) == tiny_recipe
    return path


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few scenes, few clips, and no pretrained text encoder."""
    monkeypatch.setattr(codec, "_STATISTICS_GROUPS", 32)
    monkeypatch.setattr(latents, "SHARD_CLIPS", 4)
    monkeypatch.setattr(reader, "_HELD_OUT_CAPTIONS", 6)
    monkeypatch.setattr(evaluate, "_CEILING_CHUNKS", 8)
    monkeypatch.setattr(evaluate, "_PSNR_CHUNKS", 8)
    monkeypatch.setattr(jobs, "TextEncoder", FakeText)


def test_all_jobs_in_order_make_a_bundle(recipe_path: Path, tmp_path: Path, tiny_recipe: Recipe) -> None:
    folder, out = tmp_path / "run", tmp_path / "bundle"
    for what in IN_ORDER:
        run_job(what, recipe_path, folder, "cpu", 1)
    run_job("bundle", recipe_path, folder, "cpu", 1, out=out)
    left = {path.name for path in folder.iterdir() if path.suffix == ".safetensors"}
    assert left == {f"{name}.safetensors" for name in ("codec", "reader", "model", "probe")}
    bundle = load_bundle(out)
    assert bundle.config == tiny_recipe.bundle

    again = tmp_path / "again"
    for what in IN_ORDER:  # all are finished: asked again, they change nothing
        run_job(what, recipe_path, folder, "cpu", 1)
    run_job("bundle", recipe_path, folder, "cpu", 1, out=again)
    assert load_bundle(again).digest == bundle.digest


@pytest.mark.parametrize(
    ("what", "missing", "maker"),
    [
        ("clips", r"codec\.safetensors", "codec"),
        ("decoder", r"codec\.safetensors", "codec"),
        ("probe", r"codec\.safetensors", "codec"),
        ("denoiser", r"reader\.safetensors", "reader"),
    ],
)
def test_a_job_before_its_time_names_the_one_to_run(
    recipe_path: Path, tmp_path: Path, what: str, missing: str, maker: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{missing} is not there yet; make it with `lingen_live train {maker}`"):
        run_job(what, recipe_path, tmp_path / "run", "cpu", 1)


def test_a_bundle_needs_a_model_and_a_place(recipe_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --out DIR"):
        run_job("bundle", recipe_path, tmp_path / "run", "cpu", 1)
    with pytest.raises(ConfigError, match=r"model\.safetensors is not there yet"):
        run_job("bundle", recipe_path, tmp_path / "run", "cpu", 1, out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("what", "device", "n_threads", "message"),
    [
        ("cook", "cpu", 1, "got job 'cook'; known are codec, "),
        ("codec", "tpu", 1, "device is 'tpu'; training takes cpu or cuda"),
        ("codec", "cuda:1", 1, "device is 'cuda:1'; training takes cpu or cuda"),
        ("codec", "cpu", 0, "threads is 0; it must be 1 or more"),
    ],
)
def test_a_wrong_wish_is_refused_with_what_is_accepted(
    recipe_path: Path, tmp_path: Path, what: str, device: str, n_threads: int, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        run_job(what, recipe_path, tmp_path / "run", device, n_threads)
    assert not (tmp_path / "run").exists()


def test_a_gpu_that_is_not_there_is_refused(recipe_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device is 'cuda', but no CUDA device is visible"):
        run_job("codec", recipe_path, tmp_path, "cuda", 1)


@pytest.mark.parametrize("content", [b"garbage", None])
def test_weights_of_an_earlier_job_that_do_not_fit_are_refused(
    recipe_path: Path, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "codec.safetensors"
    if content is None:
        codec.save_weights(torch.nn.Linear(2, 2), path)
    else:
        path.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"codec\.safetensors does not fit the recipe: ") as caught:
        run_job("probe", recipe_path, tmp_path, "cpu", 1)
    assert "\n" not in caught.value.message


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_an_evaluation_leaves_numbers_words_and_a_picture(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype
) -> None:
    def build_engine(options: EngineOptions, on_progress: object) -> Engine:
        bundle = load_bundle(options.checkpoint)
        bundle.model.to(dtype)
        bundle.codec.to(dtype)
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")

    monkeypatch.setattr(jobs, "build_engine", build_engine)
    probe = tmp_path / "probe.safetensors"
    codec.save_weights(AttributeProbe(), probe)
    out = tmp_path / "deep" / "report"
    text = run_evaluation(EngineOptions(str(tiny_bundle)), probe, 3, 0.6, out)

    digest = load_bundle(tiny_bundle).digest
    assert text.startswith(f"3 held-out captions, judged after 0.6 s of video; checkpoint {digest[:16]}.")
    assert (out / "eval.md").read_text(encoding="utf-8") == text + "\n"
    numbers = json.loads((out / "eval.json").read_text(encoding="utf-8"))
    assert numbers["digest"] == digest
    assert set(numbers["scores"]) == {"model", "renders through the codec", "renders"}
    assert numbers["scores"]["renders"]["biome"]["judged"] == 8
    with av.open(str(out / "grid.png"), "r") as container:
        (picture,) = container.decode(video=0)
    assert (picture.height, picture.width) == (32, 8 * 32 + 7 * 4)


@pytest.mark.parametrize(
    ("n_captions", "seconds", "message"),
    [
        (0, 1.0, "captions is 0; it must be 1 or more"),
        (1, 0.0, "seconds is 0; it must be above 0 and at most 3600"),
        (1, float("nan"), "seconds is nan; it must be above 0"),
        (1, 1e9, "seconds is 1e\\+09; it must be above 0 and at most 3600"),
    ],
)
def test_numbers_that_measure_nothing_are_refused(
    tmp_path: Path, n_captions: int, seconds: float, message: str
) -> None:
    with pytest.raises(ConfigError, match=f"^{message}"):
        run_evaluation(EngineOptions(), tmp_path / "probe", n_captions, seconds, tmp_path / "out")
