"""TEmporal Swin Attention: small space-time windows, shifted on alternate layers (LinGen, section 3.3).

A window spans every latent frame of the chunk and the last committed ones, whose keys and values are carried:
that is how frames agree across a chunk edge. Window sizes are not published; these are this project's. A window as
large as the grid is full attention over the chunk and a sliding window of the past.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

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
        self.register_buffer("is_neighbour", _neighbours(*self.grid, self.window, self.shift), persistent=False)
        self.is_neighbour: Tensor

    def forward(self, tokens: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """Attend within windows.

        Args:
            tokens: (B, T h w, D), frame by frame.
            past: (B, past_frames h w, 2 D), carried normalised keys and values.

        Returns:
            (B, T h w, D); the keys and values to carry if this chunk is committed.
        """
        batch, _, width = tokens.shape
        query, key, value = self.qkv(tokens).chunk(3, dim=-1)
        query, key = self._normalise(query), self._normalise(key)
        carried = torch.cat((past.to(key.dtype), torch.cat((key, value), dim=-1)), dim=1)
        key, value = carried.chunk(2, dim=-1)
        n_keys = self.n_frames + self.n_past
        out = functional.scaled_dot_product_attention(
            self._to_windows(query, self.n_frames),
            self._to_windows(key, n_keys),
            self._to_windows(value, n_keys),
            attn_mask=self._bias().to(query.dtype),
        )
        keep = self.n_past * self.grid[0] * self.grid[1]
        return self.out_proj(self._from_windows(out, batch, width)), carried[:, carried.shape[1] - keep :]

    def _normalise(self, heads: Tensor) -> Tensor:
        """RMS-normalise every head: attention logits stay within headdim^0.5, whatever the stream's age."""
        return functional.rms_norm(heads.unflatten(-1, (-1, self.headdim)), (self.headdim,)).flatten(2)

    def _bias(self) -> Tensor:
        """(1, windows * heads, T cells, (past + T) cells): learned offsets, -inf across a wrapped border."""
        place, time = self.place_bias[:, None, :, None, :], self.time_bias[:, :, None, :, None]
        bias = (place + time).masked_fill(~self.is_neighbour[:, None, None, :, None, :], float("-inf"))
        return bias.flatten(4, 5).flatten(2, 3).flatten(0, 1).unsqueeze(0)

    def _to_windows(self, tokens: Tensor, n_frames: int) -> Tensor:
        """(B, frames h w, D) to (B, windows * heads, frames * cells, headdim)."""
        height, width = self.grid
        x = tokens.unflatten(1, (n_frames, height, width))
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (2, 3))
        x = x.unflatten(2, (-1, self.window)).unflatten(4, (-1, self.window)).unflatten(6, (self.n_heads, -1))
        x = x.permute(0, 2, 4, 6, 1, 3, 5, 7)  # B, rows, columns, heads, frames, window, window, headdim
        return x.flatten(4, 6).flatten(1, 3)

    def _from_windows(self, windows: Tensor, batch: int, depth: int) -> Tensor:
        """The reverse for queries: (B, windows * heads, T cells, headdim) to (B, T h w, D)."""
        height, width = self.grid
        x = windows.unflatten(2, (self.n_frames, self.window, self.window))
        x = x.unflatten(1, (height // self.window, width // self.window, self.n_heads))
        x = x.permute(0, 4, 1, 5, 2, 6, 3, 7).reshape(batch, self.n_frames, height, width, depth)
        if self.shift:
            x = torch.roll(x, (self.shift, self.shift), (2, 3))
        return x.flatten(1, 3)


def _neighbours(height: int, width: int, window: int, shift: int) -> Tensor:
    """(windows, cells, cells): whether two cells of a shifted window were side by side before the wrap."""
    rows, columns = torch.arange(height), torch.arange(width)
    # A roll by `shift` brings the first rows to the end: they belong to another region of the picture.
    region = (rows < shift).long()[:, None] * 2 + (columns < shift).long()
    region = torch.roll(region, (-shift, -shift), (0, 1))
    cells = region.unflatten(0, (-1, window)).unflatten(2, (-1, window)).transpose(1, 2)
    cells = cells.flatten(2, 3).flatten(0, 1)
    return cells[:, :, None] == cells[:, None, :]
