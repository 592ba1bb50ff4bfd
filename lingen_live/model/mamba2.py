"""Bidirectional Mamba2 over a chunk: forward it goes on from a carried state, backward it stays inside.

Mamba2 is arXiv 2405.21060. Both directions share the projections, the convolution, B and C; they have their
own dt and A. The review tokens come first in both. Knows sequences and their orders, not pictures.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_kernels import causal_conv1d_silu, gated_rms_norm, ssd_bidirectional
from lingen_live.config import ModelConfig


class BidirectionalMamba2(nn.Module):
    """The MA-branch's mixer."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        inner, heads, d_state = config.inner_width, config.n_ssm_heads, config.d_state
        self.inner, self.n_heads, self.headdim, self.d_state = inner, heads, config.headdim, d_state
        conv_width = inner + 2 * d_state
        self.in_proj = nn.Linear(config.width, inner + conv_width + 2 * heads, bias=False)
        self.conv_weight = nn.Parameter(torch.randn(conv_width, config.d_conv) / math.sqrt(config.d_conv))
        self.conv_bias = nn.Parameter(torch.zeros(conv_width))
        # Mamba2's initial ranges: A in [1, 16] is meant for thousands of tokens; a chunk has a few hundred.
        self.log_a = nn.Parameter(torch.log(torch.rand(2, heads) * 4 + 0.2))
        steps = torch.exp(torch.rand(2 * heads) * math.log(100) + math.log(1e-3))  # dt from 0.001 to 0.1
        self.dt_bias = nn.Parameter(steps + torch.log(-torch.expm1(-steps)))
        self.skip = nn.Parameter(torch.ones(heads))
        self.norm_weight = nn.Parameter(torch.ones(inner))
        self.out_proj = nn.Linear(inner, config.width, bias=False)

    def forward(
        self, video: Tensor, review: Tensor, ssm: Tensor, conv: Tensor, order: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Mix a chunk.

        Args:
            video: (B, L, D) tokens.
            review: (B, R, D) review tokens, read before the video in both directions.
            ssm: (B, n_heads, headdim, d_state) carried forward state.
            conv: (B, d_conv - 1, inner + 2 d_state) carried convolution inputs.
            order: (L,), which token comes i-th, or None if they lie in scan order.

        Returns:
            (B, L, D), each where its token lies; the state after the last token; the last convolution inputs.
        """
        n_review = review.shape[1]
        conv_width = self.inner + 2 * self.d_state
        projected = self.in_proj(torch.cat((review, video), dim=1))
        gate, inputs, dt = projected.split((self.inner, conv_width, 2 * self.n_heads), dim=-1)
        mixed, conv = causal_conv1d_silu(inputs, self.conv_weight, self.conv_bias, conv, order, n_review)
        x, b, c = mixed.split((self.inner, self.d_state, self.d_state), dim=-1)
        x = x.unflatten(-1, (self.n_heads, self.headdim))
        dt = functional.softplus(dt.to(ssm.dtype) + self.dt_bias)
        dt_fwd, dt_bwd = dt.split(self.n_heads, dim=-1)
        a_fwd, a_bwd = -torch.exp(self.log_a)

        y, ssm = ssd_bidirectional(x, dt_fwd, dt_bwd, a_fwd, a_bwd, b, c, ssm, None, order=order, n_prefix=n_review)
        # The eps of `rms_norm` when none is given, which checkpoints were trained with.
        eps = torch.finfo(torch.promote_types(y.dtype, torch.float32)).eps
        y = gated_rms_norm(y, x[:, n_review:], self.skip, gate[:, n_review:], self.norm_weight, eps)
        return self.out_proj(y), ssm, conv
