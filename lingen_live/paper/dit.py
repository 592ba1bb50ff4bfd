"""The opponent: a diffusion transformer with full self-attention over the whole clip where LinGen has MATE.

Same width, heads, cross-attention and FFN; adaLN as in DiT (arXiv 2212.09748). Prompts come as keys and values, as to
LinGen. Here to be counted and timed; it is never trained.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.config import ModelConfig
from lingen_live.model.embed import SigmaEmbedding
from lingen_live.model.mate import CrossAttention

KeyValues = tuple[Tensor, Tensor]
"""Each (B, heads, tokens, headdim)."""


class FullAttention(nn.Module):
    """Every token asks every other, and those of a window before if there is one."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.headdim = config.attn_headdim
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out_proj = nn.Linear(config.width, config.width, bias=False)

    def forward(self, tokens: Tensor, window: KeyValues | None = None) -> Tensor:
        """Attend.

        Args:
            tokens: (B, L, D).
            window: keys and values to look at, those of the tokens last: their place is overwritten with them. None to
                look at the tokens alone.

        Returns:
            (B, L, D).
        """
        query, key, value = self.qkv(tokens).unflatten(-1, (3, -1, self.headdim)).permute(2, 0, 3, 1, 4)
        if window is not None:  # in place: joining a long window with a chunk would copy all of it
            for whole, own in zip(window, (key, value), strict=True):
                whole[:, :, whole.shape[2] - own.shape[2] :] = own
            key, value = window
        return self.out_proj(functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2))


class DiTBlock(nn.Module):
    """Scale/shift norm, self-attention, gate; cross-attention; scale/shift norm, FFN, gate."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inner = config.ffn_expand * config.width
        self.attention, self.cross = FullAttention(config), CrossAttention(config)
        self.ffn = nn.Sequential(nn.Linear(config.width, inner), nn.GELU(), nn.Linear(inner, config.width))

    def forward(
        self,
        tokens: Tensor,
        condition: Tensor,
        text: tuple[Tensor, Tensor, Tensor],
        window: KeyValues | None = None,
    ) -> Tensor:
        """tokens (B, L, D) to (B, L, D).

        Args:
            tokens: (B, L, D).
            condition: (B, 6, D).
            text: as in `CrossAttention`.
            window: as in `FullAttention`.
        """
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = condition.unsqueeze(2).unbind(1)
        normed = functional.layer_norm(tokens, tokens.shape[-1:])
        tokens = torch.addcmul(tokens, gate, self.attention(torch.addcmul(shift, normed, 1 + scale), window))
        tokens = tokens + self.cross(functional.layer_norm(tokens, tokens.shape[-1:]), *text)
        normed = functional.layer_norm(tokens, tokens.shape[-1:])
        return torch.addcmul(tokens, ffn_gate, self.ffn(torch.addcmul(ffn_shift, normed, 1 + ffn_scale)))


class DiT(nn.Module):
    """The denoiser of a whole clip.

    Args:
        config: shapes; its chunk, scan, state and window do not apply.
        n_layers: blocks.
        n_latent_frames: of the clip.
    """

    def __init__(self, config: ModelConfig, n_layers: int, n_latent_frames: int) -> None:
        super().__init__()
        self.latent_in = nn.Linear(config.latent_channels, config.width)
        n_positions = n_latent_frames + config.latent_height + config.latent_width
        self.position = nn.Parameter(torch.zeros(n_positions, config.width))  # one table an axis, as in Movie Gen
        self.sizes = (n_latent_frames, config.latent_height, config.latent_width)
        self.sigma = SigmaEmbedding(config.width)
        self.condition = nn.Linear(config.width, 6 * config.width)
        self.text_kv = nn.Linear(config.text_width, 2 * n_layers * config.width, bias=False)
        self.blocks = nn.ModuleList(DiTBlock(config) for _ in range(n_layers))
        self.latent_out = nn.Linear(config.width, config.latent_channels)

    def forward(self, latents: Tensor, sigma: Tensor, text: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """The velocity (B, T, C, h, w) at noisy latents of that shape; sigma (B,); text as in `CrossAttention`."""
        return self.step(latents, sigma, text, 0, [])

    def step(
        self,
        latents: Tensor,
        sigma: Tensor,
        text: tuple[Tensor, Tensor, Tensor],
        first_frame: int,
        windows: Sequence[KeyValues],
    ) -> Tensor:
        """The velocity of a part of a clip.

        Args:
            latents: (B, T, C, h, w), noisy.
            sigma: (B,).
            text: as in `CrossAttention`.
            first_frame: where in the table of positions the part begins.
            windows: as in `FullAttention`, by layer; empty for none.

        Returns:
            (B, T, C, h, w).
        """
        time, rows, columns = self.position.split(self.sizes)
        time = time[first_frame : first_frame + latents.shape[1]]
        position = (time[:, None, None] + rows[:, None] + columns).flatten(0, 2)
        tokens = self.latent_in(latents.permute(0, 1, 3, 4, 2).flatten(1, 3)) + position
        condition = self.condition(functional.silu(self.sigma(sigma))).unflatten(-1, (6, -1))
        for index, block in enumerate(self.blocks):
            tokens = block(tokens, condition, text, windows[index] if windows else None)
        tokens = self.latent_out(functional.layer_norm(tokens, tokens.shape[-1:]))
        return tokens.unflatten(1, (latents.shape[1], *self.sizes[1:])).permute(0, 1, 4, 2, 3)
