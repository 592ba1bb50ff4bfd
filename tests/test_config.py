"""Bundle configurations: there and back through JSON, and every mistake named with what was got."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

import pytest

from lingen_live.config import BundleConfig, CodecConfig, SamplerConfig, VideoConfig
from lingen_live.errors import ConfigError
from lingen_live.strict_json import from_json


def test_a_configuration_goes_through_json_and_comes_back(tiny_config: BundleConfig) -> None:
    data = json.loads(json.dumps(tiny_config.to_json()))
    assert BundleConfig.from_json(data) == tiny_config
    assert data["codec"]["encoder_widths"] == [8, 16]  # a tuple again afterwards
    assert isinstance(BundleConfig.from_json(data).codec.encoder_widths, tuple)


def test_what_follows_from_the_numbers(tiny_config: BundleConfig) -> None:
    assert tiny_config.frames_per_chunk == 8
    assert tiny_config.codec.spatial_stride == 8
    assert tiny_config.model.n_tokens == 2 * 4 * 4
    assert tiny_config.model.inner_width == 64
    assert tiny_config.model.n_ssm_heads == 4


def changed(config: BundleConfig, path: str, value: object) -> dict[str, Any]:
    """The configuration as JSON with the field at `path` set, or removed if the value is `...`."""
    data = json.loads(json.dumps(config.to_json()))
    *parents, last = path.split(".")
    inner = data
    for name in parents:
        inner = inner[name]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("name", ..., "config lacks field 'name'."),
        ("model.d_state", ..., "config.model lacks field 'd_state'."),
        (
            "colour",
            "red",
            "config has unknown field 'colour'; known are name, video, codec, model, sampler, fields, camera.",
        ),
        ("video.depth", 3, "config.video has unknown field 'depth'; known are fps, height_px, width_px."),
        ("video", 5, "config.video is int; it must be an object."),
        ("video", None, "config.video is NoneType; it must be an object."),
        ("name", 7, "config.name is 7; it must be str."),
        ("model.width", "32", "config.model.width is '32'; it must be int."),
        ("model.width", 32.0, "config.model.width is 32.0; it must be int."),
        ("model.width", True, "config.model.width is True; it must be int."),
        ("video.fps", False, "config.video.fps is False; it must be float."),
        ("video.fps", None, "config.video.fps is None; it must be float."),
        ("codec.encoder_widths", 8, "config.codec.encoder_widths is int; it must be a list."),
        ("codec.encoder_widths", [8, "16"], "config.codec.encoder_widths[1] is '16'; it must be int."),
    ],
)
def test_a_field_that_is_missing_unknown_or_of_another_type_is_named(
    tiny_config: BundleConfig, path: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        BundleConfig.from_json(changed(tiny_config, path, value))
    assert caught.value.message == message


@pytest.mark.parametrize("data", [None, [], "config", 3])
def test_what_is_no_object_is_refused(data: object) -> None:
    with pytest.raises(ConfigError, match=f"^config is {type(data).__name__}; it must be an object"):
        BundleConfig.from_json(data)


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("model.headdim", 24, "expand * width is 64, not a multiple of headdim 24."),
        ("model.attn_headdim", 12, "width is 32, not a multiple of attn_headdim 12."),
        ("model.tesa_window", 3, "latent_height is 4, not a multiple of tesa_window 3."),
        ("model.review_pool", 3, "latent_height is 4, not a multiple of review_pool 3."),
        ("model.tesa_past_frames", -1, "tesa_past_frames is -1; it must be 0 or more."),
        ("model.n_layers", 0, "n_layers of ModelConfig is 0; it must be above 0 and finite."),
        ("model.headdim", -16, "headdim of ModelConfig is -16; it must be above 0 and finite."),
        ("video.fps", 0, "fps of VideoConfig is 0.0; it must be above 0 and finite."),
        ("video.fps", float("nan"), "fps of VideoConfig is nan; it must be above 0 and finite."),
        ("sampler.n_steps", 0, "n_steps of SamplerConfig is 0; it must be above 0 and finite."),
        ("codec.encoder_widths", [], "encoder_widths is empty; the codec needs one width or more."),
        ("codec.encoder_widths", [8, 12], "encoder_widths[1] is 12, not a multiple of the group count 8."),
        ("codec.encoder_widths", [0, 8], "encoder_widths[0] is 0; it must be above 0."),
        ("codec.n_blocks", -1, "n_blocks is -1; it must be 0 or more."),
        ("video.width_px", 40, "width is 40 px, but 4 latent positions of 8 px make 32."),
        ("codec.decoder_patch_px", 8, "the encoder folds 8 px a side into a latent position, the decoder unfolds 32."),
        ("model.text_fields", [2], "the fields have (2, 3) values, the model's text_fields are (2,)."),
        ("model.text_fields", [2, 3, 4, 5], "text_fields holds 4 fields, but there are 3 slots."),
        ("model.text_fields", [2, 0], "text_fields[1] is 0; a field has 1 value or more."),
        ("codec.latent_channels", 4, "The codec makes 4 latent channels, the model takes 8."),
    ],
)
def test_numbers_that_do_not_fit_are_refused_with_both(
    tiny_config: BundleConfig, path: str, value: object, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        BundleConfig.from_json(changed(tiny_config, path, value))
    assert caught.value.message == message


def test_whole_numbers_may_stand_for_real_ones() -> None:
    video = from_json(VideoConfig, {"fps": 16, "height_px": 32, "width_px": 32}, "video")
    assert video == VideoConfig(16.0, 32, 32)
    assert isinstance(video.fps, float)


def test_configurations_cannot_be_changed(tiny_config: BundleConfig) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        tiny_config.name = "other"  # type: ignore[misc]
    assert hash(tiny_config) == hash(BundleConfig.from_json(tiny_config.to_json()))


def test_defaults_and_optional_fields_may_be_left_out() -> None:
    @dataclass(frozen=True)
    class Partial:
        sampler: SamplerConfig
        codec: CodecConfig | None
        note: str = "none"

    sampler = {"n_steps": 4, "sigma_shift": 1, "state_keep": 1.0, "noise_scale": 1.1, "contrast": 1.2}
    data = {"sampler": sampler, "codec": None}
    assert from_json(Partial, data, "partial") == Partial(SamplerConfig(4, 1.0, 1.0, 1.1, 1.2), None)
