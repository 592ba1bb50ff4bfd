"""What the command line can ask of training: which files each job reads and leaves behind."""

from __future__ import annotations

import json
import sys
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from lingen_live.checkpoint import save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.engine.heap import keep_freed_memory
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.text import TextEncoder
from lingen_live.train.ablations import train_ablations
from lingen_live.train.codec import save_weights, train_codec, train_decoder
from lingen_live.train.config import Recipe, load_recipe
from lingen_live.train.denoiser import train_denoiser
from lingen_live.train.forecast import train_forecast
from lingen_live.train.latents import build_shards
from lingen_live.train.parallax import train_parallax
from lingen_live.train.parallel import current_ranks, joined
from lingen_live.train.probe import AttributeProbe, train_probe
from lingen_live.train.reader import put_reader, train_reader, widened
from lingen_live.train.state_file import first_detail
from lingen_live.train.student import NAME as STUDENT
from lingen_live.train.student import train_student
from lingen_live.train.videos import build_video_shards

IN_ORDER = ("codec", "parallax", "decoder", "reader", "clips", "forecast", "denoiser", "student", "probe", "bundle")
"""How a bundle is made."""
JOBS = (*IN_ORDER, "all", "videos", "ablations", "reread")
"""`all` is `IN_ORDER`; `videos` goes beside or in place of `clips`, `ablations` anywhere after `clips`; `reread` puts a
reader that was trained after the denoiser into it."""


def run_job(
    what: str,
    config: Path | None,
    folder: Path,
    device: str,
    n_threads: int,
    out: Path | None = None,
    init: Path | None = None,
    videos: Path | None = None,
    *,
    in_shards: bool = False,
) -> None:
    """Run one training job to its end, or on from where it was interrupted; under `torchrun`, in all its processes.

    Args:
        what: one of `JOBS`; most need what earlier ones left.
        config: recipe; None for the bundled one.
        folder: of the run.
        device: cpu or cuda.
        n_threads: compute threads.
        out: with bundle and all, the checkpoint directory to write.
        init: with codec, reader, denoiser and probe, weights to begin from.
        videos: with videos, where they lie.
        in_shards: with denoiser, see `train_denoiser`.

    Raises:
        ConfigError: the recipe or the device is wrong, or an earlier job has not been run.
        CheckpointError: what an earlier job has left does not fit the recipe.
        TrainingError: the loss or a gradient is not finite.
    """
    if n_threads < 1:
        raise ConfigError(f"threads is {n_threads}; it must be 1 or more.")
    if in_shards and what != "denoiser":
        raise ConfigError(f"--shard goes with `denoiser`, whose blocks can be large; got `{what}`.")
    torch.set_num_threads(n_threads)
    keep_freed_memory()
    torch.set_flush_denormal(True)  # decays and optimiser moments underflow; an exp into denormals is 50 times slower
    _check_device(device)
    recipe = load_recipe(config)
    with joined(device):
        if what == "videos":
            _encode_videos(recipe, videos, folder, device)
        elif what == "all":
            _run_all(recipe, folder, device, out, init)
        elif what == "denoiser":
            train_denoiser(recipe, folder, device, init, in_shards=in_shards)
        else:
            _run(what, recipe, folder, device, out, init)


def _run_all(recipe: Recipe, folder: Path, device: str, out: Path | None, init: Path | None) -> None:
    if out is None:
        raise ConfigError("`train all` needs --out DIR, the checkpoint directory to write.")
    if init is not None:
        raise ConfigError("`train all` begins from nothing; --init goes with `codec`, `reader`, `denoiser` or `probe`.")
    for what in IN_ORDER:
        _run(what, recipe, folder, device, out, None)


