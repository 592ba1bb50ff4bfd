"""Teach the codec's flow head what moves between two latent frames, from renders whose camera is known.

Inside a decoder the head gets next to no gradient while pictures are soft, and warped pictures alone teach it to stand
still: a small wrong flow costs more than none (docs/lab-notes.md). So it is told. In dry weather what moves here moves
sideways, by the camera's velocity times a parallax out of a few; which one fits best around a place is seen by trying
them. Knows the world's cameras; videos of another origin would need a flow estimator in its place.
"""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional
from tqdm import tqdm

from lingen_live.codec.autoencoder import VideoCodec
from lingen_live.codec.flow import CELLS, FlowHead, shifted
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.loop import Trainer
from lingen_live.train.parallel import current_ranks
from lingen_live.train.precision import autocast
from lingen_live.world.attributes import Attributes, sample_attributes
from lingen_live.world.render import render
from lingen_live.world.track import Track, camera_velocity, concatenate, evaluate

PARALLAXES = (0.0, 0.08, 0.15, 0.40, 0.80, 1.0)
"""How fast layers of the world move, in units of the nearest ground: what stands still, clouds, hills, sea, ground."""
_RUN_LATENTS, _SCENES_A_TIME = 5, 8
_SIZE_PX, _AROUND_PX = 64, 9
_LATEST_START_S = 120.0
_DRY = ("clear", "cloudy", "fog")
_FAINT = 2e-3
"""Mean absolute error that is no evidence: where all parallaxes fit about as well, the truth weighs little."""


