"""A batch of pictures painted back to front, addressed by rows so that layers touch only what they cover.

Coordinates: x and y in screen heights, origin top left. Knows nothing of what is painted.
"""

from __future__ import annotations

import torch
from torch import Tensor


class Canvas:
    """N pictures of H x W.

    Attributes:
        pixels: (N, 3, H, W) float32, RGB.
        x: (1, W) pixel centres in screen heights.
        y: (1, H) pixel centres in screen heights.
        aspect: W / H.
        soft: width of an antialiased edge, screen heights.
    """

    def __init__(self, pixels: Tensor) -> None:
        height_px, width_px = pixels.shape[2:]
        device = pixels.device
        self.pixels = pixels
        self.y = ((torch.arange(height_px, device=device) + 0.5) / height_px).unsqueeze(0)
        self.x = ((torch.arange(width_px, device=device) + 0.5) / height_px).unsqueeze(0)
        self.aspect = width_px / height_px
        self.soft = 1.6 / height_px

    def rows(self, top: float, bottom: float) -> slice:
        """Rows between two heights in [0, 1], a little generously."""
        height_px = self.y.shape[1]
        return slice(max(0, int(top * height_px) - 1), min(height_px, int(bottom * height_px) + 2))

    def grid_y(self, rows: slice) -> Tensor:
        """(1, 1, R, 1) heights of the rows."""
        return self.y[:, rows].view(1, 1, -1, 1)

    def grid_x(self) -> Tensor:
        """(1, 1, 1, W) columns."""
        return self.x.view(1, 1, 1, -1)

    def inside(self, distance: Tensor) -> Tensor:
        """Coverage in [0, 1] of a shape given by signed distance (negative inside)."""
        return (0.5 - distance / self.soft).clamp_(0, 1)

    def paint(self, rows: slice, colour: Tensor, coverage: Tensor) -> None:
        """Lay a colour over the rows.

        Args:
            rows: from `rows`.
            colour: broadcastable to (N, 3, R, W).
            coverage: broadcastable to (N, 1, R, W), in [0, 1].
        """
        region = self.pixels[:, :, rows]
        region.lerp_(colour.expand_as(region), coverage.expand(-1, 1, -1, -1))
