"""The slow oracle: all chunks of a clip in one pass, layer by layer, by the sequential recurrence.

What `LinGen` computes chunk by chunk from a carried state is computed here from the whole clip at once: one
convolution and one recurrence over the full sequence, and attention over the full clip under a mask. Written
for clarity; the test of streaming compares the two.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor
from torch.nn import functional

from lingen_kernels.ssd.reference import ssd_bidirectional_reference, ssd_state_reference
from lingen_live.model.embed import TextContext
from lingen_live.model.lingen import LinGen
from lingen_live.model.mamba2 import BidirectionalMamba2
from lingen_live.model.mate import Block, Mate
from lingen_live.model.review import overview
from lingen_live.model.tesa import TemporalSwinAttention


@torch.no_grad()
def offline_velocity(model: LinGen, clip: Tensor, texts: list[TextContext]) -> Tensor:
    """Velocities at sigma 0 of every chunk of a clean clip, each seeing the chunks before it.

    Args:
        model: any dtype; float64 for the comparison that counts.
        clip: (B, K, T, C, h, w).
        texts: the prompt of each chunk, K of them.

    Returns:
        (B, K, T, C, h, w).
    """
    batch, n_chunks = clip.shape[:2]
    tokens = model.latent_in(clip.permute(0, 1, 2, 4, 5, 3).flatten(2, 4))  # (B, K, L, D)
    sigma = torch.zeros(batch, device=clip.device, dtype=clip.dtype)
    noise_level = model.sigma(sigma)
    said = torch.stack([torch.zeros_like(texts[0].pooled), *(text.pooled for text in texts)])
    asked = [functional.silu(noise_level + now + model.turn(now - last)) for last, now in pairwise(said)]
    nothing = torch.zeros_like(clip[:, :1])
    before, forecast = torch.cat((nothing, clip[:, :-1]), dim=1), nothing.expand_as(clip)
    if model.forecast is not None:
        made = model.forecast(clip[:, :-1].flatten(0, 1)).unflatten(0, (batch, -1))
        forecast = torch.cat((nothing, made), dim=1)
    if model.stem is not None:
        parts = [model.stem(clip[:, k], before[:, k], forecast[:, k], asked[k]) for k in range(n_chunks)]
        tokens = tokens + torch.stack(parts, dim=1)
    condition = torch.stack([model.condition(each) for each in asked], dim=1)
    condition = condition.unflatten(-1, (6, -1))  # (B, K, 6, D)
    for index, block in enumerate(model.blocks):
        assert isinstance(block, Block)
        tokens = _block(block, tokens, condition, texts, index)
    tokens = model.latent_out(functional.layer_norm(tokens, tokens.shape[-1:]))
    grid = (model.config.chunk_latent_frames, model.config.latent_height, model.config.latent_width)
    velocity = tokens.unflatten(2, grid).permute(0, 1, 2, 5, 3, 4)
    if model.lean is None:
        return velocity
    lean = torch.stack([model.lean(each) for each in asked], dim=1)
    return velocity + lean[:, :, None, :, None, None] * (clip - forecast)


def _block(block: Block, tokens: Tensor, condition: Tensor, texts: list[TextContext], index: int) -> Tensor:
    """One block over all chunks (B, K, L, D)."""

    def norm(x: Tensor) -> Tensor:
        return functional.layer_norm(x, x.shape[-1:])

    shift, scale, gate, ffn_shift, ffn_scale, ffn_gate = (condition + block.modulation).unsqueeze(3).unbind(2)
    tokens = tokens + gate * _mate(block.mate, norm(tokens + block.position()) * (1 + scale) + shift)
    crossed = [
        block.cross(norm(tokens[:, k]), text.keys[index], text.values[index], text.mask) for k, text in enumerate(texts)
    ]
    tokens = tokens + torch.stack(crossed, dim=1)
    return tokens + ffn_gate * block.ffn(norm(tokens) * (1 + ffn_scale) + ffn_shift)


def _mate(mate: Mate, tokens: Tensor) -> Tensor:
    mixed = torch.zeros_like(tokens)
    if mate.mamba is not None:
        scanned = _mamba(mate.mamba, tokens[:, :, mate.order], _reviews(mate, tokens))
        mixed = mixed + scanned[:, :, mate.inverse]
    return mixed if mate.tesa is None else mixed + _tesa(mate.tesa, tokens)


def _reviews(mate: Mate, tokens: Tensor) -> Tensor:
    """The review tokens of every chunk, (B, K, R, D)."""
    if not mate.n_slots:
        return tokens[:, :, :0]
    overviews = [overview(tokens[:, k], *mate.grid, mate.pool) for k in range(tokens.shape[1])]
    banks = [_bank(overviews[:k], mate.n_slots, current) for k, current in enumerate(overviews)]
    joined = zip(banks, overviews, strict=True)
    return torch.stack([torch.cat([*bank, current.flatten(1, 2)], dim=1) for bank, current in joined], dim=1)


def _bank(past: list[Tensor], n_slots: int, like: Tensor) -> list[Tensor]:
    """The review bank, oldest slot first: slot i is a running mean (rate 2^-i) of what slot i - 1 held."""
    means = [chunk.mean(1) for chunk in past]
    histories = [means]  # histories[i][k]: slot i after chunk k
    for slot in range(1, n_slots):
        level, value, held = [], torch.zeros_like(like[:, 0]), histories[slot - 1]
        for k in range(len(past)):
            fed = held[k - 1] if k else torch.zeros_like(value)
            value = value + (fed - value) * 0.5**slot
            level.append(value)
        histories.append(level)
    empty = torch.zeros_like(like[:, 0])
    return [history[-1] if history else empty for history in reversed(histories)]


def _mamba(mamba: BidirectionalMamba2, video: Tensor, review: Tensor) -> Tensor:
    """The MA-branch over the sequence [review 0, video 0, review 1, video 1, ...], (B, K, L, D) each way."""
    n_chunks, n_review = video.shape[1], review.shape[2]
    sequence = torch.cat((review, video), dim=2)
    span = sequence.shape[2]
    conv_width = mamba.inner + 2 * mamba.d_state
    projected = mamba.in_proj(sequence.flatten(1, 2))
    gate, inputs, dt = projected.split((mamba.inner, conv_width, 2 * mamba.n_heads), dim=-1)
    taps = mamba.conv_weight.shape[1]
    padded = functional.pad(inputs.transpose(1, 2), (taps - 1, 0))
    mixed = functional.conv1d(padded, mamba.conv_weight.unsqueeze(1), mamba.conv_bias, groups=conv_width)
    x, b, c = functional.silu(mixed).transpose(1, 2).split((mamba.inner, mamba.d_state, mamba.d_state), dim=-1)
    x = x.unflatten(-1, (mamba.n_heads, mamba.headdim))
    dt_fwd, dt_bwd = functional.softplus(dt + mamba.dt_bias).split(mamba.n_heads, dim=-1)
    a_fwd, a_bwd = -torch.exp(mamba.log_a)

    zeros = torch.zeros_like(dt_fwd)
    forward, _ = ssd_bidirectional_reference(x, dt_fwd, zeros, a_fwd, a_bwd, b, c, None, None)
    outputs = []
    for k in range(n_chunks):
        head = slice(k * span, k * span + n_review)
        body = slice(k * span + n_review, (k + 1) * span)
        seen = ssd_state_reference(x[:, head], dt_bwd[:, head], a_bwd, b[:, head], None) if n_review else None
        backward, _ = ssd_bidirectional_reference(
            x[:, body], zeros[:, body], dt_bwd[:, body], a_fwd, a_bwd, b[:, body], c[:, body], None, seen
        )
        y = forward[:, body] + backward + x[:, body] * mamba.skip[:, None]
        y = y.flatten(2) * functional.silu(gate[:, body])
        outputs.append(mamba.out_proj(functional.rms_norm(y, (mamba.inner,), mamba.norm_weight)))
    return torch.stack(outputs, dim=1)


def _tesa(tesa: TemporalSwinAttention, tokens: Tensor) -> Tensor:
    """Window attention over the clip, one query frame at a time, over an explicit list of what it may see."""
    batch, n_chunks, _, depth = tokens.shape
    height, width = tesa.grid
    query, key, value = tesa.qkv(tokens.flatten(1, 2)).chunk(3, dim=-1)
    n_cells = height * width

    def frames(x: Tensor, *, normalise: bool) -> Tensor:
        heads = x.unflatten(-1, (tesa.n_heads, tesa.headdim))
        heads = functional.rms_norm(heads, (tesa.headdim,)) if normalise else heads
        return heads.unflatten(1, (-1, n_cells))  # B, frames, cells, heads, headdim

    query, key, value = (
        frames(query, normalise=True),
        frames(key, normalise=True),
        frames(value, normalise=False),
    )
    before = torch.zeros_like(key[:, : tesa.n_past])  # an empty state holds zero keys and values
    key, value = torch.cat((before, key), dim=1), torch.cat((before, value), dim=1)
    window_of, place_in = _window_index(height, width, tesa.window, tesa.shift)
    is_visible = window_of[:, None] == window_of[None, :]
    place_bias = tesa.place_bias[:, place_in][:, :, place_in]  # heads, cells, cells
    outputs = []
    for frame in range(n_chunks * tesa.n_frames):
        chunk, t = divmod(frame, tesa.n_frames)
        first = chunk * tesa.n_frames  # in the padded clip: the oldest carried frame
        span = slice(first, first + tesa.n_past + tesa.n_frames)
        logits = torch.einsum("bqhd,bfkhd->bhqfk", query[:, frame], key[:, span]) * tesa.headdim**-0.5
        logits = logits + place_bias[:, :, None, :] + tesa.time_bias[:, t][:, None, :, None]
        logits = logits.masked_fill(~is_visible[:, None, :], float("-inf"))
        weights = logits.flatten(3).softmax(-1).unflatten(3, logits.shape[3:])
        outputs.append(torch.einsum("bhqfk,bfkhd->bqhd", weights, value[:, span]).flatten(2))
    return tesa.out_proj(torch.cat(outputs, dim=1)).view(batch, n_chunks, -1, depth)


def _window_index(height: int, width: int, window: int, shift: int) -> tuple[Tensor, Tensor]:
    """For every cell (h w): an id of the window it belongs to, and its place (0 to window^2 - 1) in it."""
    row = torch.arange(height)[:, None].expand(height, width)
    column = torch.arange(width)[None, :].expand(height, width)
    shifted_row, shifted_column = row - shift, column - shift
    # Negative rows are the first ones: a window of their own, never joined with the last rows.
    window_id = (shifted_row // window + 1) * (width + 1) + shifted_column // window + 1
    place = shifted_row % window * window + shifted_column % window
    return window_id.flatten(), place.flatten()
