"""One LinGen block: MATE (MA-branch + TE-branch in parallel), cross-attention to the text, FFN (figure 2).

adaLN scale, shift and gate, from the noise level, surround MATE and the FFN; cross-attention has none. A
learned position embedding enters every block.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_kernels import has_free_orders, modulate
from lingen_live.config import ModelConfig
from lingen_live.model.embed import PositionEmbedding
from lingen_live.model.mamba2 import BidirectionalMamba2
from lingen_live.model.review import overview, review_tokens, update_bank
from lingen_live.model.scan_order import scan_order
from lingen_live.model.state import LayerState
from lingen_live.model.tesa import TemporalSwinAttention

_EPS = 1e-5  # of every layer norm


class Mate(nn.Module):
    """MAmba TEmporal-Swin: both branches read the same tokens, their outputs are added.

    A configuration may lack a branch, or the review tokens, to see what each of them is worth.
    """

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.grid = (config.chunk_latent_frames, config.latent_height, config.latent_width)
        self.pool, self.n_slots = config.review_pool, config.review_slots
        self.mamba = BidirectionalMamba2(config) if config.expand else None
        self.tesa = TemporalSwinAttention(config, is_shifted=layer % 2 == 1) if config.tesa_window else None
        order, inverse = scan_order(layer % config.scan_orders, *self.grid)
        self.register_buffer("order", order, persistent=False)
        self.register_buffer("inverse", inverse, persistent=False)
        self.order: Tensor
        self.inverse: Tensor

    def forward(self, tokens: Tensor, state: LayerState) -> tuple[Tensor, LayerState]:
        """Mix tokens (B, L, D) given the state; also the state to carry if this chunk is committed."""
        if self.mamba is None:
            assert self.tesa is not None
            mixed, tesa = self.tesa(tokens, state.tesa)
            return mixed, replace(state, tesa=tesa)
        review, bank = self._review(tokens, state.review)
        carried = (review, state.ssm, state.conv.to(tokens.dtype))
        if has_free_orders():
            mixed, ssm, conv = self.mamba(tokens, *carried, self.order)
        else:  # one copy of the tokens before and after costs less than a copy of all that is made of them
            mixed, ssm, conv = self.mamba(tokens[:, self.order], *carried)
            mixed = mixed[:, self.inverse]
        tesa = state.tesa
        if self.tesa is not None:
            attended, tesa = self.tesa(tokens, state.tesa)
            mixed = mixed + attended
        return mixed, LayerState(ssm, conv, bank, tesa)

    def _review(self, tokens: Tensor, bank: Tensor) -> tuple[Tensor, Tensor]:
        """What the scan reads first (B, R, D), and the bank to carry."""
        if not self.n_slots:
            return tokens[:, :0], bank
        current = overview(tokens, *self.grid, self.pool)
        return review_tokens(bank.to(tokens.dtype), current), update_bank(bank, current.to(bank.dtype))


class CrossAttention(nn.Module):
    """Video tokens ask the prompt."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.headdim = config.attn_headdim
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.out_proj = nn.Linear(config.width, config.width, bias=False)
        nn.init.zeros_(self.out_proj.weight)

    def forward(self, tokens: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
        """tokens (B, L, D); keys, values (B, heads, text_slots + S, headdim); mask (B, 1, 1, text_slots + S)."""
        query = self.query(tokens).unflatten(-1, (-1, self.headdim)).transpose(1, 2)
        out = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self.out_proj(out.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Scale/shift norm, MATE, gate; cross-attention; scale/shift norm, FFN, gate."""

    def __init__(self, config: ModelConfig, layer: int) -> None:
        super().__init__()
        self.position = PositionEmbedding(config)
        self.modulation = nn.Parameter(torch.zeros(6, config.width))
        self.mate = Mate(config, layer)
        self.cross = CrossAttention(config)
        self.ffn = nn.Sequential(
            nn.Linear(config.width, config.ffn_expand * config.width),
            nn.GELU(),  # the erf form: the tanh one costs several times more on a CPU
            nn.Linear(config.ffn_expand * config.width, config.width),
        )

    def forward(
        self, tokens: Tensor, condition: Tensor, text: tuple[Tensor, Tensor, Tensor], state: LayerState
    ) -> tuple[Tensor, LayerState]:
        """One block.

        Args:
            tokens: (B, L, D).
            condition: (B, 6, D) shared modulation from the noise level and the pooled prompt.
            text: keys, values and mask of this layer, as in `CrossAttention`.
            state: what the layer remembers.

        Returns:
            (B, L, D) and what it would remember after a commit.
        """
        shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = (condition + self.modulation).unbind(1)
        _, normed = modulate(tokens, shift, scale, self.position().expand_as(tokens), None, _EPS)
        mixed, following = self.mate(normed, state)
        tokens, normed = modulate(tokens, None, None, mixed, gate, _EPS)
        tokens, normed = modulate(tokens, ffn_shift, ffn_scale, self.cross(normed, *text), None, _EPS)
        return torch.addcmul(tokens, ffn_gate[:, None], self.ffn(normed)), following
