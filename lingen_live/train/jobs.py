"""What the command line can ask of training and evaluation: which files each job reads and leaves behind."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from tqdm import tqdm

from lingen_live.checkpoint import load_bundle, save_bundle
from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.engine.build import build_engine
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import CheckpointError, ConfigError
from lingen_live.model.lingen import LinGen
from lingen_live.text import TextEncoder
from lingen_live.train import evaluate, report
from lingen_live.train.codec import train_codec, train_decoder
from lingen_live.train.config import Recipe, load_recipe
from lingen_live.train.denoiser import train_denoiser
from lingen_live.train.latents import build_shards
from lingen_live.train.loop import first_detail
from lingen_live.train.parallel import current_ranks, joined
from lingen_live.train.probe import AttributeProbe, train_probe
from lingen_live.train.reader import train_reader
from lingen_live.train.videos import build_video_shards

_GRID_COLUMNS, _GRID_CELLS = 8, 40
_MAX_SECONDS = 3600.0


def run_job(
    what: str,
    config: Path | None,
    folder: Path,
    device: str,
    n_threads: int,
    out: Path | None = None,
    init: Path | None = None,
    videos: Path | None = None,
) -> None:
    """Run one training job to its end, or on from where it was interrupted; under `torchrun`, in all its processes.

    Args:
        what: codec, reader, clips, videos, denoiser, decoder, probe or bundle; each needs what earlier ones left behind.
        config: recipe; None for the bundled one.
        folder: of the run.
        device: cpu or cuda.
        n_threads: compute threads.
        out: with bundle, the checkpoint directory to write.
        init: with codec and denoiser, weights to begin from.
        videos: with videos, where they lie.

    Raises:
        ConfigError: the recipe or the device is wrong, or an earlier job has not been run.
        CheckpointError: what an earlier job has left does not fit the recipe.
        TrainingError: the loss or a gradient is not finite.
    """
    if n_threads < 1:
        raise ConfigError(f"threads is {n_threads}; it must be 1 or more.")
    torch.set_num_threads(n_threads)
    torch.set_flush_denormal(True)  # decays and optimiser moments underflow; an exp into denormals is 50 times slower
    _check_device(device)
    recipe = load_recipe(config)
    with joined(device):
        if what == "videos":
            _encode_videos(recipe, videos, folder, device)
        else:
            _run(what, recipe, folder, device, out, init)


def _run(what: str, recipe: Recipe, folder: Path, device: str, out: Path | None, init: Path | None) -> None:
    match what:
        case "codec":
            train_codec(recipe, folder, device, init)
        case "decoder":
            _trained_codec(recipe, folder, device)
            train_decoder(recipe, folder, device)
        case "clips":
            codec, text = _trained_codec(recipe, folder, device), _text_encoder(recipe)
            build_shards(recipe, codec, text, folder / "clips", device)
        case "reader":
            accuracy = train_reader(recipe, _text_encoder(recipe), folder, device)
            if current_ranks().is_first:
                (folder / "reader.json").write_text(json.dumps(accuracy, indent=2) + "\n", encoding="utf-8")
        case "denoiser":
            train_denoiser(recipe, folder, device, init)
        case "probe":
            train_probe(recipe, _trained_codec(recipe, folder, device), folder, device)
        case "bundle":
            if out is None:
                raise ConfigError("`train bundle` needs --out DIR, the checkpoint directory to write.")
            if current_ranks().is_first:
                _bundle(recipe, folder, out)
        case _:
            raise ConfigError(
                f"got job {what!r}; known are codec, reader, clips, videos, denoiser, decoder, probe, bundle."
            )


def _encode_videos(recipe: Recipe, videos: Path | None, folder: Path, device: str) -> None:
    if videos is None:
        raise ConfigError(
            "`train videos` needs --videos PATH, a folder of captioned videos or of tar shards, or a tar."
        )
    codec = _trained_codec(recipe, folder, device)
    if current_ranks().is_first:
        summary = build_video_shards(recipe, codec, _text_encoder(recipe), videos, folder / "clips", device)
        sys.stdout.write(f"{summary}\n")


def _check_device(device: str) -> None:
    if device not in ("cpu", "cuda"):
        raise ConfigError(f"device is {device!r}; training takes cpu or cuda.")
    if device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device is 'cuda', but no CUDA device is visible.")


def _fill(module: nn.Module, path: Path, job: str) -> nn.Module:
    """Load weights that an earlier job of the same run has left."""
    if not path.is_file():
        raise ConfigError(f"{path} is not there yet; make it with `lingen_live train {job}`.")
    try:
        module.load_state_dict(load_file(path))
    except (RuntimeError, SafetensorError) as error:
        raise CheckpointError(f"{path} does not fit the recipe: {first_detail(error)}") from error
    return module.eval()


def _text_encoder(recipe: Recipe) -> TextEncoder:
    return TextEncoder(max_tokens=recipe.bundle.model.text_tokens)


def _trained_codec(recipe: Recipe, folder: Path, device: str) -> VideoCodec:
    codec = VideoCodec(recipe.bundle.codec)
    _fill(codec, folder / "codec.safetensors", "codec")
    return codec.to(device).to_channels_last()


def _bundle(recipe: Recipe, folder: Path, out: Path) -> None:
    model = LinGen(recipe.bundle.model)
    _fill(model, folder / "model.safetensors", "denoiser")
    save_bundle(out, recipe.bundle, model, _trained_codec(recipe, folder, "cpu"))


def load_probe(path: Path | None) -> AttributeProbe:
    """A trained probe; None takes the bundled one."""
    probe = AttributeProbe()
    bundled = Path(str(resources.files("lingen_live.train") / "probe.safetensors"))
    _fill(probe, bundled if path is None else path, "probe")
    return probe


def run_evaluation(options: EngineOptions, probe_path: Path | None, n_captions: int, seconds: float, out: Path) -> str:
    """Score a checkpoint; leaves `eval.json`, `eval.md` and `grid.png` in `out`, returns the Markdown.

    Args:
        options: which checkpoint, and how it computes.
        probe_path: weights of the probe; None for the bundled ones.
        n_captions: held-out captions, at least 1.
        seconds: media time before a stream is judged, at most an hour.
        out: folder, made if missing.

    Raises:
        LingenError: a number is out of its range, or the checkpoint or the probe cannot be used.
    """
    if n_captions < 1:
        raise ConfigError(f"captions is {n_captions}; it must be 1 or more.")
    if not 0 < seconds <= _MAX_SECONDS:
        raise ConfigError(f"seconds is {seconds:g}; it must be above 0 and at most {_MAX_SECONDS:g}.")
    probe = load_probe(probe_path)
    engine = build_engine(options, lambda stage, fraction: None)
    config = engine.bundle.config
    # Renders are made on the CPU in float32, whatever the engine computes in.
    codec = load_bundle(options.checkpoint).codec
    n_chunks = max(1, round(seconds * config.video.fps / config.frames_per_chunk))
    captions = evaluate.held_out_captions(n_captions)
    with tqdm(total=n_captions, desc="captions") as bar:
        samples = evaluate.sample_captions(engine, probe, captions, n_chunks, bar.update)
    columns = {
        "model": evaluate.score_samples(samples),
        "renders through the codec": evaluate.score_renders(config, probe, codec),
        "renders": evaluate.score_renders(config, probe, None),
    }
    psnr_db = evaluate.codec_psnr_db(config, codec)
    shown = samples[:_GRID_CELLS]
    digest = engine.bundle.digest
    paragraphs = (
        f"{n_captions} held-out captions, judged after {seconds:g} s of video; checkpoint {digest[:16]}.",
        report.scores_table(columns),
        "Codec PSNR: " + ", ".join(f"{name} {value:.1f} dB" for name, value in psnr_db.items()) + ".",
        report.captions_table(shown, _GRID_COLUMNS),
    )
    numbers = {"digest": digest, "scores": report.scores_json(columns), "codec_psnr_db": psnr_db}
    text = "\n\n".join(paragraphs)
    _write_report(out, text, numbers, shown)
    return text


def _write_report(out: Path, text: str, numbers: Mapping[str, object], shown: list[evaluate.Sample]) -> None:
    out.mkdir(parents=True, exist_ok=True)
    (out / "eval.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    (out / "eval.md").write_text(text + "\n", encoding="utf-8")
    report.write_png(report.grid([sample.frames[-1] for sample in shown], _GRID_COLUMNS), out / "grid.png")
