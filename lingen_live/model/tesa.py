"""TEmporal Swin Attention: small space-time windows, shifted on alternate layers (LinGen, section 3.3).

A window spans every latent frame of the chunk and the last committed ones, whose keys and values are carried:
that is how frames agree across a chunk edge. Window sizes are not published; these are this project's. A window as
large as the grid is full attention over the chunk and a sliding window of the past.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_kernels import window_attention
from lingen_live.config import ModelConfig


class TemporalSwinAttention(nn.Module):
    """The TE-branch.

    Args:
        config: shapes.
        is_shifted: whether windows are displaced by half a window in height and width.
    """

    def __init__(self, config: ModelConfig, *, is_shifted: bool) -> None:
        super().__init__()
        self.grid = (config.latent_height, config.latent_width)
        self.window = config.tesa_window
        self.n_frames, self.n_past = config.chunk_latent_frames, config.tesa_past_frames
        self.headdim = config.attn_headdim
        self.n_heads = config.width // config.attn_headdim
        self.shift = self.window // 2 if is_shifted and self.window < min(self.grid) else 0
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out_proj = nn.Linear(config.width, config.width, bias=False)
        n_cells = self.window**2
        self.time_bias = nn.Parameter(torch.zeros(self.n_heads, self.n_frames, self.n_frames + self.n_past))
        self.place_bias = nn.Parameter(torch.zeros(self.n_heads, n_cells, n_cells))
        self.register_buffer("region", _regions(*self.grid, self.window, self.shift), persistent=False)
        self.region: Tensor

    def forward(self, tokens: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Attend within windows.

        Args:
            tokens: (B, T h w, D), frame by frame.
            past: (B, past_frames h w, 2 D), carried normalised keys and values.

        Returns:
            (B, T h w, D); the keys and values to carry if this chunk is committed.
        """
        query, key, value = self.qkv(tokens).unflatten(-1, (3, self.n_heads, self.headdim)).unbind(2)
        query, key = self._normalise(query), self._normalise(key)
        past = past.to(key.dtype)
        past_key, past_value = past.unflatten(-1, (2, self.n_heads, self.headdim)).unbind(2)
        out = window_attention(
            *(query, key, value, past_key, past_value),
            *(self.time_bias, self.place_bias, self.region if self.shift else None),
            *(*self.grid, self.window, self.shift),
        )
        return self.out_proj(out.flatten(2)), self._carried(key, value, past)

    def _carried(self, key: Tensor, value: Tensor, past: Tensor) -> Tensor:
        """Keys and values of the last frames: (B, past_frames h w, 2 D)."""
        keep, length = past.shape[1], key.shape[1]
        first = max(length - keep, 0)
        present = torch.cat((key[:, first:].flatten(2), value[:, first:].flatten(2)), dim=-1)
        return present if keep <= length else torch.cat((past[:, length:], present), dim=1)

    def _normalise(self, heads: Tensor) -> Tensor:
        """RMS-normalise every head: attention logits stay within headdim^0.5, whatever the stream's age."""
        return functional.rms_norm(heads, (self.headdim,))


def _regions(height: int, width: int, window: int, shift: int) -> Tensor:
    """(windows, cells): an id of what was side by side in a window before the wrap."""
    rows, columns = torch.arange(height), torch.arange(width)
    # A roll by `shift` brings the first rows to the end: they belong to another region of the picture.
    region = (rows < shift).long()[:, None] * 2 + (columns < shift).long()
    region = torch.roll(region, (-shift, -shift), (0, 1))
    cells = region.unflatten(0, (-1, window)).unflatten(2, (-1, window)).transpose(1, 2)
    return cells.flatten(2, 3).flatten(0, 1)
