"""How fast things move inside a group of frames, and frames shifted by it.

Convolutions alone learn to paint pictures that stand still for four frames and then jump: where one latent position
holds 32 x 32 pixels, motion inside of a group is too small a part of the error (docs/lab-notes.md). A flow that is
read off two successive latent frames and applied to the pictures learns it at once. Knows nothing of the decoder.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_SCALE = 2.0
"""What a unit of the last layer stands for: motion is a few hundredths of a picture, and learning rates are not."""
_N_BLOCKS = 2
CELLS = 4
"""Flow vectors a side of a latent position."""


class FlowHead(nn.Module):
    """Two successive latent frames to a flow field; nothing moves at first."""

    def __init__(self, latent_channels: int, width: int) -> None:
        super().__init__()
        self.entry = nn.Conv2d(2 * latent_channels, width, 3, padding=1)
        self.blocks = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(_N_BLOCKS))
        self.exit = nn.Conv2d(width, 2 * CELLS**2, 3, padding=1)
        for parameter in self.exit.parameters():
            nn.init.zeros_(parameter)

    def forward(self, before: Tensor, latents: Tensor) -> Tensor:
        """The flow inside the group of `latents`.

        Args:
            before: (N, C, h, w) normalised, the latent frame before; zeros if there is none.
            latents: (N, C, h, w) normalised.

        Returns:
            (N, 2, 4 h, 4 w), as `shifted` takes it.
        """
        x = self.entry(torch.cat((before, latents), dim=1))
        for block in self.blocks:
            x = x + block(functional.silu(x))
        return functional.pixel_shuffle(self.exit(functional.silu(x)), CELLS) * _SCALE


def shifted(groups: Tensor, flow: Tensor) -> Tensor:
    """The frames of groups shifted as things move, the middle of a group staying where it is.

    Args:
        groups: (N, F 3, H, W).
        flow: (N, 2, h, w), to the right and down, in 1 / h of the picture's height a frame.

    Returns:
        (N, F 3, H, W), sampled bilinearly; what comes in from outside repeats the border.
    """
    height_px, width_px = groups.shape[-2:]
    n_frames, rows = groups.shape[1] // 3, flow.shape[-2]
    flow = functional.interpolate(flow.float(), (height_px, width_px), mode="bilinear", align_corners=False)
    # Half heights and half widths, the units of grid_sample.
    units = flow.new_tensor((2 * height_px / (rows * width_px), 2 / rows))
    flow = flow.permute(0, 2, 3, 1) * units
    y, x = (torch.arange(n, device=flow.device).add(0.5).mul(2 / n).sub(1) for n in (height_px, width_px))
    place = torch.stack((x.expand(height_px, -1), y[:, None].expand(-1, width_px)), dim=-1)
    moments = torch.arange(n_frames, device=flow.device) - (n_frames - 1) / 2
    sources = place - flow.unsqueeze(1) * moments.view(-1, 1, 1, 1)  # N, F, H, W, 2
    frames = groups.unflatten(1, (n_frames, 3)).flatten(0, 1).float()
    moved = functional.grid_sample(frames, sources.flatten(0, 1), padding_mode="border", align_corners=False)
    return moved.unflatten(0, (-1, n_frames)).flatten(1, 2).to(groups.dtype)
