"""The land of every biome: far hills, mid ground, foreground and what stands on it, with parallax.

Each function paints one biome over a canvas that already holds the sky. Heights grow downwards.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from lingen_live.world import palette
from lingen_live.world.attributes import BIOMES
from lingen_live.world.canvas import Canvas
from lingen_live.world.noise import hash_unit, noise_1d, noise_2d
from lingen_live.world.sky import Mood
from lingen_live.world.track import Scenes

_FAR_PARALLAX, _MID_PARALLAX = 0.15, 0.40


def _colour(table: tuple[tuple[float, ...], ...], biome: str, like: Tensor) -> Tensor:
    return torch.tensor(table[BIOMES.index(biome)], device=like.device).view(1, 3, 1, 1)


def _columns(canvas: Canvas, scenes: Scenes, parallax: float) -> Tensor:
    """(N, 1, 1, W) land coordinates under every pixel column."""
    return (canvas.x + scenes.camera.unsqueeze(1) * parallax)[:, None, None]


def _ridge(u: Tensor, scenes: Scenes, base: float, tall: float, fine: float, scale: float, salt: int) -> Tensor:
    """(N, 1, 1, W) height of a rolling skyline."""
    coarse = noise_1d(u * scale, scenes.seed, salt)
    return base - tall * coarse - fine * noise_1d(u * scale * 3.1, scenes.seed, salt + 1)


def _paint_far_hills(canvas: Canvas, scenes: Scenes, mood: Mood, biome: str) -> Tensor:
    """Distant range in the haze; returns its skyline (N, 1, 1, W)."""
    u = _columns(canvas, scenes, _FAR_PARALLAX)
    skyline = _ridge(u, scenes, 0.52, 0.20, 0.05, 2.6, 3)
    rows = canvas.rows(0.25, 0.66)
    colour = torch.lerp(_colour(palette.FAR, biome, canvas.pixels) * mood.light, mood.haze, 0.32)
    canvas.paint(rows, colour, canvas.inside(skyline - canvas.grid_y(rows)))
    return skyline


def _paint_mid_hills(canvas: Canvas, scenes: Scenes, mood: Mood, biome: str) -> None:
    u = _columns(canvas, scenes, _MID_PARALLAX)
    skyline = _ridge(u, scenes, 0.66, 0.10, 0.03, 2.2, 5)
    rows = canvas.rows(0.50, 0.90)
    y = canvas.grid_y(rows)
    colour = torch.lerp(_colour(palette.MID, biome, canvas.pixels) * mood.light, mood.haze, 0.12)
    shade = 1 - 0.9 * (y - skyline).clamp(0, 0.2)
    canvas.paint(rows, colour * shade, canvas.inside(skyline - y))


def _ground_skyline(u: Tensor, scenes: Scenes) -> Tensor:
    return 0.80 - 0.05 * noise_1d(u * 2, scenes.seed, 8)


def _paint_ground(canvas: Canvas, scenes: Scenes, mood: Mood, biome: str) -> None:
    u = _columns(canvas, scenes, 1.0)
    rows = canvas.rows(0.73, 1.0)
    y = canvas.grid_y(rows)
    texture = noise_2d(u[:, 0, 0] * 5, canvas.y[:, rows].expand(len(scenes), -1) * 22, scenes.seed, 15)
    colour = _colour(palette.GROUND, biome, canvas.pixels) * mood.light * (0.86 + 0.20 * texture)
    canvas.paint(rows, colour, canvas.inside(_ground_skyline(u, scenes) - y))


def _props(canvas: Canvas, scenes: Scenes, layer: int, per_height: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Things on the ground, one a cell: offset dx, foot height, size and presence, each (N, 1, 1, W)."""
    u = _columns(canvas, scenes, 1.0)
    cell = torch.floor(u * per_height + layer * 0.5)
    i, seed = cell.to(torch.int64), scenes.seed.view(-1, 1, 1, 1) + 31 * layer
    centre = (cell + 0.5 - layer * 0.5 + 0.3 * (hash_unit(i, seed, i * 0 + 11) - 0.5)) / per_height
    size = 0.75 + 0.5 * hash_unit(i, seed, i * 0 + 13)
    present = (hash_unit(i, seed, i * 0 + 9) > 0.42).float()
    return u - centre, _ground_skyline(centre, scenes) + 0.035, size, present


