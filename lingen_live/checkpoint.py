"""A bundle on disk: config.json, model.safetensors, codec.safetensors; checked before read, never executed.

The directory describes itself: config.json holds the `BundleConfig` and the size and SHA-256 of both weight
files, so that a damaged, exchanged or foreign file is named instead of loaded. A pickle is refused unopened.
Knows files and tensor names. Does not know how a model runs or was trained.

    save_bundle("runs/vista", config, model, codec)
    bundle = load_bundle("runs/vista", device="cpu", dtype=torch.float32)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig, Weights
from lingen_live.digest import sha256_of
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.lingen import LinGen

FORMAT_VERSION = 1
CONFIG_NAME = "config.json"
MODEL_NAME = "model.safetensors"
CODEC_NAME = "codec.safetensors"
BUNDLED = Path(__file__).parent / "checkpoints" / "vista"

_PICKLE_SUFFIXES = frozenset({".pt", ".pth", ".bin", ".ckpt", ".pkl", ".pickle"})
_ZIP_MAGIC = b"PK\x03\x04"
_PICKLE_MAGIC = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
# Scales, rates and statistics: rounding them saves nothing and costs accuracy.
_SMALL_TENSOR = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """Everything that runs: both networks in evaluation mode, and what they are.

    Attributes:
        config: the configuration both were built from.
        model: the denoiser.
        codec: the autoencoder.
        digest: SHA-256 of config.json, which holds the digests of the weights: equal digest, equal bundle.
        weights: what config.json says of them.
    """

    config: BundleConfig
    model: LinGen
    codec: VideoCodec
    digest: str
    weights: Weights = "trained"


def save_bundle(
    directory: str | Path,
    config: BundleConfig,
    model: LinGen,
    codec: VideoCodec,
    *,
    dtype: torch.dtype = torch.bfloat16,
    weights: Weights = "trained",
) -> None:
    """Write a bundle; config.json comes last, so that an interrupted save is never a valid bundle.

    Args:
        directory: made if missing; a bundle already there is replaced.
        config: must be what both networks were built from.
        model: the denoiser.
        codec: the autoencoder.
        dtype: of the large tensors; those under 4,096 numbers stay float32.
        weights: whether they were ever trained; said wherever frames made with them are shown.

    Raises:
        CheckpointError: `config` is not the configuration of the networks.
    """
    if model.config != config.model or codec.config != config.codec:
        raise CheckpointError(f"The networks were not built from the configuration {config.name!r} to be saved.")
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, module in ((MODEL_NAME, model), (CODEC_NAME, codec)):
        path = directory / name
        partial = path.with_suffix(".partial")
        save_file({key: _stored(value, dtype) for key, value in module.state_dict().items()}, partial)
        partial.replace(path)
        files[name] = {"sha256": sha256_of(path), "bytes": path.stat().st_size}
    content = {"format_version": FORMAT_VERSION, "weights": weights, "config": config.to_json(), "files": files}
    partial = directory / "config.partial"
    partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    partial.replace(directory / CONFIG_NAME)


def load_bundle(
    path: str | Path | None = None,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Bundle:
    """Check and load a bundle directory.

    Args:
        path: the directory; None is the bundled vista.
        device: where the networks go.
        dtype: of their floating-point tensors.

    Raises:
        CheckpointError: something is missing, damaged, of another architecture or format, or a pickle.
    """
    directory = BUNDLED if path is None else Path(path)
    _check_directory(directory)
    config, weights, files = _read_config(directory / CONFIG_NAME)
    for name in (MODEL_NAME, CODEC_NAME):
        _check_file(directory / name, files[name])
    model, codec = LinGen(config.model), VideoCodec(config.codec)
    _fill(model, directory / MODEL_NAME)
    _fill(codec, directory / CODEC_NAME)
    return Bundle(
        config,
        model.to(device, dtype).eval(),
        codec.to(device, dtype).eval(),
        sha256_of(directory / CONFIG_NAME),
        weights,
    )


def _stored(value: Tensor, dtype: torch.dtype) -> Tensor:
    """A tensor as it is written: contiguous, on the CPU, large ones in `dtype`, small ones float32."""
    if value.is_floating_point():
        value = value.to(dtype if value.numel() >= _SMALL_TENSOR else torch.float32)
    return value.detach().cpu().contiguous()


def _check_directory(directory: Path) -> None:
    """Refuse everything that is not a directory with a config.json, and say what it is instead."""
    if directory.is_file():
        _refuse_pickle(directory)
        raise CheckpointError(
            f"{directory} is a file; a checkpoint is a directory with {CONFIG_NAME}, {MODEL_NAME} and {CODEC_NAME}."
        )
    if not directory.is_dir():
        raise CheckpointError(f"There is no checkpoint directory {directory}.")
    if not (directory / CONFIG_NAME).is_file():
        for path in sorted(directory.iterdir()):
            if path.is_file():
                _refuse_pickle(path)
        raise CheckpointError(
            f"The directory {directory} has no {CONFIG_NAME}; a checkpoint holds {CONFIG_NAME}, {MODEL_NAME} "
            f"and {CODEC_NAME}."
        )


def _refuse_pickle(path: Path) -> None:
    """Refuse a pickle by its name or first bytes; it is never opened as one, for that would run its code."""
    with path.open("rb") as file:
        head = file.read(9)
    # A safetensors header is 8 bytes of length, then JSON: a length of 640 would begin like a pickle.
    looks_pickled = head.startswith((_ZIP_MAGIC, *_PICKLE_MAGIC)) and head[8:9] != b"{"
    if looks_pickled or path.suffix.lower() in _PICKLE_SUFFIXES:
        raise CheckpointError(
            f"{path} is a pickle, and opening one can run code hidden in it; only safetensors are accepted."
        )


def _read_config(path: Path) -> tuple[BundleConfig, Weights, dict[str, tuple[str, int]]]:
    """The configuration, what the weights are, and (sha256, size in bytes) of each weight file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path} is not readable JSON: {error}.") from error
    version = content.get("format_version") if isinstance(content, dict) else None
    if version != FORMAT_VERSION:
        raise CheckpointError(f"{path} has format version {version}; this program reads {FORMAT_VERSION}.")
    try:
        config = BundleConfig.from_json(content.get("config"))
    except ConfigError as error:
        raise CheckpointError(f"{path} does not describe a model this program knows: {error}") from error
    # Files from before this was said are of trained weights.
    weights = content.get("weights", "trained")
    if weights not in get_args(Weights):
        raise CheckpointError(f"{path} calls its weights {weights!r:.40}; they are {' or '.join(get_args(Weights))}.")
    return config, weights, {name: _read_file_entry(path, content, name) for name in (MODEL_NAME, CODEC_NAME)}


