"""Curves as a small SVG: one panel a curve, side by side, each from zero up. Pure; knows no measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH_PX, _HEIGHT_PX = 440, 270
_LEFT_PX, _RIGHT_PX, _TOP_PX, _BOTTOM_PX = 50, 14, 34, 44
_N_TICKS = 4


@dataclass(frozen=True, slots=True)
class Curve:
    """A title, and a value 0 or above for each point."""

    title: str
    values: Sequence[float]


def draw(x_title: str, x: Sequence[float], curves: Sequence[Curve]) -> str:
    """Curves over the same points.

    Args:
        x_title: what `x` is.
        x: rising, 0 or above, at least one.
        curves: a panel each.
    """
    panels = "\n".join(_panel(k * _WIDTH_PX, x_title, x, curve) for k, curve in enumerate(curves))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH_PX * len(curves)}" height="{_HEIGHT_PX}" '
        'font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>\n'
        f"{panels}\n</svg>\n"
    )


def _panel(left_px: int, x_title: str, x: Sequence[float], curve: Curve) -> str:
    x0, x1 = left_px + _LEFT_PX, left_px + _WIDTH_PX - _RIGHT_PX
    y0, y1 = _HEIGHT_PX - _BOTTOM_PX, _TOP_PX
    x_max, y_max = x[-1] or 1.0, 1.1 * max(curve.values) or 1.0
    lines = [f'<text x="{x0}" y="18" font-size="13">{escape(curve.title)}</text>']
    for k in range(_N_TICKS + 1):
        share = k / _N_TICKS
        at_x, at_y = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        lines += (
            f'<line x1="{x0}" x2="{x1}" y1="{at_y:.1f}" y2="{at_y:.1f}" stroke="#ddd"/>'
            f'<text x="{x0 - 6}" y="{at_y + 4:.1f}" text-anchor="end">{share * y_max:.0f}</text>',
            f'<text x="{at_x:.1f}" y="{y0 + 16}" text-anchor="middle">{share * x_max:.3g}</text>',
        )
    points = " ".join(
        f"{x0 + at / x_max * (x1 - x0):.1f},{y0 + value / y_max * (y1 - y0):.1f}"
        for at, value in zip(x, curve.values, strict=True)
    )
    middle_px = (x0 + x1) // 2
    lines += (
        f'<polyline fill="none" stroke="#2563eb" stroke-width="1.5" points="{points}"/>',
        f'<text x="{middle_px}" y="{y0 + 34}" text-anchor="middle">{escape(x_title)}</text>',
    )
    return "\n".join(lines)
