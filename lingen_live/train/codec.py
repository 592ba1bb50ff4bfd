"""Train the video autoencoder on frames rendered as they are needed."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.errors import CheckpointError
from lingen_live.train.clips import draw_groups
from lingen_live.train.config import CodecTraining, Recipe
from lingen_live.train.loop import Trainer
from lingen_live.train.precision import autocast
from lingen_live.world.render import render
from lingen_live.world.track import Scenes

_STATISTICS_GROUPS = 512
_RUN_LATENTS = 3
"""Latent frames that the decoder is trained on in a row: one that nothing precedes, two that join what precedes."""


@dataclass(frozen=True, slots=True)
class Groups:
    """What the codec codes as one latent frame each.

    Attributes:
        frames: (N, 4 * 3, H, W) in [0, 1].
        travel: (N,) how far the nearest ground moves to the right between two frames, in picture heights.
    """

    frames: Tensor
    travel: Tensor


def travel_of(scenes: Scenes, per: int) -> Tensor:
    """The travel of successive groups of `per` frames: (N / per,), the mean of its frames."""
    camera = scenes.camera.unflatten(0, (-1, per))
    return (camera[:, 0] - camera[:, -1]) / (per - 1)


def random_groups(recipe: Recipe, rng: Random, n_scenes: int, device: str, run: int = 1) -> Groups:
    """Groups of random scenes, `run` in a row a scene: n_scenes run of them."""
    video, per = recipe.bundle.video, recipe.bundle.codec.frames_per_latent
    scenes = draw_groups(rng, n_scenes, run * per, video.fps).to(device)
    frames = render(scenes, video.height_px, video.width_px).unflatten(0, (-1, per)).flatten(1, 2)
    return Groups(frames.contiguous(memory_format=torch.channels_last), travel_of(scenes, per))


def picture_loss(error: Tensor, section: CodecTraining, run: int = 1) -> Tensor:
    """L1 of the error of groups of frames, (N, 4 * 3, H, W), of its edges and of its changes.

    Differences along both axes make blurred edges cost twice. Differences in time, also from the last frame of a
    group to the first of the next in its run, make a picture cost that stands still where it should move, or jumps.
    """
    edges = error.diff(dim=-1).abs().mean() + error.diff(dim=-2).abs().mean()
    frames = error.unflatten(1, (-1, 3)).unflatten(0, (-1, run)).flatten(1, 2)
    motion = frames.diff(dim=1).abs().mean()
    return error.abs().mean() + section.edge_weight * edges + section.motion_weight * motion


def psnr_db(error: Tensor) -> float:
    """Peak signal to noise ratio of an error in units of a peak of 1, dB."""
    return -10 * math.log10(error.detach().float().square().mean().item())


def reconstruction_loss(codec: VideoCodec, groups: Groups, section: CodecTraining) -> tuple[Tensor, float]:
    """The loss of a reconstruction through a noisy bottleneck, and its PSNR in dB."""
    raw = codec.encode_raw(groups.frames)
    deviation = raw.detach().std(dim=(0, 2, 3), keepdim=True)
    noisy = raw + torch.randn_like(raw) * deviation * section.latent_noise
    frames = codec.decode_raw(codec.with_travel(noisy, groups.travel).unsqueeze(1))
    error = frames.flatten(1, 3) * 0.5 + 0.5 - groups.frames
    return picture_loss(error, section) + 1e-4 * raw.square().mean(), psnr_db(error)


def train_codec(recipe: Recipe, folder: Path, device: str, init: Path | None = None) -> None:
    """Train or resume; leaves `codec.safetensors` (EMA weights and latent statistics) in the folder.

    Args:
        recipe: shapes and schedule.
        folder: of the run.
        device: cpu or cuda.
        init: weights to begin from; tensors whose name or shape differ stay random.
    """
    torch.manual_seed(0)
    codec = VideoCodec(recipe.bundle.codec)
    if init is not None:
        fill_matching(codec, read_weights(init))
    codec = codec.to(device).to_channels_last()
    section = recipe.codec

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rng = Random(int(torch.randint(1 << 62, (), generator=generator)))
        groups = random_groups(recipe, rng, section.batch, device)
        with autocast(device):
            value, psnr = reconstruction_loss(codec, groups, section)
        return value, {"psnr_db": psnr}

    trainer = Trainer(codec, loss, section, folder / "codec")
    if trainer.is_finished and (folder / "codec.safetensors").exists():
        return  # its decoder may have been trained on since, which another export would undo

    def export() -> None:
        trained = VideoCodec(recipe.bundle.codec).to(device).to_channels_last()
        trained.load_state_dict(trainer.ema)
        measure_statistics(recipe, trained, device)
        save_weights(trained, folder / "codec.safetensors")

    trainer.run(export)


def train_decoder(recipe: Recipe, folder: Path, device: str) -> None:
    """Sharpen the codec, or resume, on runs of latent frames; `codec.safetensors` gets the better weights.

    The statistics stay, and the encoder all but stays: with a `latent_pull` it learns too, but leaving the latents that
    it made before costs, so that a denoiser trained on those stays valid and both can be trained at the same time.
    """
    codec = VideoCodec(recipe.bundle.codec)
    codec.load_state_dict(load_file(folder / "codec.safetensors"))
    codec, section = codec.to(device).to_channels_last(), recipe.decoder
    before = copy.deepcopy(codec.encoder)
    learning = _learning_part(codec, section)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rng = Random(int(torch.randint(1 << 62, (), generator=generator)))
        groups = random_groups(recipe, rng, section.batch, device, _RUN_LATENTS)
        with autocast(device):
            return sharpening_loss(codec, before, groups, section)

    trainer = Trainer(learning, loss, section, folder / "decoder")

    def export() -> None:
        trained = copy.deepcopy(codec)
        _learning_part(trained, section).load_state_dict(trainer.ema)
        save_weights(trained, folder / "codec.safetensors")

    trainer.run(export)


def _learning_part(codec: VideoCodec, section: CodecTraining) -> nn.ModuleList:
    parts = [codec.decoder, codec.parallax]
    return nn.ModuleList([*parts, codec.encoder] if section.latent_pull else parts)


def sharpening_loss(
    codec: VideoCodec, before: nn.Module, groups: Groups, section: CodecTraining
) -> tuple[Tensor, dict[str, float]]:
    """The loss of groups decoded in runs of `_RUN_LATENTS`, with a price on latents that move; numbers for the log.

    Args:
        codec: with its statistics.
        before: the encoder as it was, which the latents are pulled back to.
        groups: run by run.
        section: weights of the parts.
    """
    small = functional.avg_pool2d(groups.frames, codec.config.encoder_mean_px) * 2 - 1
    raw, (mean, std) = codec.encoder(small), (part.view(1, -1, 1, 1) for part in (codec.latent_mean, codec.latent_std))
    with torch.no_grad():
        held = before(small)
    pull = ((raw - held) / std[:, :-1]).float().square().mean()
    if not section.latent_pull:
        raw = raw.detach()
    pictures = (raw - mean[:, :-1]) / std[:, :-1]
    pictures = pictures + torch.randn_like(pictures) * section.latent_noise
    latents = codec.with_travel(pictures, ((groups.travel - mean[0, -1, 0, 0]) / std[0, -1, 0, 0]).to(pictures.dtype))
    frames = codec.decode_unclamped(latents.unflatten(0, (-1, _RUN_LATENTS)))
    error = frames.flatten(0, 1).flatten(1, 2) * 0.5 + 0.5 - groups.frames
    value = picture_loss(error.float(), section, _RUN_LATENTS) + section.latent_pull * pull
    return value, {"psnr_db": psnr_db(error), "moved": pull.item()}


@torch.no_grad()
def measure_statistics(recipe: Recipe, codec: VideoCodec, device: str) -> None:
    """Set the latent mean and deviation of every channel from fresh scenes."""
    rng = Random(12345)
    parts = []
    for _ in range(_STATISTICS_GROUPS // 32):
        groups = random_groups(recipe, rng, 32, device)
        parts.append(codec.with_travel(codec.encode_raw(groups.frames), groups.travel))
    raw = torch.cat(parts)
    codec.latent_mean.copy_(raw.mean(dim=(0, 2, 3)))
    codec.latent_std.copy_(raw.std(dim=(0, 2, 3)))
    codec.latent_mean[-1] = 0  # left and right are alike, and a camera that stands still stands still exactly


def fill_matching(module: torch.nn.Module, held: Mapping[str, Tensor]) -> None:
    """Take over the tensors that have a namesake of the same shape; the rest stays."""
    own = module.state_dict()
    fitting = {k: v.float() for k, v in held.items() if k in own and own[k].shape == v.shape}
    module.load_state_dict(own | fitting)


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file.

    Raises:
        CheckpointError: it is not one.
    """
    try:
        return load_file(path)
    except SafetensorError as error:
        raise CheckpointError(f"{path} is not a safetensors file: {error}.") from error


def save_weights(module: torch.nn.Module, path: Path) -> None:
    """Write a module's tensors as float32 safetensors, atomically."""
    partial = path.with_suffix(".partial")
    save_file({name: value.float().contiguous().cpu() for name, value in module.state_dict().items()}, partial)
    partial.replace(path)
