"""A bundle comes back as it was saved, and everything else is refused in one sentence."""

from __future__ import annotations

import dataclasses
import json
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from lingen_live.checkpoint import load_bundle, save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.digest import sha256_of
from lingen_live.errors import CheckpointError
from lingen_live.model.lingen import LinGen


@pytest.fixture
def copied(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A bundle of one's own to damage."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


def edit_config(directory: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = directory / "config.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def restate(directory: Path, name: str) -> None:
    """Make config.json agree with a weight file that was exchanged."""
    path = directory / name
    entry = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    edit_config(directory, lambda content: content["files"].update({name: entry}))


def test_a_bundle_comes_back(tiny_config: BundleConfig, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model, codec = LinGen(tiny_config.model), VideoCodec(tiny_config.codec)
    save_bundle(tmp_path, tiny_config, model, codec, dtype=torch.float32)
    bundle = load_bundle(tmp_path)
    assert bundle.config == tiny_config
    assert not bundle.model.training
    assert not bundle.codec.training
    for saved, loaded in ((model, bundle.model), (codec, bundle.codec)):
        for name, value in saved.state_dict().items():
            assert torch.equal(loaded.state_dict()[name], value), name
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "codec.safetensors",
        "config.json",
        "model.safetensors",
    ]


def test_large_tensors_are_rounded_and_small_ones_are_not(tiny_config: BundleConfig, tmp_path: Path) -> None:
    torch.manual_seed(3)
    model, codec = LinGen(tiny_config.model), VideoCodec(tiny_config.codec)
    save_bundle(tmp_path, tiny_config, model, codec)
    stored = load_file(tmp_path / "model.safetensors")
    dtypes = {value.dtype for value in stored.values()}
    assert dtypes == {torch.bfloat16, torch.float32}
    for name, value in stored.items():
        assert (value.dtype == torch.bfloat16) == (value.numel() >= 4096), name
    loaded = load_bundle(tmp_path, dtype=torch.float64).model.state_dict()
    for name, value in model.state_dict().items():
        assert loaded[name].dtype == torch.float64
        torch.testing.assert_close(loaded[name], value.double(), rtol=2**-8, atol=0)


def test_the_digest_follows_the_content(tiny_bundle: Path, copied: Path) -> None:
    before = load_bundle(tiny_bundle).digest
    assert load_bundle(copied).digest == before
    weights = load_file(copied / "codec.safetensors")
    save_file({name: value + 1 for name, value in weights.items()}, copied / "codec.safetensors")
    restate(copied, "codec.safetensors")
    assert load_bundle(copied).digest != before


def test_what_the_weights_are_is_kept_and_read_strictly(copied: Path) -> None:
    assert load_bundle(copied).weights == "trained"
    edit_config(copied, lambda content: content.pop("weights"))
    assert load_bundle(copied).weights == "trained"  # as before it was said
    edit_config(copied, lambda content: content.update(weights="random"))
    assert load_bundle(copied).weights == "random"
    edit_config(copied, lambda content: content.update(weights="borrowed"))
    with pytest.raises(CheckpointError, match="calls its weights 'borrowed'; they are trained or random"):
        load_bundle(copied)


def test_networks_of_another_configuration_are_not_saved(tiny_config: BundleConfig, tmp_path: Path) -> None:
    other = dataclasses.replace(tiny_config.model, width=64)
    with pytest.raises(CheckpointError, match="not built from the configuration 'tiny'"):
        save_bundle(tmp_path / "new", tiny_config, LinGen(other), VideoCodec(tiny_config.codec))
    assert not (tmp_path / "new").exists()


def test_missing_things_are_named(copied: Path) -> None:
    with pytest.raises(CheckpointError, match=r"There is no checkpoint directory .*nowhere"):
        load_bundle(copied / "nowhere")
    (copied / "codec.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"has no codec\.safetensors"):
        load_bundle(copied)
    (copied / "config.json").unlink()
    with pytest.raises(CheckpointError, match=r"has no config\.json; a checkpoint holds"):
        load_bundle(copied)
    with pytest.raises(CheckpointError, match="is a file; a checkpoint is a directory"):
        load_bundle(copied / "model.safetensors")


def test_a_truncated_file_states_both_sizes(copied: Path) -> None:
    path = copied / "model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(CheckpointError, match=rf"has {len(content) // 2} bytes; .* says {len(content)}\."):
        load_bundle(copied)


def test_a_changed_byte_states_both_digests(copied: Path) -> None:
    path = copied / "model.safetensors"
    expected = sha256_of(path)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match=f"has sha256 {sha256_of(path)}; .* says {expected}"):
        load_bundle(copied)


def test_another_architecture_names_the_first_tensor_and_both_shapes(copied: Path) -> None:
    edit_config(copied, lambda content: content["config"]["model"].update({"d_state": 4}))
    with pytest.raises(CheckpointError, match=r"tensor '[\w.]+' with shape \([\d, ]+\); .* needs \([\d, ]+\)"):
        load_bundle(copied)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda weights: weights.pop("latent_in.weight"), r"lacks tensor 'latent_in.weight'; .* \(32, 8\)"),
        (
            lambda weights: weights.update(extra=torch.zeros(2, 3)),
            r"tensor 'extra' with shape \(2, 3\); .* no such",
        ),
    ],
)
def test_other_tensor_names_are_refused(
    copied: Path, change: Callable[[dict[str, torch.Tensor]], object], sentence: str
) -> None:
    weights = load_file(copied / "model.safetensors")
    change(weights)
    save_file(weights, copied / "model.safetensors")
    restate(copied, "model.safetensors")
    with pytest.raises(CheckpointError, match=sentence):
        load_bundle(copied)


