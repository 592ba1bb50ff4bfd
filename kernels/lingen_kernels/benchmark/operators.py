"""The operators as problems to time: inputs, and the operations and bytes that their mathematics needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

import lingen_kernels
from lingen_kernels.benchmark.setting import Setting

CONV_TAPS = 4
EPS = 1e-5
N_FRAMES = 2
"""Latent frames of a chunk, and of those carried, for the attention."""

Inputs = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator on one problem; bytes and flops are what the mathematics needs, not what is moved or done.

    `n_positions` is the length that is really taken where windows have to be filled.
    """

    name: str
    call: Callable[..., Any]
    make: Callable[[Setting, int], Inputs]
    flops: Callable[[Setting, int], float]
    minimal_bytes: Callable[[Setting, int], int]
    n_positions: Callable[[Setting, int], int] = lambda setting, length: length


def make_ssd_inputs(setting: Setting, length: int) -> Inputs:
    """Step sizes and rates as Mamba2 initialises them; x, B and C in the chosen dtype."""
    b, h, p, n = setting.batch, setting.heads, setting.headdim, setting.state

    def step_sizes() -> Tensor:
        return 0.001 * 100 ** torch.rand(b, length, h, device=setting.device)  # log-uniform in [0.001, 0.1]

    return {
        "x": setting.draw(b, length, h, p),
        "dt_fwd": step_sizes(),
        "dt_bwd": step_sizes(),
        "A_fwd": -1 - 15 * torch.rand(h, device=setting.device),
        "A_bwd": -1 - 15 * torch.rand(h, device=setting.device),
        "B": setting.draw(b, length, n),
        "C": setting.draw(b, length, n),
        "state_fwd": setting.draw(b, h, p, n, dtype=torch.float32),
        "state_bwd": setting.draw(b, h, p, n, dtype=torch.float32),
        "block_len": setting.block_len,
    }


def ssd_flops(setting: Setting, length: int) -> float:
    """C B^T once; a head: M x, and for both directions a state made and a state read (Mamba2, section 6)."""
    q = min(length, setting.block_len)
    h, p, n = setting.heads, setting.headdim, setting.state
    return 2 * setting.batch * length * (q * n + h * q * p + 4 * h * p * n)


def ssd_bytes(setting: Setting, length: int) -> int:
    """x, B, C and both dt in, y out; the three states."""
    h, p, n = setting.heads, setting.headdim, setting.state
    a_position = setting.item_bytes * (2 * h * p + 2 * n) + 4 * 2 * h
    return setting.batch * (length * a_position + 3 * 4 * h * p * n)


def conv_channels(setting: Setting) -> int:
    """x, B and C go through the convolution together."""
    return setting.heads * setting.headdim + 2 * setting.state


def make_conv_inputs(setting: Setting, length: int) -> Inputs:
    """x in the chosen dtype, taps and tail in float32 as the model may hold them."""
    c, wide = conv_channels(setting), torch.float32
    x, tail = setting.draw(setting.batch, length, c), setting.draw(setting.batch, CONV_TAPS - 1, c, dtype=wide)
    weight, bias = setting.draw(c, CONV_TAPS, dtype=wide), setting.draw(c, dtype=wide)
    # Rounded, so that a form that computes in the dtype of x is given the same numbers.
    return {"x": x, "weight": weight.to(x).float(), "bias": bias.to(x).float(), "tail": tail.to(x).float()}


def make_gate_inputs(setting: Setting, length: int) -> Inputs:
    """What stands between the SSD and its output projection."""
    b, h, p = setting.batch, setting.heads, setting.headdim
    return {
        "y": setting.draw(b, length, h, p),
        "x": setting.draw(b, length, h, p),
        "skip": torch.ones(h, device=setting.device),
        "gate": setting.draw(b, length, h * p),
        "weight": torch.ones(h * p, device=setting.device),
        "eps": EPS,
    }


def make_modulate_inputs(setting: Setting, length: int) -> Inputs:
    """Everything present: residual, gate, scale, shift."""
    b, d = setting.batch, setting.width
    rows = {name: setting.draw(b, d) for name in ("shift", "scale", "gate")}
    return {"tokens": setting.draw(b, length, d), "branch": setting.draw(b, length, d), **rows, "eps": EPS}


def n_windows(setting: Setting, length: int) -> int:
    """Windows that hold at least `length` positions of a chunk."""
    return -(-length // (N_FRAMES * setting.window**2))


def window_positions(setting: Setting, length: int) -> int:
    """Positions of whole windows, at least `length`."""
    return n_windows(setting, length) * N_FRAMES * setting.window**2


def make_window_inputs(setting: Setting, length: int) -> Inputs:
    """A row of shifted windows; as many frames carried as there are in the chunk."""
    b, heads, p, window = setting.batch, setting.width // setting.attn_headdim, setting.attn_headdim, setting.window
    windows, cells = n_windows(setting, length), setting.window**2
    shape = (b, windows * N_FRAMES * cells, heads, p)
    tensors = {name: setting.draw(*shape) for name in ("query", "key", "value", "past_key", "past_value")}
    # A whole picture has few windows at its border: the last one here is cut in two.
    region = torch.zeros(windows, cells, dtype=torch.int64, device=setting.device)
    region[-1, cells // 2 :] = 1
    biases = {"time_bias": (heads, N_FRAMES, 2 * N_FRAMES), "place_bias": (heads, cells, cells)}
    return {
        **tensors,
        **{name: setting.draw(*shape, dtype=torch.float32) for name, shape in biases.items()},
        "region": region,
        "height": window,
        "width": window * windows,
        "window": window,
        "shift": window // 2,
    }


def window_flops(setting: Setting, length: int) -> float:
    """Logits and weighted values over the keys of a window, carried frames included."""
    n_keys = 2 * N_FRAMES * setting.window**2
    return 4 * setting.batch * window_positions(setting, length) * n_keys * setting.width


def window_bytes(setting: Setting, length: int) -> int:
    """Queries, keys and values in, carried keys and values in, outputs out."""
    return 6 * setting.batch * window_positions(setting, length) * setting.width * setting.item_bytes


OPERATORS = (
    Operator("ssd", lingen_kernels.ssd_bidirectional, make_ssd_inputs, ssd_flops, ssd_bytes),
    Operator(
        "conv",
        lingen_kernels.causal_conv1d_silu,
        make_conv_inputs,
        lambda setting, length: 2 * CONV_TAPS * setting.batch * length * conv_channels(setting),
        lambda setting, length: 2 * setting.batch * length * conv_channels(setting) * setting.item_bytes,
    ),
    Operator(
        "gate",
        lingen_kernels.gated_rms_norm,
        make_gate_inputs,
        lambda setting, length: 9 * setting.batch * length * setting.heads * setting.headdim,
        lambda setting, length: 4 * setting.batch * length * setting.heads * setting.headdim * setting.item_bytes,
    ),
    Operator(
        "modulate",
        lingen_kernels.modulate,
        make_modulate_inputs,
        lambda setting, length: 10 * setting.batch * length * setting.width,
        lambda setting, length: 4 * setting.batch * length * setting.width * setting.item_bytes,
    ),
    Operator(
        "window",
        lingen_kernels.window_attention,
        make_window_inputs,
        window_flops,
        window_bytes,
        window_positions,
    ),
)
