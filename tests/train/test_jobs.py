"""The jobs of the command line: each finds what the ones before it left, and says what is missing."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from fake_text import FakeText
from safetensors.torch import load_file, save_file

from lingen_live.checkpoint import load_bundle
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.train import codec, jobs, latents, reader
from lingen_live.train.config import Recipe, load_recipe
from lingen_live.train.jobs import IN_ORDER, run_job
from lingen_live.train.reader import SupervisedReader


def as_toml(data: dict[str, Any], section: str = "") -> str:
    """A nested dictionary of numbers, strings, tuples of them, and tuples of dictionaries as TOML."""
    lines, below = [], []
    for name, value in data.items():
        if isinstance(value, dict):
            path = f"{section}.{name}".removeprefix(".")
            below.append(f"[{path}]\n{as_toml(value, path)}")
        elif isinstance(value, tuple) and value and isinstance(value[0], dict):
            path = f"{section}.{name}".removeprefix(".")
            below += [f"[[{path}]]\n{as_toml(item, path)}" for item in value]
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
    monkeypatch.setattr(jobs, "TextEncoder", FakeText)


def test_all_jobs_in_order_make_a_bundle(recipe_path: Path, tmp_path: Path, tiny_recipe: Recipe) -> None:
    folder, out = tmp_path / "run", tmp_path / "bundle"
    for what in IN_ORDER:
        run_job(what, recipe_path, folder, "cpu", 1, out=out)
    left = {path.name for path in folder.iterdir() if path.suffix == ".safetensors"}
    assert left == {f"{name}.safetensors" for name in ("codec", "reader", "forecast", "model", "student", "probe")}
    bundle = load_bundle(out)
    assert bundle.config == tiny_recipe.bundle
    shipped, student = bundle.model.state_dict(), load_file(folder / "student.safetensors")
    for name, value in student.items():  # it takes the sampler's two steps, its teacher four
        torch.testing.assert_close(shipped[name].float(), value, rtol=1e-2, atol=1e-3)
    teacher = load_file(folder / "model.safetensors")
    assert any((student[name] - value).abs().max() > 1e-3 for name, value in teacher.items())

    again = tmp_path / "again"
    run_job("all", recipe_path, folder, "cpu", 1, out=again)  # all are finished: asked again, they change nothing
    assert load_bundle(again).digest == bundle.digest


@pytest.mark.parametrize(
    ("what", "missing", "maker"),
    [
        ("clips", r"codec\.safetensors", "codec"),
        ("decoder", r"codec\.safetensors", "codec"),
        ("probe", r"codec\.safetensors", "codec"),
        ("denoiser", r"reader\.safetensors", "reader"),
        ("reread", r"model\.safetensors", "denoiser"),
        ("student", r"model\.safetensors", "denoiser"),
    ],
)
def test_a_job_before_its_time_names_the_one_to_run(
    recipe_path: Path, tmp_path: Path, what: str, missing: str, maker: str
) -> None:
    with pytest.raises(ConfigError, match=rf"{missing} is not there yet; make it with `lingen_live train {maker}`"):
        run_job(what, recipe_path, tmp_path / "run", "cpu", 1)


def test_with_the_teachers_own_steps_there_is_no_student(tmp_path: Path, tiny_recipe: Recipe) -> None:
    student = dataclasses.replace(tiny_recipe.student, teacher_steps=tiny_recipe.bundle.sampler.n_steps)
    path = tmp_path / "own.toml"
    path.write_text(as_toml(dataclasses.asdict(dataclasses.replace(tiny_recipe, student=student))), encoding="utf-8")
    run_job("student", path, tmp_path / "run", "cpu", 1)
    assert not (tmp_path / "run").exists()
    with pytest.raises(ConfigError, match=r"model\.safetensors is not there yet"):
        run_job("bundle", path, tmp_path / "run", "cpu", 1, out=tmp_path / "out")


def test_another_reader_is_put_into_a_trained_model(recipe_path: Path, tmp_path: Path, tiny_recipe: Recipe) -> None:
    folder, other = tmp_path / "run", tmp_path / "other"
    old, new = LinGen(tiny_recipe.bundle.model), SupervisedReader(tiny_recipe.bundle.model)
    for path in (folder, other):
        path.mkdir()
    codec.save_weights(old, folder / "model.safetensors")
    with pytest.raises(ConfigError, match=r"reader\.safetensors is not there yet"):
        run_job("reread", recipe_path, folder, "cpu", 1)
    codec.save_weights(new, other / "init.safetensors")
    run_job("reader", recipe_path, other, "cpu", 1, init=other / "init.safetensors")
    shutil.copy(other / "reader.safetensors", folder)
    run_job("reread", recipe_path, folder, "cpu", 1)

    trained, made = load_file(folder / "reader.safetensors"), load_file(folder / "model.safetensors")
    begun, replaced = new.state_dict(), ("text.reader.", "text.fields.heads.")
    for name, value in old.state_dict().items():
        assert torch.equal(made[name], trained[name.removeprefix("text.")] if name.startswith(replaced) else value), (
            name
        )
    for name, value in trained.items():
        if name.startswith(("reader.", "fields.heads.")):  # two steps from where it began
            assert (value - begun[name]).abs().max() < 0.05, name


def test_a_reader_of_another_shape_is_refused(tiny_recipe: Recipe, tmp_path: Path) -> None:
    model = LinGen(tiny_recipe.bundle.model)
    held = {name: value for name, value in model.text.state_dict().items() if name.startswith(("reader.", "fields."))}
    path = tmp_path / "reader.safetensors"
    save_file(held | {"reader.token.bias": torch.zeros(3)}, path)
    width = tiny_recipe.bundle.model.width
    with pytest.raises(
        CheckpointError, match=rf"no reader for this model: reader\.token\.bias is \[3\], not \[{width}\]"
    ):
        reader.put_reader(model, path)
    del held["reader.slots"]
    save_file(held, path)
    with pytest.raises(CheckpointError, match=r"reader\.slots is missing"):
        reader.put_reader(model, path)


def test_all_jobs_need_a_place_and_begin_from_nothing(recipe_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`train all` needs --out DIR"):
        run_job("all", recipe_path, tmp_path / "run", "cpu", 1)
    with pytest.raises(ConfigError, match="begins from nothing"):
        run_job("all", recipe_path, tmp_path / "run", "cpu", 1, out=tmp_path / "out", init=tmp_path / "old.safetensors")
    assert not (tmp_path / "run").exists()


def test_a_bundle_needs_a_model_and_a_place(recipe_path: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="needs --out DIR"):
        run_job("bundle", recipe_path, tmp_path / "run", "cpu", 1)
    with pytest.raises(ConfigError, match=r"student\.safetensors is not there yet"):
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
