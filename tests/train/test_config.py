"""Recipes from TOML: the bundled one is whole, and every mistake is named."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from lingen_live.errors import ConfigError
from lingen_live.train.config import load_recipe

BUNDLED = Path(__file__).parents[2] / "lingen_live" / "train" / "configs" / "vista.toml"


def test_the_bundled_recipe_is_that_of_the_bundled_model() -> None:
    recipe = load_recipe(None)
    assert recipe == load_recipe(BUNDLED)
    assert recipe.bundle.name == "vista-256"
    assert (recipe.bundle.video.height_px, recipe.bundle.video.width_px) == (256, 256)
    assert recipe.bundle.frames_per_chunk == 8


@pytest.mark.parametrize(
    ("line", "instead", "message"),
    [
        ("history_noise", "", "recipe.denoiser lacks field 'history_noise'"),
        ("n_clips", "n_clips = 3\nn_films = 4", "recipe.denoiser has unknown field 'n_films'; known are"),
        ("change_share", 'change_share = "all"', "recipe.denoiser.change_share is 'all'; it must be float"),
        ("n_clips", "n_clips = 2.5", "recipe.denoiser.n_clips is 2.5; it must be int"),
        ("compile_blocks", "compile_blocks = 1", "recipe.denoiser.compile_blocks is 1; it must be bool"),
        ("n_clips", "n_clips = 0", "n_clips of DenoiserTraining is 0; it must be above 0"),
        ("alone", "alone = -1", "alone of DenoiserTraining is -1; it must be above 0"),
        ("guidance", "guidance = 0.5", "guidance is 0.5; it must be 1"),
        ("height_px", "height_px = 128", "height is 128 px, but 8 latent positions of 32 px make 256"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, instead: str, message: str) -> None:
    lines = BUNDLED.read_text(encoding="utf-8").splitlines()
    (place, *_) = [i for i, text in enumerate(lines) if text.split(" = ")[0] == line]
    lines[place] = instead
    recipe = tmp_path / "recipe.toml"
    recipe.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_recipe(recipe)
    assert caught.value.message.startswith(message)


def test_a_missing_section_is_named(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(BUNDLED.read_text(encoding="utf-8").split("[probe]")[0], encoding="utf-8")
    with pytest.raises(ConfigError, match=r"^recipe lacks field 'probe'\.$"):
        load_recipe(recipe)


@pytest.mark.parametrize("content", [None, b"a = = 1", b"\xff\xfe"])
def test_a_file_that_is_no_recipe_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "recipe.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"recipe\.toml is not a readable TOML recipe: "):
        load_recipe(path)


def test_every_section_refuses_numbers_that_train_nothing() -> None:
    recipe = load_recipe(None)
    for name in ("codec", "denoiser", "student", "probe"):
        for field in ("n_steps", "batch", "learning_rate", "clip_norm"):
            with pytest.raises(ConfigError, match=f"^{field} of .* is 0; it must be above 0"):
                dataclasses.replace(getattr(recipe, name), **{field: 0})


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_teachers_share_is_a_share(share: float) -> None:
    message = rf"^student\.teacher_share is {share:g}; it must be 0 to 1\.$"
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(load_recipe(None).student, teacher_share=share)


def test_a_student_arrives_where_its_teacher_passes() -> None:
    recipe = load_recipe(None)
    sampler = dataclasses.replace(recipe.bundle.sampler, n_steps=3)
    message = r"^student\.teacher_steps is 4; it must be a multiple of the sampler's n_steps, 3\.$"
    with pytest.raises(ConfigError, match=message):
        dataclasses.replace(recipe, bundle=dataclasses.replace(recipe.bundle, sampler=sampler))
