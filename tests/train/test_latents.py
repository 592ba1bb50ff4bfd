"""Shards of clips: built once, by however many processes, and read in random order."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from fake_text import FakeText
from safetensors.torch import load_file

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.errors import ConfigError
from lingen_live.text import TextEmbedding
from lingen_live.train import latents
from lingen_live.train.claim import claimed
from lingen_live.train.clips import WORDINGS
from lingen_live.train.config import Recipe
from lingen_live.train.latents import ShardReader, build_shards

NAMES = ["clips-0000.safetensors", "clips-0001.safetensors"]


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two shards for the eight clips of the recipe."""
    monkeypatch.setattr(latents, "SHARD_CLIPS", 4)
    monkeypatch.setattr(latents, "_BATCH_CLIPS", 3)


@pytest.fixture(scope="module")
def shards(tiny_recipe: Recipe, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all shards of the recipe."""
    folder = tmp_path_factory.mktemp("shards")
    torch.manual_seed(0)
    codec = VideoCodec(tiny_recipe.bundle.codec).eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(latents, "SHARD_CLIPS", 4)
        patch.setattr(latents, "_BATCH_CLIPS", 3)
        build_shards(tiny_recipe, codec, FakeText(tiny_recipe.bundle.model.text_tokens), folder, "cpu")
    return folder


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".claim")


def test_a_shard_holds_what_training_needs(shards: Path, tiny_recipe: Recipe) -> None:
    model = tiny_recipe.bundle.model
    assert names_in(shards) == NAMES  # and no half-written file
    for name in NAMES:
        shard = load_file(shards / name)
        shapes = {key: (tuple(value.shape), value.dtype) for key, value in shard.items()}
        tokens = (4, 2, WORDINGS, model.text_tokens, model.text_width)
        assert shapes == {
            "latents": ((4, 6, 8, 4, 4), torch.float16),
            "tokens": (tokens, torch.float16),
            "mask": (tokens[:-1], torch.bool),
            "pooled": ((4, 2, WORDINGS, model.text_width), torch.float16),
            "weights": ((4, 3, 2), torch.float32),
        }
        assert shard["latents"].isfinite().all()
        assert shard["mask"].any(-1).all()
    one, other = (load_file(shards / name)["latents"] for name in NAMES)
    assert not torch.equal(one, other)


def test_shards_that_are_there_are_not_made_again(
    shards: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    before = {name: (shards / name).stat().st_mtime_ns for name in NAMES}
    build_shards(tiny_recipe, tiny_codec, fake_text, shards, "cpu")
    assert {name: (shards / name).stat().st_mtime_ns for name in NAMES} == before
    assert fake_text.n_encoded == 0


def test_a_missing_shard_is_made_as_it_was(
    shards: Path, tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    """A builder that was killed leaves a claim file and perhaps a part of a shard: neither is in the way."""
    (tmp_path / NAMES[1]).write_bytes((shards / NAMES[1]).read_bytes())
    (tmp_path / "clips-0000.claim").touch()
    (tmp_path / "clips-0000.12345.partial").write_bytes(b"half")
    build_shards(tiny_recipe, tiny_codec, fake_text, tmp_path, "cpu")
    assert (tmp_path / NAMES[0]).read_bytes() == (shards / NAMES[0]).read_bytes()


def test_a_shard_that_another_process_is_at_is_left_to_it(
    tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, fake_text: FakeText
) -> None:
    with claimed(tmp_path / "clips-0000.claim"):
        build_shards(tiny_recipe, tiny_codec, fake_text, tmp_path, "cpu")
    assert names_in(tmp_path) == NAMES[1:]


def test_two_builders_share_the_work(tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec) -> None:
    """While the first is in the middle of its first shard, a second one comes and goes."""
    second = FakeText(tiny_recipe.bundle.model.text_tokens)

    class Interrupted(FakeText):
        def encode_batch(self, prompts: Sequence[str]) -> list[TextEmbedding]:
            if not self.n_encoded:
                build_shards(tiny_recipe, tiny_codec, second, tmp_path, "cpu")
                assert names_in(tmp_path) == NAMES[1:]
            return super().encode_batch(prompts)

    first = Interrupted(tiny_recipe.bundle.model.text_tokens)
    build_shards(tiny_recipe, tiny_codec, first, tmp_path, "cpu")
    assert names_in(tmp_path) == NAMES
    assert first.n_encoded == second.n_encoded == 4 * 2 * WORDINGS  # a shard each


def test_an_interrupted_builder_leaves_nothing_half_done(
    tmp_path: Path, tiny_recipe: Recipe, tiny_codec: VideoCodec, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(tensors: object, path: Path, notes: object) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(latents, "save_file", half)
    with pytest.raises(KeyboardInterrupt):
        build_shards(tiny_recipe, tiny_codec, FakeText(16), tmp_path, "cpu")
    assert names_in(tmp_path) == []
    with claimed(tmp_path / "clips-0000.claim") as is_free:
        assert is_free


def test_a_batch_has_the_shapes_of_training(shards: Path, tiny_recipe: Recipe) -> None:
    reader = ShardReader(shards, tiny_recipe)
    assert reader.n_clips == 8
    batch = reader.draw(5, torch.Generator().manual_seed(0))
    model = tiny_recipe.bundle.model
    assert batch.latents.shape == (5, 3, 2, 8, 4, 4)
    assert batch.tokens.shape == (5, 2, model.text_tokens, model.text_width)
    assert batch.mask.shape == (5, 2, model.text_tokens)
    assert batch.pooled.shape == (5, 2, model.text_width)
    assert batch.weights.shape == (5, 3, 2)
    assert {t.dtype for t in (batch.latents, batch.tokens, batch.pooled)} == {torch.float32}


def test_a_row_of_a_batch_is_one_clip_with_one_of_its_wordings(shards: Path, tiny_recipe: Recipe) -> None:
    reader = ShardReader(shards, tiny_recipe)
    batch = reader.draw(24, torch.Generator().manual_seed(1))
    clips = [
        (shard["latents"][c].float(), shard["tokens"][c].float(), shard["mask"][c], shard["weights"][c])
        for shard in reader.shards.values()
        for c in range(4)
    ]
    drawn = set()
    for row in range(24):
        (index,) = [i for i, clip in enumerate(clips) if torch.equal(clip[0], batch.latents[row].flatten(0, 1))]
        _, tokens, mask, weights = clips[index]
        wordings = [w for w in range(WORDINGS) if torch.equal(tokens[:, w], batch.tokens[row])]
        assert wordings
        assert any(torch.equal(mask[:, w], batch.mask[row]) for w in wordings)
        assert torch.equal(weights, batch.weights[row])
        drawn.add((index, wordings[0]))
    assert len({index for index, _ in drawn}) >= 6  # both shards, most clips
    assert {wording for _, wording in drawn} == set(range(WORDINGS))


def test_draws_repeat_with_their_generator(shards: Path, tiny_recipe: Recipe) -> None:
    reader = ShardReader(shards, tiny_recipe)
    one, other = (reader.draw(6, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one.latents, other.latents)
    assert torch.equal(one.tokens, other.tokens)


def test_shards_that_come_later_are_seen_after_a_refresh(shards: Path, tmp_path: Path, tiny_recipe: Recipe) -> None:
    (tmp_path / NAMES[0]).write_bytes((shards / NAMES[0]).read_bytes())
    reader = ShardReader(tmp_path, tiny_recipe)
    (tmp_path / NAMES[1]).write_bytes((shards / NAMES[1]).read_bytes())
    assert reader.n_clips == 4
    reader.refresh()
    assert reader.n_clips == 8


def test_without_shards_one_is_told_how_to_make_them(tmp_path: Path, tiny_recipe: Recipe) -> None:
    with pytest.raises(ConfigError, match=r"holds no clips-\*\.safetensors; make them with `lingen_live train"):
        ShardReader(tmp_path / "none", tiny_recipe)


def test_shards_of_another_recipe_are_refused_with_both_shapes(shards: Path, tiny_recipe: Recipe) -> None:
    shorter = dataclasses.replace(tiny_recipe.denoiser, chunks=2)
    with pytest.raises(ConfigError, match=r"latents of shape \(6, 8, 4, 4\), the recipe needs \(4, 8, 4, 4\)"):
        ShardReader(shards, dataclasses.replace(tiny_recipe, denoiser=shorter))

    model = dataclasses.replace(tiny_recipe.bundle.model, text_tokens=12)
    bundle = dataclasses.replace(tiny_recipe.bundle, model=model)
    with pytest.raises(ConfigError, match=r"tokens of shape \(16, 384\), the recipe needs \(12, 384\)"):
        ShardReader(shards, dataclasses.replace(tiny_recipe, bundle=bundle))