def train_flow(recipe: Recipe, codec: VideoCodec, folder: Path, device: str) -> None:
    """Train the codec's flow head, or resume; `codec.safetensors` in the folder gets the better head.

    Args:
        recipe: shapes and schedule.
        codec: trained, on the device; its encoder stays.
        folder: of the run.
        device: cpu or cuda.
    """
    torch.manual_seed(0)
    shapes, section = recipe.bundle.codec, recipe.flow
    head = FlowHead(shapes.latent_channels, shapes.flow_width).to(device)

    @functools.cache
    def pairs() -> Pairs:
        return collect_pairs(recipe, codec, section.n_scenes, device)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(pairs().truth), (section.batch,), generator=generator)
        latents, truth, weight = (part[rows].to(device) for part in (pairs().latents, pairs().truth, pairs().weight))
        before, current = (latents + torch.randn_like(latents) * section.latent_noise).unbind(1)
        flow = head(before, current)
        error = (weight * (flow[:, 0] - truth).abs()).sum() / weight.sum()
        still = (weight * truth.abs()).sum() / weight.sum()
        return error + flow[:, 1].abs().mean(), {"error": error.item(), "standing_still": still.item()}

    trainer = Trainer(head, loss, section, folder / "flow")
    if trainer.is_finished:
        return  # the decoder may have tuned it since, which another export would undo

    def export() -> None:
        trained = copy.deepcopy(codec)
        trained.flow.load_state_dict(trainer.ema)
        save_weights(trained, folder / "codec.safetensors")

    trainer.run(export)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Successive latent frames and what moves from one to the other, on the CPU.

    Attributes:
        latents: (N, 2, C, h, w) normalised, before and current.
        truth: (N, rows, rows) as `flow_truth` gives it for the current one.
        weight: (N, rows, rows) the same.
    """

    latents: Tensor
    truth: Tensor
    weight: Tensor


def collect_pairs(recipe: Recipe, codec: VideoCodec, n_scenes: int, device: str) -> Pairs:
    """Four pairs of each of `n_scenes` scenes; a batch needs many, for left and right are told apart slowly."""
    rng, parts = Random(11), []
    for first in tqdm(range(0, n_scenes, _SCENES_A_TIME), desc="flow pairs", disable=not current_ranks().is_first):
        n = min(_SCENES_A_TIME, n_scenes - first)
        latents, groups, velocity = random_runs(recipe, codec, rng, n, device)
        truth, weight = flow_truth(groups[:, 1:].flatten(0, 1), velocity, latents.shape[-2] * CELLS)
        pairs = torch.stack((latents[:, :-1], latents[:, 1:]), dim=2).flatten(0, 1)
        parts.append((pairs.cpu(), truth.cpu(), weight.cpu()))
    return Pairs(*(torch.cat(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def random_runs(
    recipe: Recipe, codec: VideoCodec, rng: Random, n_scenes: int, device: str
) -> tuple[Tensor, Tensor, Tensor]:
    """Successive latent frames of random scenes, most with a panning camera, and what they were encoded from, smaller.

    Returns:
        (n_scenes, 5, C, h, w) normalised latents; (n_scenes, 5, 4 * 3, 64, 64) groups of frames in [0, 1]; and
        (n_scenes * 4,) how far the ground moves to the right between two frames, in heights of the picture, for all
        latent frames but the first of each scene.
    """
    video, shapes = recipe.bundle.video, recipe.bundle.codec
    per, mean_px = shapes.frames_per_latent, shapes.encoder_mean_px
    times = torch.arange(_RUN_LATENTS * per, dtype=torch.float64) / video.fps
    attributes = [_dry_scene(rng) for _ in range(n_scenes)]
    tracks = [Track(rng.randrange(1 << 20), scene) for scene in attributes]
    scenes = concatenate([evaluate(track, times + rng.random() * _LATEST_START_S) for track in tracks])
    frames = render(scenes.to(device), video.height_px // mean_px, video.width_px // mean_px)
    with autocast(device):
        latents = codec.encode_small(frames.unflatten(0, (n_scenes, -1))).float()
    small = functional.interpolate(frames, (_SIZE_PX, _SIZE_PX), mode="area")
    velocity = torch.tensor([-camera_velocity(scene) / video.fps for scene in attributes], device=device)
    groups = small.unflatten(0, (n_scenes, _RUN_LATENTS, per)).flatten(2, 3)
    return latents, groups, velocity.repeat_interleave(_RUN_LATENTS - 1)


def _dry_scene(rng: Random) -> Attributes:
    """Nothing falls: only the camera moves things, and mostly it does."""
    scene = replace(sample_attributes(rng), weather=rng.choice(_DRY))
    return scene if rng.random() < 0.2 else replace(scene, pan=rng.choice(("left", "right")))


@torch.no_grad()
def flow_truth(groups: Tensor, velocity: Tensor, rows: int) -> tuple[Tensor, Tensor]:
    """Which of the parallaxes fits best around every place of groups of frames.

    Args:
        groups: (N, F 3, H, H) in [0, 1], F even.
        velocity: (N,) how far the ground moves to the right between two frames, in heights of the picture.
        rows: of the flow field.

    Returns:
        (N, rows, rows) flow to the right, in 1 / rows of the height a frame; and how sure it is, in [0, 1).
    """
    frames = groups.unflatten(1, (-1, 3))
    half = frames.shape[1] // 2
    middle = frames[:, half - 1 : half + 1].mean(1, keepdim=True).expand_as(frames).flatten(1, 2)
    speeds = velocity[:, None] * rows * torch.tensor(PARALLAXES, device=groups.device)  # N, parallaxes
    errors = []
    for speed in speeds.unbind(1):
        flow = torch.stack((speed, torch.zeros_like(speed)), dim=1)[:, :, None, None].expand(-1, -1, rows, rows)
        error = (shifted(middle, flow.contiguous()) - groups).abs().mean(1, keepdim=True)
        around = functional.avg_pool2d(error, _AROUND_PX, stride=1, padding=_AROUND_PX // 2)
        errors.append(functional.interpolate(around, (rows, rows), mode="area")[:, 0])
    fits = torch.stack(errors, dim=1)
    best, worst = fits.amin(1), fits.amax(1)
    chosen = speeds[:, :, None, None].expand_as(fits).gather(1, fits.argmin(1, keepdim=True))[:, 0]
    return chosen, (worst - best) / (worst + _FAINT)
