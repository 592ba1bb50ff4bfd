"""Models that differ in one part: what differs, that they are measured alike, and that the job can be split."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from fake_text import FakeText

from lingen_live.checkpoint import save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.errors import ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.train import ablation_scores, latents, reader
from lingen_live.train.ablation_scores import Entry, held_out_error, measure_growth
from lingen_live.train.ablations import DIT, LINGEN, small_recipe, train_ablations, variants, without_mate
from lingen_live.train.claim import claimed
from lingen_live.train.config import Recipe
from lingen_live.train.jobs import load_probe
from lingen_live.train.latents import ShardReader, build_shards


@pytest.fixture
def with_clips(tiny_recipe: Recipe, tiny_codec: VideoCodec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run with two shards of clips, of which the first is held out."""
    monkeypatch.setattr(latents, "SHARD_CLIPS", 4)
    monkeypatch.setattr(reader, "_HELD_OUT_CAPTIONS", 6)
    monkeypatch.setattr(ablation_scores, "_N_CLIPS", 4)
    monkeypatch.setattr(ablation_scores, "_N_CAPTIONS", 3)
    monkeypatch.setattr(ablation_scores, "_N_CHUNKS", 1)
    monkeypatch.setattr(ablation_scores, "_N_ROUNDS", 1)
    monkeypatch.setattr(ablation_scores, "_N_GROWTH_ROUNDS", 1)
    monkeypatch.setattr(ablation_scores, "GRIDS", (4, 8))
    # The engine reads prompts by itself, with the encoder of every engine.
    text = FakeText(tiny_recipe.bundle.model.text_tokens)
    monkeypatch.setattr("lingen_live.engine.build.TextEncoder", lambda **_: text)
    build_shards(tiny_recipe, tiny_codec, text, tmp_path / "run" / "clips", "cpu")
    return tmp_path / "run"


def test_each_variant_lacks_one_part(tiny_recipe: Recipe) -> None:
    whole, *others = variants(small_recipe(tiny_recipe).bundle)
    assert whole.title == LINGEN
    assert whole.bundle.model.stem_width == 0
    changed = {other.title: _differences(other.bundle, whole.bundle) for other in others}
    assert changed == {
        DIT: {"expand", "tesa_window", "tesa_past_frames"},
        "Without review tokens": {"review_slots"},
        "Without Rotary Major Scan": {"scan_orders"},
        "Without TESA": {"tesa_window"},
        "Without carried state": {"state_keep"},
    }


def test_none_takes_the_steps_of_a_student(tiny_recipe: Recipe) -> None:
    steps = {variant.bundle.sampler.n_steps for variant in variants(small_recipe(tiny_recipe).bundle)}
    assert steps == {tiny_recipe.student.teacher_steps}


def test_the_job_trains_and_measures_all_and_is_done_only_once(
    tiny_recipe: Recipe, tiny_codec: VideoCodec, with_clips: Path
) -> None:
    text, probe = FakeText(tiny_recipe.bundle.model.text_tokens), load_probe(None)
    with claimed(_made(with_clips / "ablations") / "dit.claim"):
        assert train_ablations(tiny_recipe, tiny_codec, text, probe, with_clips, "cpu") is None
    report = train_ablations(tiny_recipe, tiny_codec, text, probe, with_clips, "cpu")
    assert report is not None
    numbers = json.loads((with_clips / "ablations" / "ablations.json").read_text(encoding="utf-8"))
    titles = [variant.title for variant in variants(small_recipe(tiny_recipe).bundle)]
    assert list(numbers["scores"]) == list(numbers["costs"]) == titles
    assert report.count("\n") > len(titles)
    assert numbers["scores"][LINGEN]["later"]["more"] == 0
    assert numbers["scores"][DIT]["later"]["more"] != 0
    assert numbers["costs"]["Without carried state"]["state_bytes"] == 0
    assert numbers["costs"][DIT]["block_parameters"] < numbers["costs"][LINGEN]["block_parameters"]


def test_noise_is_the_same_for_all_models(tiny_recipe: Recipe, tmp_path: Path, with_clips: Path) -> None:
    """Twice the same weights have the same error, and other weights another."""
    clips = ShardReader(with_clips / "clips", tiny_recipe).draw(3, torch.Generator().manual_seed(0))
    errors = []
    for index, seed in enumerate((0, 0, 1)):
        torch.manual_seed(seed)
        model, codec = LinGen(tiny_recipe.bundle.model), VideoCodec(tiny_recipe.bundle.codec)
        torch.nn.init.normal_(model.latent_out.weight)
        path = tmp_path / f"bundle-{index}"
        save_bundle(path, tiny_recipe.bundle, model, codec)
        errors.append(held_out_error(Entry(str(index), tiny_recipe.bundle, path), tiny_recipe, clips))
    assert errors[0].shape == (3, 3)
    assert torch.equal(errors[0], errors[1])
    assert not torch.allclose(errors[0], errors[2])


def test_one_shard_of_clips_leaves_none_to_train_on(
    tiny_recipe: Recipe, tiny_codec: VideoCodec, with_clips: Path
) -> None:
    (with_clips / "clips" / "clips-0001.safetensors").unlink()
    text = FakeText(tiny_recipe.bundle.model.text_tokens)
    with pytest.raises(ConfigError, match="clips-"):
        train_ablations(tiny_recipe, tiny_codec, text, load_probe(None), with_clips, "cpu")


def test_the_cost_of_attention_grows_faster(tiny_config: BundleConfig) -> None:
    model = dataclasses.replace(tiny_config.model, forecast_width=0, stem_width=0)
    shapes = {
        LINGEN: lambda grid: dataclasses.replace(model, latent_height=grid, latent_width=grid),
        DIT: lambda grid: without_mate(dataclasses.replace(model, latent_height=grid, latent_width=grid)),
    }
    small, *_, large = measure_growth(shapes)
    ratio = large["tokens"] / small["tokens"]
    assert large[LINGEN]["gflops"] / small[LINGEN]["gflops"] == pytest.approx(ratio, rel=0.1)
    assert large[DIT]["gflops"] / small[DIT]["gflops"] > 2 * ratio


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _differences(first: BundleConfig, second: BundleConfig) -> set[str]:
    pairs = ((first.model, second.model), (first.sampler, second.sampler))
    return {
        field.name
        for one, other in pairs
        for field in dataclasses.fields(one)
        if getattr(one, field.name) != getattr(other, field.name)
    }
