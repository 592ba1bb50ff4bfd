"""Sky, sun or moon, stars and clouds; and the mood: the light of every frame, which all layers share."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lingen_live.world import palette
from lingen_live.world.attributes import TIMES, WEATHERS
from lingen_live.world.canvas import Canvas
from lingen_live.world.noise import hash_unit, noise_2d, splat
from lingen_live.world.track import Scenes

_N_STARS = 36
_NIGHT = TIMES.index("night")
_RAIN = WEATHERS.index("rain")


@dataclass(frozen=True, slots=True)
class Mood:
    """Light of every frame; colours are (N, 3, 1, 1), scalars (N, 1, 1, 1)."""

    top: Tensor
    low: Tensor
    light: Tensor
    haze: Tensor
    sun_colour: Tensor
    sun_x: Tensor
    sun_y: Tensor
    glow: Tensor
    grey: Tensor
    cover: Tensor
    night: Tensor


def _mix(weights: Tensor, table: tuple[tuple[float, ...], ...]) -> Tensor:
    """Weighted mean of table rows: (N, n) x (n, c) -> (N, c, 1, 1)."""
    return (weights @ torch.tensor(table, device=weights.device))[..., None, None]


def mood_of(scenes: Scenes) -> Mood:
    """Blend the palettes by the weights of time and weather."""
    grey = _mix(scenes.weather, palette.GREYNESS)
    position = _mix(scenes.time, palette.SUN_POSITION)
    light = _mix(scenes.time, palette.LIGHT)
    top, low = _mix(scenes.time, palette.SKY_TOP), _mix(scenes.time, palette.SKY_LOW)
    overcast = 0.25 * (top + low) / 2 + 0.48 * light
    light = light * (1 - 0.30 * grey)
    top, low = torch.lerp(top, overcast * 0.86, grey), torch.lerp(low, overcast * 1.08, grey)
    return Mood(
        top=top,
        low=low,
        light=light,
        haze=0.62 * low + 0.30 * light,
        sun_colour=_mix(scenes.time, palette.SUN_COLOUR),
        sun_x=position[:, :1],
        sun_y=position[:, 1:],
        glow=_mix(scenes.time, palette.GLOW) * (1 - grey),
        grey=grey,
        cover=_mix(scenes.weather, palette.CLOUD_COVER),
        night=scenes.time[:, _NIGHT].view(-1, 1, 1, 1),
    )


def paint_sky(canvas: Canvas, scenes: Scenes, mood: Mood) -> None:
    """Fill the whole canvas: gradient, stars, disc with glow, clouds."""
    y = canvas.y.view(1, 1, -1, 1)
    canvas.pixels.copy_(torch.lerp(mood.top, mood.low, (y / 0.62).clamp(0, 1) ** 0.8).expand_as(canvas.pixels))
    rows = canvas.rows(0.0, 0.66)
    if bool((mood.night > 0).any()):
        canvas.pixels[:, :, rows] += _stars(canvas, scenes, rows) * (mood.night * (1 - mood.grey) * 0.9)
    _paint_disc(canvas, mood, rows)
    _paint_clouds(canvas, scenes, mood, canvas.rows(0.0, 0.60))


def _stars(canvas: Canvas, scenes: Scenes, rows: slice) -> Tensor:
    """(N, 1, R, W) brightness; stars stand still while the land scrolls, and twinkle."""
    k = torch.arange(_N_STARS, device=canvas.x.device).unsqueeze(0)
    seed = scenes.seed.unsqueeze(1)
    x, y = hash_unit(k, seed, k * 0 + 1) * canvas.aspect, hash_unit(k, seed, k * 0 + 2) * 0.58
    size = hash_unit(k, seed, k * 0 + 3)
    twinkle = 0.75 + 0.25 * torch.sin(scenes.time_s.unsqueeze(1) * 2 + 40 * size)
    radius = 0.006 + 0.005 * size
    return splat(x, y, twinkle * (0.5 + 0.5 * size), radius, radius, canvas.x, canvas.y[:, rows])


def _paint_disc(canvas: Canvas, mood: Mood, rows: slice) -> None:
    dx = canvas.grid_x() - mood.sun_x * canvas.aspect
    dy = canvas.grid_y(rows) - mood.sun_y
    distance = torch.sqrt(dx * dx + dy * dy)
    canvas.pixels[:, :, rows] += mood.sun_colour * (torch.exp(distance * -5.5) * mood.glow)
    canvas.paint(rows, mood.sun_colour, canvas.inside(distance - 0.078) * (1 - 0.92 * mood.grey))


def _paint_clouds(canvas: Canvas, scenes: Scenes, mood: Mood, rows: slice) -> None:
    drift = (scenes.camera * 0.08 + scenes.time_s * 0.02).unsqueeze(1)
    x, y = canvas.x + drift, canvas.y[:, rows].expand(len(scenes), -1)
    density = 0.62 * noise_2d(x * 2.6, y * 6.5, scenes.seed, 1) + 0.38 * noise_2d(x * 6.5, y * 15, scenes.seed, 2)
    fade = ((0.60 - canvas.grid_y(rows)) / 0.22).clamp(0, 1)
    cover = ((density - 0.80 + 0.62 * mood.cover) * 3.2).clamp(0, 1) * fade
    rain = scenes.weather[:, _RAIN].view(-1, 1, 1, 1)
    tone = mood.light * (0.98 - 0.22 * mood.grey - 0.22 * rain) + 0.06 * mood.low
    shade = (density * 0.5 + 0.62).clamp(0, 1)
    canvas.paint(rows, tone * shade, cover * 0.9)
