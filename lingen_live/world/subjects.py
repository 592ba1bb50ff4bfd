"""Balloon, sailboat, birds and saucer: large, simple shapes in the asked colour; each fades by its weight."""

from __future__ import annotations

import torch
from torch import Tensor

from lingen_live.world.attributes import BIOMES
from lingen_live.world.canvas import Canvas
from lingen_live.world.noise import hash_unit
from lingen_live.world.sky import Mood
from lingen_live.world.track import Scenes

_SEA = BIOMES.index("sea")
_N_BIRDS = 3


def _rgb(r: float, g: float, b: float, like: Tensor) -> Tensor:
    return torch.tensor((r, g, b), device=like.device).view(1, 3, 1, 1)


def _subject_colour(scenes: Scenes, mood: Mood) -> Tensor:
    """(N, 3, 1, 1) colour in this light; never so dark that red and purple look alike at night."""
    return scenes.colour[..., None, None] * (0.45 * mood.light + 0.55)


def _sway(scenes: Scenes, salt: int, rate: float, reach: float) -> Tensor:
    """(N, 1, 1, 1) slow motion about zero, phase from the seed."""
    phase = hash_unit(scenes.seed, scenes.seed * 0 + salt) * 6.283
    return (reach * torch.sin(scenes.time_s * rate + phase)).view(-1, 1, 1, 1)


def _paint_balloon(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    colour = _subject_colour(scenes, mood)
    rows = canvas.rows(0.06, 0.74)
    dx = canvas.grid_x() - (0.50 * canvas.aspect + _sway(scenes, 71, 0.5, 0.14))
    dy = canvas.grid_y(rows) - (0.30 + _sway(scenes, 72, 0.8, 0.05))
    body = colour * (0.80 + 0.20 * torch.cos(dx * 52)) * (1.06 - 0.9 * (dx + 0.04).abs())
    taper = torch.sqrt(dx * dx * (1 + 3.2 * dy.clamp(min=0)) + (dy * 0.90) ** 2) - 0.145
    rope = torch.maximum((dx.abs() - 0.030).abs() - 0.005, (dy - 0.185).abs() - 0.035)
    basket = torch.maximum(dx.abs() - 0.040, (dy - 0.235).abs() - 0.028)
    canvas.paint(rows, _rgb(0.24, 0.17, 0.12, dx) * mood.light, canvas.inside(rope) * weight)
    canvas.paint(rows, _rgb(0.50, 0.31, 0.16, dx) * mood.light, canvas.inside(basket) * weight)
    canvas.paint(rows, body, canvas.inside(taper) * weight)


def _paint_sailboat(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    colour = _subject_colour(scenes, mood)
    rows = canvas.rows(0.38, 0.95)
    line = 0.74 + 0.08 * (1 - scenes.biome[:, _SEA].view(-1, 1, 1, 1))
    dx = canvas.grid_x() - (0.50 * canvas.aspect + _sway(scenes, 73, 0.3, 0.10))
    up = line + _sway(scenes, 74, 2.0, 0.008) - canvas.grid_y(rows)
    hull = torch.maximum(dx.abs() - (0.125 + up * 0.9), (up - 0.005).abs() - 0.032)
    mast = torch.maximum((dx + 0.01).abs() - 0.006, (up - 0.17).abs() - 0.15)
    main = torch.maximum(torch.maximum(-dx, up - 0.33 + 2.0 * dx), 0.055 - up)
    jib = torch.maximum(torch.maximum(dx + 0.02, up - 0.28 - 2.1 * dx), 0.055 - up)
    canvas.paint(rows, _rgb(0.95, 0.93, 0.88, dx) * mood.light, canvas.inside(hull) * weight)
    canvas.paint(rows, _rgb(0.35, 0.24, 0.15, dx) * mood.light, canvas.inside(mast) * weight)
    canvas.paint(rows, colour, canvas.inside(main * 0.5) * weight)
    canvas.paint(rows, colour * 0.86, canvas.inside(jib * 0.5) * weight)


def _paint_birds(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    colour = _subject_colour(scenes, mood)
    rows = canvas.rows(0.05, 0.52)
    time_s = scenes.time_s.view(-1, 1, 1, 1)
    for k in range(_N_BIRDS):
        dx = canvas.grid_x() - (0.26 + 0.24 * k) * canvas.aspect - _sway(scenes, 80 + k, 0.4, 0.09)
        dy = canvas.grid_y(rows) - (0.22 + 0.09 * (k % 2)) - _sway(scenes, 90 + k, 0.9, 0.03)
        flap = 0.30 + 0.50 * torch.sin(time_s * 5 + 1.7 * k)
        wing = (dy + flap * (dx.abs() - 0.045)).abs() - (0.026 - 0.14 * dx.abs())
        canvas.paint(rows, colour, canvas.inside(torch.maximum(wing, dx.abs() - 0.105)) * weight)


def _paint_saucer(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    colour = _subject_colour(scenes, mood)
    rows = canvas.rows(0.06, 0.44)
    dx = canvas.grid_x() - (0.50 * canvas.aspect + _sway(scenes, 75, 0.7, 0.20))
    dy = canvas.grid_y(rows) - (0.25 + _sway(scenes, 76, 1.7, 0.04))
    dome = torch.sqrt(dx * dx + (dy + 0.03) ** 2) - 0.075
    disc = torch.sqrt((dx * 0.46) ** 2 + (dy * 1.5) ** 2) - 0.078
    lamps = ((torch.sin(dx * 62 + scenes.time_s.view(-1, 1, 1, 1) * 4) - 0.45) * 4).clamp(0, 1)
    canvas.paint(rows, _rgb(0.72, 0.92, 0.97, dx) * (0.4 * mood.light + 0.6), canvas.inside(dome) * weight * 0.95)
    canvas.paint(rows, colour * (1 - 2.2 * dy.clamp(0, 0.2)), canvas.inside(disc) * weight)
    band = canvas.inside((dy - 0.012).abs() - 0.012) * lamps * canvas.inside(disc + 0.012)
    canvas.paint(rows, _rgb(1.0, 0.97, 0.62, dx), band * weight)


PAINTERS = (None, _paint_balloon, _paint_sailboat, _paint_birds, _paint_saucer)
"""In the order of SUBJECTS; each takes a canvas, scenes, their mood and a weight (N, 1, 1, 1)."""
