"""Scenes to pictures: layers painted back to front in batches; a cross-dissolve where two biomes meet.

`render(evaluate(track, torch.arange(48) / 16), 128, 128)` is three seconds at 16 fps, (48, 3, 128, 128).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lingen_live.world import subjects, terrain, weather
from lingen_live.world.attributes import BIOMES
from lingen_live.world.canvas import Canvas
from lingen_live.world.sky import Mood, mood_of, paint_sky
from lingen_live.world.track import Scenes

Painter = Callable[[Canvas, Scenes, Mood, Tensor], None]

_BATCH = 16
"""Frames painted together: few enough that the working set stays in a core's cache."""


@torch.no_grad()
def render(scenes: Scenes, height_px: int, width_px: int) -> Tensor:
    """Paint every frame.

    Args:
        scenes: N frames, on any device.
        height_px: height of the pictures, any.
        width_px: width of the pictures, any.

    Returns:
        (N, 3, H, W) float32 in [0, 1], RGB, on the scenes' device.
    """
    out = torch.empty(len(scenes), 3, height_px, width_px, device=scenes.seed.device)
    batch = _BATCH if scenes.seed.device.type == "cpu" else 512
    order = torch.argsort(scenes.biome.argmax(1), stable=True)  # frames of one biome share a batch
    for first in range(0, len(scenes), batch):
        index = order[first : first + batch]
        out[index] = _paint(scenes.select(index), height_px, width_px)
    return out


def _paint(scenes: Scenes, height_px: int, width_px: int) -> Tensor:
    canvas = Canvas(torch.empty(len(scenes), 3, height_px, width_px, device=scenes.seed.device))
    paint_sky(canvas, scenes, mood_of(scenes))
    canvas = Canvas(_dissolve_lands(canvas.pixels, scenes))
    for index, subject_painter in enumerate(subjects.PAINTERS):
        if subject_painter is not None:
            _repaint(canvas, scenes, scenes.subject[:, index], subject_painter)
    for index, weather_painter in weather.PAINTERS.items():
        _repaint(canvas, scenes, scenes.weather[:, index], weather_painter)
    return canvas.pixels.clamp_(0, 1)


def _dissolve_lands(sky: Tensor, scenes: Scenes) -> Tensor:
    """Every present biome over the same sky, then the mean by weight."""
    land = torch.zeros_like(sky)
    for index, biome in enumerate(BIOMES):
        weight = scenes.biome[:, index]
        rows = weight.nonzero()[:, 0]
        if len(rows):
            canvas, chosen = Canvas(sky[rows]), scenes.select(rows)
            terrain.PAINTERS[biome](canvas, chosen, mood_of(chosen))
            land.index_add_(0, rows, canvas.pixels * weight[rows].view(-1, 1, 1, 1))
    return land


def _repaint(canvas: Canvas, scenes: Scenes, weight: Tensor, painter: Painter) -> None:
    """Run a painter at `weight` (N,) on just the frames where that is not zero."""
    rows = weight.nonzero()[:, 0]
    if len(rows):
        part, chosen = Canvas(canvas.pixels[rows]), scenes.select(rows)
        painter(part, chosen, mood_of(chosen), weight[rows].view(-1, 1, 1, 1))
        canvas.pixels[rows] = part.pixels
