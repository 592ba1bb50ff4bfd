"""What falls and what hides: rain, snowflakes, fog. Coarse and unhurried, so that a codec can keep it."""

from __future__ import annotations

import torch
from torch import Tensor

from lingen_live.world.attributes import WEATHERS
from lingen_live.world.canvas import Canvas
from lingen_live.world.noise import hash_unit, noise_2d, splat
from lingen_live.world.sky import Mood
from lingen_live.world.track import Scenes

_RAIN, _SNOWFALL, _FOG = (WEATHERS.index(word) for word in ("rain", "snowfall", "fog"))
_N_STREAKS, _BEADS = 46, 4
_N_FLAKES = 56


def _falling(
    scenes: Scenes, aspect: float, n: int, speed: float, parallax: float, salt: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Columns, rows and a random number of n things that fall for ever: each (N, n).

    Both axes wrap a little outside of the picture, so nothing pops at an edge.
    """
    k = torch.arange(n, device=scenes.seed.device).unsqueeze(0)
    seed = scenes.seed.unsqueeze(1)
    depth = hash_unit(k, seed, k * 0 + salt)
    x0, y0 = hash_unit(k, seed, k * 0 + salt + 1), hash_unit(k, seed, k * 0 + salt + 2)
    y = torch.frac(y0 + scenes.time_s.unsqueeze(1) * speed * (0.75 + 0.5 * depth)) * 1.3 - 0.15
    x = torch.remainder(x0 * (aspect + 0.3) - scenes.camera.unsqueeze(1) * parallax, aspect + 0.3) - 0.15
    return x, y, depth


def paint_rain(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    """Slanted streaks, each a string of soft beads."""
    x, y, depth = _falling(scenes, canvas.aspect, _N_STREAKS, 0.9, 0.5, 20)
    bead = torch.arange(_BEADS, device=x.device) - (_BEADS - 1) / 2
    bx = (x.unsqueeze(2) - 0.006 * bead).flatten(1)
    by = (y.unsqueeze(2) + 0.024 * bead).flatten(1)
    amount = (0.5 + 0.5 * depth).unsqueeze(2).expand(-1, -1, _BEADS).flatten(1)
    radius_x, radius_y = (
        torch.tensor(0.0085, device=x.device).expand_as(bx),
        torch.tensor(0.017, device=x.device).expand_as(bx),
    )
    columns = canvas.x.expand(len(scenes), -1)
    streaks = splat(bx, by, amount, radius_x, radius_y, columns, canvas.y).clamp(0, 1)
    tone = 0.30 * mood.light + 0.25 * mood.low + 0.38
    canvas.paint(slice(None), tone, streaks * weight * 0.72)


def paint_snowfall(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    """Large drifting flakes."""
    x, y, depth = _falling(scenes, canvas.aspect, _N_FLAKES, 0.20, 0.6, 30)
    x = x + 0.02 * torch.sin(scenes.time_s.unsqueeze(1) * 1.3 + 30 * depth)
    radius = 0.013 + 0.010 * depth
    amount, columns = torch.full_like(x, 1.25), canvas.x.expand(len(scenes), -1)
    flakes = splat(x, y, amount, radius, radius, columns, canvas.y).clamp(0, 1)
    canvas.paint(slice(None), 0.45 * mood.light + 0.55, flakes * weight * 0.92)


def paint_fog(canvas: Canvas, scenes: Scenes, mood: Mood, weight: Tensor) -> None:
    """A bank that is thick over the land and thins towards the top of the sky."""
    drift = scenes.time_s.unsqueeze(1)
    y = canvas.y.expand(len(scenes), -1)
    swirl = noise_2d(canvas.x * 2.5 + scenes.camera.unsqueeze(1) * 0.3 + drift * 0.12, y * 4, scenes.seed, 60)
    thick = 0.18 + 0.48 * ((canvas.grid_y(slice(None)) - 0.05) / 0.45).clamp(0, 1)
    canvas.paint(slice(None), 0.5 * mood.low + 0.5 * mood.light, thick * (0.72 + 0.28 * swirl) * weight)


PAINTERS = {_RAIN: paint_rain, _SNOWFALL: paint_snowfall, _FOG: paint_fog}