def _run(what: str, recipe: Recipe, folder: Path, device: str, out: Path | None, init: Path | None) -> None:
    match what:
        case "codec":
            train_codec(recipe, folder, device, init)
        case "parallax":
            train_parallax(recipe, _trained_codec(recipe, folder, device), folder, device)
        case "decoder":
            _trained_codec(recipe, folder, device)
            train_decoder(recipe, folder, device)
        case "clips":
            codec, text = _trained_codec(recipe, folder, device), _text_encoder(recipe)
            build_shards(recipe, codec, text, folder / "clips", device)
        case "reader":
            accuracy = train_reader(recipe, _text_encoder(recipe), folder, device, init)
            if current_ranks().is_first:
                (folder / "reader.json").write_text(json.dumps(accuracy, indent=2) + "\n", encoding="utf-8")
        case "forecast":
            train_forecast(recipe, folder, device)
        case "denoiser":
            train_denoiser(recipe, folder, device, init)
        case "student":
            _train_student(recipe, folder, device)
        case "probe":
            train_probe(recipe, _trained_codec(recipe, folder, device), folder, device, init)
        case "ablations":
            codec, text = _trained_codec(recipe, folder, device), _text_encoder(recipe)
            report = train_ablations(recipe, codec, text, load_probe(None), folder, device)
            sys.stdout.write(f"{report or 'Another process is still at work on a part of these.'}\n")
        case "reread":
            if current_ranks().is_first:
                _reread(recipe, folder)
        case "bundle":
            if out is None:
                raise ConfigError("`train bundle` needs --out DIR, the checkpoint directory to write.")
            if current_ranks().is_first:
                _bundle(recipe, folder, out)
        case _:
            raise ConfigError(f"got job {what!r}; known are {', '.join(JOBS)}.")


def _encode_videos(recipe: Recipe, videos: Path | None, folder: Path, device: str) -> None:
    if videos is None:
        raise ConfigError("`train videos` needs --videos PATH, a folder of captioned videos or of tar shards.")
    codec = _trained_codec(recipe, folder, device)
    if current_ranks().is_first:
        summary = build_video_shards(recipe, codec, _text_encoder(recipe), videos, folder / "clips", device)
        sys.stdout.write(f"{summary}\n")


def _check_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"device is {device!r}; training takes cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but no CUDA device is visible.")


def _fill(module: nn.Module, path: Path, job: str, text_width: int = 0) -> nn.Module:
    """Load weights that an earlier job of the same run has left, widened to `text_width`."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there yet; make it with `lingen_live train {job}`.")
    try:
        module.load_state_dict(widened(load_file(path), text_width))
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{path} does not fit the recipe: {first_detail(error)}") from error
    return module.eval()


def _text_encoder(recipe: Recipe) -> TextEncoder:
    model = recipe.bundle.model
    return TextEncoder(max_tokens=model.text_tokens, width=model.text_width)


def _trained_codec(recipe: Recipe, folder: Path, device: str) -> VideoCodec:
    codec = VideoCodec(recipe.bundle.codec)
    _fill(codec, folder / "codec.safetensors", "codec")
    return codec.to(device).to_channels_last()


def _has_student(recipe: Recipe) -> bool:
    return recipe.bundle.sampler.n_steps < recipe.student.teacher_steps


def _train_student(recipe: Recipe, folder: Path, device: str) -> None:
    if _has_student(recipe):
        teacher = LinGen(recipe.bundle.model)
        _fill(teacher, folder / "model.safetensors", "denoiser")
        train_student(recipe, teacher, folder, device)


def _bundle(recipe: Recipe, folder: Path, out: Path) -> None:
    model = LinGen(recipe.bundle.model)
    name, job = (STUDENT, "student") if _has_student(recipe) else ("model.safetensors", "denoiser")
    _fill(model, folder / name, job)
    save_bundle(out, recipe.bundle, model, _trained_codec(recipe, folder, "cpu"))


def _reread(recipe: Recipe, folder: Path) -> None:
    """Put the folder's reader into its denoiser, which may be of narrower token states."""
    model, path = LinGen(recipe.bundle.model), folder / "reader.safetensors"
    _fill(model, folder / "model.safetensors", "denoiser", recipe.bundle.model.text_width)
    if not path.is_file():
        raise ConfigError(f"{path} is not there yet; make it with `lingen_live train reader`.")
    put_reader(model, path)
    save_weights(model, folder / "model.safetensors")


def load_probe(path: Path | None) -> AttributeProbe:
    """A trained probe; None takes the bundled one."""
    probe = AttributeProbe()
    bundled = Path(str(resources.files("lingen_live.train") / "probe.safetensors"))
    _fill(probe, bundled if path is None else path, "probe")
    return probe