def _bar(dx: Tensor, up: Tensor, half_width: Tensor | float, bottom: Tensor | float, top: Tensor | float) -> Tensor:
    """Signed distance (roughly) of an upright box."""
    return torch.maximum(dx.abs() - half_width, torch.maximum(bottom - up, up - top))


def _paint_meadow(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    _paint_far_hills(canvas, scenes, mood, "meadow")
    _paint_mid_hills(canvas, scenes, mood, "meadow")
    rows = canvas.rows(0.52, 0.86)
    leaf = _colour(palette.ACCENT, "meadow", canvas.pixels) * mood.light
    bark = torch.tensor((0.36, 0.23, 0.13), device=leaf.device).view(1, 3, 1, 1) * mood.light
    for layer in range(2):
        dx, foot, size, present = _props(canvas, scenes, layer, 2.4)
        up = foot - canvas.grid_y(rows)
        canvas.paint(rows, bark, canvas.inside(_bar(dx, up, 0.012, 0.0, 0.12 * size)) * present)
        crown = torch.sqrt(dx * dx + ((up - 0.155 * size) * 0.92) ** 2) - 0.068 * size
        canvas.paint(rows, leaf * (1 + 2.2 * (up - 0.155 * size)), canvas.inside(crown) * present)
    _paint_ground(canvas, scenes, mood, "meadow")


def _paint_desert(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    _paint_far_hills(canvas, scenes, mood, "desert")
    _paint_mid_hills(canvas, scenes, mood, "desert")
    rows = canvas.rows(0.56, 0.86)
    green = _colour(palette.ACCENT, "desert", canvas.pixels) * mood.light
    dx, foot, size, present = _props(canvas, scenes, 0, 2.0)
    up = foot - canvas.grid_y(rows)
    body = _bar(dx, up, 0.020, 0.0, 0.19 * size)
    right = torch.minimum(
        _bar(dx - 0.052, up, 0.013, 0.085 * size, 0.15 * size),
        _bar(dx - 0.03, up, 0.035, 0.075 * size, 0.10 * size),
    )
    left = torch.minimum(
        _bar(dx + 0.050, up, 0.013, 0.055 * size, 0.12 * size),
        _bar(dx + 0.03, up, 0.033, 0.045 * size, 0.07 * size),
    )
    canvas.paint(rows, green, canvas.inside(torch.minimum(body, torch.minimum(left, right))) * present)
    _paint_ground(canvas, scenes, mood, "desert")


def _paint_snow(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    skyline = _paint_far_hills(canvas, scenes, mood, "snow")
    rows = canvas.rows(0.25, 0.60)
    y = canvas.grid_y(rows)
    u = _columns(canvas, scenes, _FAR_PARALLAX)
    edge = skyline + 0.055 + 0.03 * noise_1d(u * 22, scenes.seed, 6)
    canvas.paint(rows, mood.light * 0.97, canvas.inside(skyline - y) * canvas.inside(y - edge))
    _paint_mid_hills(canvas, scenes, mood, "snow")
    rows = canvas.rows(0.50, 0.86)
    green = _colour(palette.ACCENT, "snow", canvas.pixels) * mood.light
    for layer in range(2):
        dx, foot, size, present = _props(canvas, scenes, layer, 2.4)
        up = foot - canvas.grid_y(rows)
        height = 0.26 * size
        cone = _bar(dx, up, (1 - up / height) * 0.075 * size, 0.03, height)
        canvas.paint(rows, green, canvas.inside(cone) * present)
        cap = _bar(dx, up, (1 - up / height) * 0.070 * size, height * 0.68, height)
        canvas.paint(rows, mood.light * 0.96, canvas.inside(cap) * present)
    _paint_ground(canvas, scenes, mood, "snow")


def _paint_sea(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    _paint_far_hills(canvas, scenes, mood, "sea")
    rows = canvas.rows(0.58, 1.0)
    y = canvas.grid_y(rows)
    depth = ((y - 0.60) / 0.40).clamp(0, 1)
    near, far = _colour(palette.GROUND, "sea", canvas.pixels), _colour(palette.MID, "sea", canvas.pixels)
    water = torch.lerp(torch.lerp(far, near, depth) * mood.light, mood.low * 0.9, 0.30 * (1 - depth))
    drift = scenes.time_s.unsqueeze(1)
    x = (canvas.x + scenes.camera.unsqueeze(1) * 0.8) * 5 + drift * 0.35
    waves = noise_2d(x, canvas.y[:, rows] * 26 + drift * 0.7, scenes.seed, 7)
    crest = ((waves - 0.60) * 4).clamp(0, 1)
    reach = torch.exp(-(((canvas.grid_x() - mood.sun_x * canvas.aspect) / (0.07 + 0.10 * depth)) ** 2))
    glitter = mood.sun_colour * (reach * (0.25 + 0.75 * waves) * (0.55 * (1 - mood.grey)))
    canvas.paint(rows, water + 0.22 * mood.light * crest + glitter, canvas.inside(0.60 - y))


def _towers(
    canvas: Canvas, scenes: Scenes, parallax: float, per_height: float, base: float, tall: float, salt: int
) -> Tensor:
    """(N, 1, 1, W) roof line of a row of blocks."""
    cell = torch.floor(_columns(canvas, scenes, parallax) * per_height).to(torch.int64)
    return base - tall * hash_unit(cell, scenes.seed.view(-1, 1, 1, 1) + salt)


def _paint_city(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    rows = canvas.rows(0.22, 0.90)
    y = canvas.grid_y(rows)
    far = torch.lerp(_colour(palette.FAR, "city", canvas.pixels) * mood.light, mood.haze, 0.40)
    canvas.paint(rows, far, canvas.inside(_towers(canvas, scenes, _FAR_PARALLAX, 9, 0.54, 0.26, 3) - y))
    roof = _towers(canvas, scenes, _MID_PARALLAX, 5, 0.64, 0.30, 5)
    wall = canvas.inside(roof - y)
    canvas.paint(rows, _colour(palette.MID, "city", canvas.pixels) * mood.light, wall)
    dark = scenes.time @ torch.tensor((0.25, 0.0, 0.75, 1.0), device=y.device)
    dark = dark.view(-1, 1, 1, 1)
    lamp = torch.lerp(mood.light * 0.62 + mood.haze * 0.2, _colour(palette.ACCENT, "city", canvas.pixels), dark)
    lit = _windows(canvas, scenes, rows, 0.30 + 0.30 * dark) * wall
    canvas.paint(rows, lamp, lit * canvas.inside(roof + 0.03 - y))
    _paint_road(canvas, scenes, mood)


def _windows(canvas: Canvas, scenes: Scenes, rows: slice, share: Tensor) -> Tensor:
    """(N, 1, R, W) coverage of lit windows: a lattice of soft boxes, `share` (N, 1, 1, 1) of them lit."""
    u = _columns(canvas, scenes, _MID_PARALLAX)[:, 0, 0] * 20
    v = canvas.y[:, rows] * 20
    i, j = torch.floor(u).to(torch.int64), torch.floor(v).to(torch.int64)
    key = scenes.seed.view(-1, 1, 1) + 17
    lit = (hash_unit(i.unsqueeze(1), j.unsqueeze(2), key) < share[:, 0]).float()
    box_x = ((0.34 - (u - i - 0.5).abs()) * 6).clamp(0, 1)
    box_y = ((0.34 - (v - j - 0.5).abs()) * 6).clamp(0, 1)
    return (lit * box_x.unsqueeze(1) * box_y.unsqueeze(2)).unsqueeze(1)


def _paint_road(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    rows = canvas.rows(0.82, 1.0)
    y = canvas.grid_y(rows)
    canvas.paint(rows, _colour(palette.GROUND, "city", canvas.pixels) * mood.light, canvas.inside(0.84 - y))
    canvas.paint(rows, mood.light * 0.52, canvas.inside((y - 0.85).abs() - 0.010))
    u = _columns(canvas, scenes, 1.0) * 3
    dash = ((0.30 - (u - torch.floor(u) - 0.5).abs()) * 30).clamp(0, 1)
    canvas.paint(rows, mood.light * 0.92, canvas.inside((y - 0.93).abs() - 0.012) * dash)


PAINTERS: dict[str, Callable[[Canvas, Scenes, Mood], None]] = {
    "meadow": _paint_meadow,
    "desert": _paint_desert,
    "snow": _paint_snow,
    "sea": _paint_sea,
    "city": _paint_city,
}
