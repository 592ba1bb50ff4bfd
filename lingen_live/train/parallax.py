"""Teach the codec's parallax head how fast each place moves, from renders whose camera is nudged.

Two renders of one moment, the camera a fraction of a pixel apart, differ by what the camera moves and nothing else:
waves, birds and clouds that drift by themselves stand still in them. Where a picture has edges, the ratio of that
difference to its slope is the parallax. Rain and snow are left out of the truth, not out of the latents. Knows the
world's cameras; videos of another origin would need a flow estimator in its place.
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
from lingen_live.codec.travel import CELLS, ParallaxHead
from lingen_live.train.clips import draw_groups
from lingen_live.train.codec import save_weights
from lingen_live.train.config import Recipe
from lingen_live.train.loop import Trainer
from lingen_live.train.parallel import current_ranks
from lingen_live.train.precision import autocast
from lingen_live.world.attributes import WEATHERS
from lingen_live.world.render import render
from lingen_live.world.track import Scenes

_SCENES_A_TIME = 16
_NUDGE_PX, _AROUND_PX = 0.5, 5
_FAINT = 2e-5
"""Mean square of a picture's slope, a pixel, that is no evidence of anything."""


def train_parallax(recipe: Recipe, codec: VideoCodec, folder: Path, device: str) -> None:
    """Train the codec's parallax head, or resume; `codec.safetensors` in the folder gets the better head.

    Args:
        recipe: shapes and schedule.
        codec: trained, on the device; its encoder stays.
        folder: of the run.
        device: cpu or cuda.
    """
    torch.manual_seed(0)
    shapes, section = recipe.bundle.codec, recipe.parallax
    head = ParallaxHead(shapes.picture_channels, shapes.parallax_width).to(device)

    @functools.cache
    def views() -> Views:
        return collect_views(recipe, codec, section.n_scenes, device)

    def loss(generator: torch.Generator) -> tuple[Tensor, dict[str, float]]:
        rows = torch.randint(len(views().truth), (section.batch,), generator=generator)
        pictures, truth, weight = (part[rows].to(device) for part in (views().pictures, views().truth, views().weight))
        seen = head(pictures + torch.randn_like(pictures) * section.latent_noise)
        error = (weight * (seen - truth).abs()).sum() / weight.sum()
        still = (weight * truth.abs()).sum() / weight.sum()
        return error, {"error": error.item(), "standing_still": still.item()}

    trainer = Trainer(head, loss, section, folder / "parallax")
    if trainer.is_finished:
        return  # the decoder may have tuned it since, which another export would undo

    def export() -> None:
        trained = copy.deepcopy(codec)
        trained.parallax.load_state_dict(trainer.ema)
        save_weights(trained, folder / "codec.safetensors")

    trainer.run(export)


@dataclass(frozen=True, slots=True)
class Views:
    """Latent frames and how fast their places move, on the CPU.

    Attributes:
        pictures: (N, C - 1, h, w) normalised latents without their travel.
        truth: (N, 8 h, 8 w) as `parallax_truth` gives it.
        weight: (N, 8 h, 8 w) the same.
    """

    pictures: Tensor
    truth: Tensor
    weight: Tensor


@torch.no_grad()
def collect_views(recipe: Recipe, codec: VideoCodec, n_scenes: int, device: str) -> Views:
    """A view of each of `n_scenes` scenes, some in mid-change."""
    video, shapes = recipe.bundle.video, recipe.bundle.codec
    height_px, width_px = video.height_px // shapes.encoder_mean_px, video.width_px // shapes.encoder_mean_px
    rng, parts, per = Random(11), [], shapes.frames_per_latent
    for first in tqdm(range(0, n_scenes, _SCENES_A_TIME), desc="views", disable=not current_ranks().is_first):
        n = min(_SCENES_A_TIME, n_scenes - first)
        scenes = draw_groups(rng, n, per, video.fps).to(device)
        frames = render(scenes, height_px, width_px).unflatten(0, (n, per))
        with autocast(device):
            pictures = codec.encode_small(frames, frames.new_zeros(n, 1))[:, 0, :-1].float()
        moment = scenes.select(torch.arange(n, device=device) * per + per // 2)
        rows = pictures.shape[-2] * CELLS, pictures.shape[-1] * CELLS
        parts.append((pictures.cpu(), *(part.cpu() for part in parallax_truth(moment, height_px, width_px, rows))))
    return Views(*(torch.cat(column) for column in zip(*parts, strict=True)))


@torch.no_grad()
def parallax_truth(scenes: Scenes, height_px: int, width_px: int, rows: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """How fast every place of N scenes moves as the camera travels, in units of the nearest ground.

    Args:
        scenes: N moments.
        height_px: of the renders that are compared.
        width_px: of the renders that are compared.
        rows: height and width of the answer.

    Returns:
        (N, *rows) parallax in [0, 1]; and how sure it is, in [0, 1).
    """
    clear = torch.zeros_like(scenes.weather)
    clear[:, WEATHERS.index("clear")] = 1
    nudge = _NUDGE_PX / height_px
    behind, ahead = (
        render(replace(scenes, camera=scenes.camera + side * nudge / 2, weather=clear), height_px, width_px)
        for side in (-1, 1)
    )
    middle = functional.pad((behind + ahead) / 2, (1, 1, 0, 0), mode="replicate")
    slope = (middle[..., 2:] - middle[..., :-2]) / 2  # a pixel; a camera that goes right sees what was further right
    # Such a slope is the mean over two pixels, which fine texture has less of; so the difference is averaged alike.
    moved = functional.pad((ahead - behind) / _NUDGE_PX, (1, 1, 0, 0), mode="replicate")
    moved = (moved[..., :-2] + 2 * moved[..., 1:-1] + moved[..., 2:]) / 4
    product, square = (
        functional.avg_pool2d(part.mean(1, keepdim=True), _AROUND_PX, 1, _AROUND_PX // 2, count_include_pad=False)
        for part in (moved * slope, slope.square())
    )
    product, square = (functional.interpolate(part, rows, mode="area")[:, 0] for part in (product, square))
    return (product / square.clamp(min=1e-9)).clamp(0, 1), square / (square + _FAINT)
