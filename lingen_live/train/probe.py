"""The attribute probe: a small classifier that says what a chunk of video shows.

Trained on rendered ground truth, a quarter of it passed through the codec with some noise on the latents, so that it
judges the picture and not its softness. It sees three frames of a chunk (first, middle, last) and, in two ways, how the
picture moves. The same network judges the renderer (its ceiling), the codec and the model.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from random import Random

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.config import BundleConfig
from lingen_live.train.codec import fill_matching, read_weights, save_weights, travel_of
from lingen_live.train.config import Recipe
from lingen_live.train.displacement import band_correlations
from lingen_live.train.loop import Trainer
from lingen_live.train.precision import autocast
from lingen_live.world.attributes import VALUES, Attributes
from lingen_live.world.captions import sample_scene
from lingen_live.world.render import render
from lingen_live.world.track import Track, concatenate, evaluate

JUDGED = ("biome", "time", "weather", "subject", "colour", "pan")
_SIZE_PX, _MOTION_PX = 64, 128
_N_VIEWS = 3
_N_BANDS = 16
_NOISE = 0.6
_CODED = 4  # one chunk of so many goes through the codec
MIN_FRAMES = 7
"""Frames of the shortest chunk that can be judged: motion is seen over six."""
_LAGS = ((6, 16), (3, 10))  # frames, and the furthest that anything moves in them, pixels of _MOTION_PX


class AttributeProbe(nn.Module):
    """Frames of a chunk (N, F, 3, H, W) in [0, 1] to logits, one (N, n_values) for every name in `JUDGED`."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3 * _N_VIEWS + 1, 32, 64, 96, 128)
        self.layers = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for width in widths[1:])
        n_shifts = sum(2 * reach_px + 1 for _, reach_px in _LAGS)
        self.shifts = nn.Sequential(nn.Linear(_N_BANDS * n_shifts, 128), nn.SiLU())
        self.hidden = nn.Linear(widths[-1] * (_SIZE_PX // 16) ** 2 + 128, 256)
        self.heads = nn.ModuleDict({name: nn.Linear(256, len(VALUES[name])) for name in JUDGED})

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        """Judge a batch of chunks of any size and any length of `MIN_FRAMES` or more."""
        features = self.features(frames)
        return {name: head(features) for name, head in self.heads.items()}

    def features(self, frames: Tensor) -> Tensor:
        """What the heads read of chunks (N, F, 3, H, W) in [0, 1]: (N, 256)."""
        small = _resized(frames, _SIZE_PX)
        last = frames.shape[1] - 1
        views = small[:, [0, last // 2, last]].flatten(1, 2) * 2 - 1
        x = torch.cat((views, horizontal_motion(small.mean(2))), dim=1)
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = functional.silu(norm(layer(x)))
        grey = _resized(frames.mean(2, keepdim=True), _MOTION_PX)[:, :, 0]
        curves = [band_correlations(grey, n_bands=_N_BANDS, lag=lag, reach_px=reach) for lag, reach in _LAGS]
        return functional.silu(self.hidden(torch.cat((x.flatten(1), self.shifts(torch.cat(curves, 2).flatten(1))), 1)))


def _resized(frames: Tensor, size_px: int) -> Tensor:
    """(N, F, C, H, W) to (N, F, C, size_px, size_px) by means over areas."""
    small = functional.interpolate(frames.flatten(0, 1), (size_px, size_px), mode="area")
    return small.unflatten(0, frames.shape[:2])


def horizontal_motion(grey: Tensor) -> Tensor:
    """How far the picture moves sideways, around every pixel (Lucas and Kanade 1981, one axis).

    Args:
        grey: (N, F, H, W).

    Returns:
        (N, 1, H, W) pixels a frame, positive to the right; near 0 where nothing has an edge.
    """
    middle = (grey[:, 1:] + grey[:, :-1]) / 2
    slope = functional.pad((middle[..., 2:] - middle[..., :-2]) / 2, (1, 1))
    change = grey.diff(dim=1)
    moved = functional.avg_pool2d(-(change * slope).mean(1, keepdim=True), 9, stride=1, padding=4)
    edges = functional.avg_pool2d(slope.square().mean(1, keepdim=True), 9, stride=1, padding=4)
    return (moved / (edges + 1e-4)).clamp(-2, 2)


def chunk_of(
    bundle: BundleConfig, scenes: list[Attributes], rng: Random, device: str, divisor: int = 1
) -> tuple[Tensor, Tensor]:
    """Render one chunk of each scene at a random moment, smaller by the divisor.

    Returns:
        Frames (N, F, 3, H, W) in [0, 1], and their travel as `VideoCodec.encode` takes it.
    """
    n_frames, video = bundle.frames_per_chunk, bundle.video
    times = torch.arange(n_frames, dtype=torch.float64) / video.fps
    parts = [evaluate(Track(rng.randrange(1 << 20), scene), times + rng.random() * 120) for scene in scenes]
    moments = concatenate(parts).to(device)
    frames = render(moments, video.height_px // divisor, video.width_px // divisor)
    travel = travel_of(moments, bundle.codec.frames_per_latent)
    return frames.unflatten(0, (len(scenes), n_frames)), travel.unflatten(0, (len(scenes), -1))


def labels(scenes: list[Attributes]) -> dict[str, Tensor]:
    """Class index of every judged attribute, (N,); -1 where it cannot be seen (the colour of no subject)."""
    table: dict[str, Tensor] = {}
    for name in JUDGED:
        seen = [VALUES[name].index(scene.visible()[name]) if name in scene.visible() else -1 for scene in scenes]
        table[name] = torch.tensor(seen)
    return table


def _blurred(latents: Tensor) -> Tensor:
    """Latents with up to `_NOISE` deviations of noise on what they show, as a stream's are not quite a render's."""
    amount = torch.rand(len(latents), 1, 1, 1, 1, device=latents.device) * _NOISE
    noise = torch.randn_like(latents) * amount
    noise[:, :, -1] = 0
    return latents + noise


def train_probe(recipe: Recipe, codec: VideoCodec, folder: Path, device: str, init: Path | None = None) -> None:
    """Train or resume; leaves `probe.safetensors` in the folder.

    Args:
        recipe: what is trained and how.
        codec: a trained one.
        folder: of the run.
        device: cpu or cuda.
        init: weights of a probe to begin from.

    Raises:
        CheckpointError: `init` is no safetensors file.
    """
    torch.manual_seed(0)
    probe = AttributeProbe().to(device)
    if init is not None:
        fill_matching(probe, read_weights(init))
    section = recipe.probe

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rng = Random(int(torch.randint(1 << 62, (), generator=generator)))
        scenes = [sample_scene(rng, split="train") for _ in range(section.batch)]
        mean_px, n_coded = recipe.bundle.codec.encoder_mean_px, max(1, section.batch // _CODED)
        frames, travel = chunk_of(recipe.bundle, scenes, rng, device, mean_px)
        with torch.no_grad(), autocast(device):
            coded = codec.decode(_blurred(codec.encode_small(frames[:n_coded], travel[:n_coded]))).float()
        coded = functional.avg_pool2d(coded.flatten(0, 1), mean_px).unflatten(0, (n_coded, -1))
        logits, truth = probe(torch.cat((coded, frames[n_coded:]))), labels(scenes)
        losses = {
            name: functional.cross_entropy(logits[name], truth[name].to(device), ignore_index=-1) for name in JUDGED
        }
        numbers = {name: value.item() for name, value in losses.items()}
        return torch.stack(list(losses.values())).sum(), numbers

    trainer = Trainer(probe, loss, section, folder / "probe")

    def export() -> None:
        trained = AttributeProbe()
        trained.load_state_dict(trainer.ema)
        save_weights(trained, folder / "probe.safetensors")

    trainer.run(export)


@torch.no_grad()
def judge(probe: AttributeProbe, frames: Tensor) -> list[dict[str, str]]:
    """What the probe sees in each chunk (N, F, 3, H, W), as words."""
    logits = probe(frames)
    best = {name: values.argmax(1).tolist() for name, values in logits.items()}
    return [{name: VALUES[name][best[name][row]] for name in JUDGED} for row in range(len(frames))]