class Bomb:
    """Unpickled, it leaves a file behind."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("writer", ["torch", "legacy torch", "pickle"])
def test_a_pickle_is_refused_and_never_run(copied: Path, tmp_path: Path, writer: str) -> None:
    bomb, fuse = Bomb(tmp_path / "exploded"), copied / "model.safetensors"
    if writer == "pickle":
        fuse.write_bytes(pickle.dumps(bomb))
    else:
        torch.save({"weight": bomb}, fuse, _use_new_zipfile_serialization=writer == "torch")
    restate(copied, "model.safetensors")  # even when the digest is right
    with pytest.raises(CheckpointError, match="is a pickle, and opening one can run code"):
        load_bundle(copied)
    assert not bomb.path.exists()


@pytest.mark.parametrize("name", ["model.pt", "weights.bin", "last.ckpt", "vista.PTH"])
def test_a_pickle_in_place_of_a_bundle_is_refused(tmp_path: Path, name: str) -> None:
    torch.save({}, tmp_path / name)
    for path in (tmp_path / name, tmp_path):
        with pytest.raises(CheckpointError, match=f"{name} is a pickle"):
            load_bundle(path)


def test_a_safetensors_header_that_begins_like_a_pickle_is_not_one(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"\x80\x02\0\0\0\0\0\0{" + b" " * 700)
    with pytest.raises(CheckpointError, match="is a file; a checkpoint is a directory"):
        load_bundle(path)


def test_a_file_of_something_else_is_refused(copied: Path) -> None:
    (copied / "model.safetensors").write_bytes(b"not tensors at all, only words " * 9)
    restate(copied, "model.safetensors")
    with pytest.raises(CheckpointError, match="is not a safetensors file"):
        load_bundle(copied)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda content: content.update(format_version=99), "has format version 99; this program reads 1"),
        (lambda content: content.pop("format_version"), "has format version None; this program reads 1"),
        (lambda content: content["config"]["model"].pop("width"), "lacks field 'width'"),
        (lambda content: content["config"].update(magic=1), "unknown field 'magic'"),
        (lambda content: content.pop("config"), "does not describe a model"),
        (
            lambda content: content["files"].pop("codec.safetensors"),
            r"sha256 and bytes of codec\.safetensors",
        ),
        (lambda content: content.update(files=[]), r"sha256 and bytes of model\.safetensors"),
    ],
)
def test_a_config_of_another_kind_is_refused(
    copied: Path, change: Callable[[dict[str, Any]], object], sentence: str
) -> None:
    edit_config(copied, change)
    with pytest.raises(CheckpointError, match=sentence):
        load_bundle(copied)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b""])
def test_an_unreadable_config_is_refused(copied: Path, content: bytes) -> None:
    (copied / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json (is not readable JSON|has format version None)"):
        load_bundle(copied)