def _read_file_entry(path: Path, content: dict[str, Any], name: str) -> tuple[str, int]:
    try:
        entry = content["files"][name]
        return str(entry["sha256"]), int(entry["bytes"])
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{path} does not state the sha256 and bytes of {name}.") from error


def _check_file(path: Path, expected: tuple[str, int]) -> None:
    """Refuse a weight file that is missing, a pickle, of another size, or of another content."""
    digest, n_bytes = expected
    if not path.is_file():
        raise CheckpointError(f"The checkpoint {path.parent} has no {path.name}.")
    _refuse_pickle(path)
    got_bytes = path.stat().st_size
    if got_bytes != n_bytes:
        raise CheckpointError(f"{path} has {got_bytes} bytes; {CONFIG_NAME} says {n_bytes}.")
    got = sha256_of(path)
    if got != digest:
        raise CheckpointError(f"{path} has sha256 {got}; {CONFIG_NAME} says {digest}.")


def _fill(module: nn.Module, path: Path) -> None:
    """Load a weight file into a network of exactly the same tensor names and shapes."""
    needed = {name: tuple(value.shape) for name, value in module.state_dict().items()}
    try:
        with safe_open(path, framework="pt") as file:
            held = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
        _check_shapes(path, held, needed)
        module.load_state_dict(load_file(path))
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from error


def _check_shapes(path: Path, held: dict[str, tuple[int, ...]], needed: dict[str, tuple[int, ...]]) -> None:
    """Refuse weights of another architecture, naming the first tensor that differs."""
    for name, shape in needed.items():
        if name not in held:
            raise CheckpointError(f"{path} lacks tensor {name!r}; its configuration needs it with shape {shape}.")
        if held[name] != shape:
            raise CheckpointError(
                f"{path} holds tensor {name!r} with shape {held[name]}; its configuration needs {shape}."
            )
    if unknown := sorted(set(held) - set(needed)):
        name = unknown[0]
        raise CheckpointError(
            f"{path} holds tensor {name!r} with shape {held[name]}; its configuration knows no such tensor."
        )
