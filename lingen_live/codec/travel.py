"""How far the camera travels, told by a latent channel; how much of it each place follows, seen by a head.

Where one latent position holds 32 x 32 pixels, motion inside of a group of frames is too small a part of the error
for convolutions to learn: they paint pictures that stand still for four frames and then jump, and a flow read off two
latent frames tells left from right badly (docs/lab-notes.md). Said in so many words it is one number a latent frame,
and parallax can be seen in a still picture. Knows nothing of the decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_N_BLOCKS = 2
CELLS = 8
"""Parallaxes a side of a latent position."""
_FASTEST, _STEP = 0.4, 0.01
"""Of the speeds that are tried where nobody says how far the camera travels: picture heights in 16 frames."""
_FLAT = 1e-6


class ParallaxHead(nn.Module):
    """A latent frame to how fast each place moves, in units of the nearest ground; nothing moves at first."""

    def __init__(self, picture_channels: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Conv2d(picture_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.exit = nn.Conv2d(width, CELLS**2, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)

    def forward(self, pictures: Tensor) -> Tensor:
        """(N, C, h, w) normalised latents without their travel to parallaxes (N, 8 h, 8 w)."""
        x = self.entry(pictures)
        for block in self.blocks:
            x = x + block(functional.silu(x))
        return functional.pixel_shuffle(self.exit(functional.silu(x)), CELLS)[:, 0]


def shifted(frames: Tensor, flow: Tensor, first: float) -> tuple[Tensor, Tensor]:
    """Frames shifted as things move.

    Args:
        frames: (N, F, 3, H, W).
        flow: (N, h, w), to the right, in picture heights a frame.
        first: how many frames of flow the first one is shifted by; each one after it by one more.

    Returns:
        (N, F, 3, H, W), sampled bilinearly; and (N, F, 1, H, W) bool, where the picture was seen: what comes in from
        outside repeats the border.
    """
    height_px, width_px = frames.shape[-2:]
    flow = functional.interpolate(
        flow.unsqueeze(1).float(), (height_px, width_px), mode="bilinear", align_corners=False
    )
    y, x = (torch.arange(n, device=flow.device).add(0.5).mul(2 / n).sub(1) for n in (height_px, width_px))
    times = (torch.arange(frames.shape[1], device=flow.device) + first).view(1, -1, 1, 1)
    moved = x - flow * times * (2 * height_px / width_px)  # N, F, H, W in half widths, the units of grid_sample
    sources = torch.stack((moved, y[:, None].expand_as(moved)), dim=-1)
    out = functional.grid_sample(
        frames.flatten(0, 1).float(), sources.flatten(0, 1), padding_mode="border", align_corners=False
    )
    return out.unflatten(0, frames.shape[:2]).to(frames.dtype), (moved.abs() <= 1).unsqueeze(2)


@torch.no_grad()
def estimated_travel(groups: Tensor) -> Tensor:
    """How far a camera seems to travel, where nobody knows it.

    The shift from the first half of a group to the second at which its rows correlate best. What has no edges does not
    travel.

    Args:
        groups: (N, F 3, H, W) in [0, 1], F even.

    Returns:
        (N,) how far the picture moves to the right between two frames, in its heights, at most 0.025.
    """
    height_px = groups.shape[-2]
    grey = groups.unflatten(1, (-1, 3)).mean(2)
    rows = grey - grey.mean(-1, keepdim=True)
    lag = rows.shape[1] // 2
    before, after = rows[:, :lag].flatten(1, 2), rows[:, lag:].flatten(1, 2)
    speeds = torch.arange(-_FASTEST, _FASTEST + _STEP / 2, _STEP, device=groups.device) / 16
    scores = torch.stack([shift_correlation(before, after, float(speed) * lag * height_px) for speed in speeds], dim=1)
    has_edges = rows.flatten(1).square().mean(1) > _FLAT
    return torch.where(has_edges, speeds[scores.argmax(1)], 0.0)


def shift_correlation(before: Tensor, after: Tensor, shift_px: float) -> Tensor:
    """Of `after` moved back by a shift with `before`, both (N, R, W), where they overlap: (N,) in [-1, 1]."""
    width_px = before.shape[2]
    x = torch.arange(width_px, device=before.device) + shift_px
    inside = (x >= 0) & (x <= width_px - 1)
    x, floor = x[inside], x[inside].floor().clamp(0, width_px - 2).long()
    moved = torch.lerp(after[..., floor], after[..., floor + 1], x - floor)
    kept = before[..., inside]
    norms = moved.square().sum((1, 2)) * kept.square().sum((1, 2))
    return (moved * kept).sum((1, 2)) / norms.sqrt().clamp(min=1e-12)
