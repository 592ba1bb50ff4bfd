"""The operators: shapes are checked at the door, then the implementation in use computes (`choice.py`).

Implementations know nothing of the choice; callers nothing of them.
"""

from __future__ import annotations

from torch import Tensor

from lingen_kernels.choice import active


def has_free_orders() -> bool:
    """Whether a scan order costs an address and not a copy with the implementation in use."""
    return active().has_free_orders


def ssd_state(
    x: Tensor, dt: Tensor, A: Tensor, B: Tensor, initial_state: Tensor | None, order: Tensor | None = None
) -> Tensor:
    """Run the recurrence S_i = exp(dt_i A) S_{i-1} + dt_i x_i B_i^T and return its last state.

    Args:
        x: inputs, (b, l, h, p).
        dt: step sizes, positive, (b, l, h).
        A: decay rates, negative, (h,).
        B: input projections, shared by heads, in the dtype of `x`, (b, l, n).
        initial_state: (b, h, p, n), or None for zeros.
        order: which position comes i-th, a permutation (l,) of int64, or None to take them as they lie.

    Returns:
        The final state (b, h, p, n), float32 (float64 for float64 inputs).

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None, None))
    batch, length, n_heads, headdim = x.shape
    _check("dt", dt, (batch, length, n_heads))
    _check("A", A, (n_heads,))
    _check("B", B, (batch, length, None))
    if initial_state is not None:
        _check("initial_state", initial_state, (batch, n_heads, headdim, B.shape[-1]))
    if order is not None:
        _check("order", order, (length,))
    return active().ssd_state(x, dt, A, B, initial_state, order)


def ssd_bidirectional(
    x: Tensor,
    dt_fwd: Tensor,
    dt_bwd: Tensor,
    A_fwd: Tensor,
    A_bwd: Tensor,
    B: Tensor,
    C: Tensor,
    state_fwd: Tensor | None,
    state_bwd: Tensor | None,
    block_len: int = 128,
    order: Tensor | None = None,
    n_prefix: int = 0,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence from both ends and read both states out with C: y_i = (S^f_i + S^b_i) C_i.

    S^f is the inclusive forward recurrence from `state_fwd`, S^b the inclusive recurrence over the reversed
    sequence from `state_bwd`; position i is therefore part of both. No D term and no gate. A prefix of r positions
    (review tokens) is read before the others by both recurrences, from its first to its last, and makes no output.

    Args:
        x: inputs, (b, r + l, h, p).
        dt_fwd: step sizes of the forward direction, not negative, (b, r + l, h).
        dt_bwd: step sizes of the backward direction, not negative, (b, r + l, h).
        A_fwd: decay rates of the forward direction, negative, (h,).
        A_bwd: decay rates of the backward direction, negative, (h,).
        B: input projections, shared by heads and directions, in the dtype of `x`, (b, r + l, n).
        C: output projections, shared by heads and directions, in the dtype of `x`, (b, r + l, n).
        state_fwd: state of the forward recurrence when it begins, (b, h, p, n), or None for zeros.
        state_bwd: state of the backward recurrence when it begins, (b, h, p, n), or None for zeros.
        block_len: positions of one dense block at most; changes speed, never the result.
        order: which position after the prefix comes i-th, a permutation (l,) of int64, or None to take them as they
            lie. Outputs lie where their inputs lie: y[:, order] is the result for x[:, order], dt_fwd[:, order] and
            so on.
        n_prefix: r.

    Returns:
        y (b, l, h, p) in the dtype of `x`, and the final forward state (b, h, p, n), float32 (float64 for
        float64 inputs).

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None, None))
    batch, length, n_heads, headdim = x.shape
    for name, dt in (("dt_fwd", dt_fwd), ("dt_bwd", dt_bwd)):
        _check(name, dt, (batch, length, n_heads))
    for name, rates in (("A_fwd", A_fwd), ("A_bwd", A_bwd)):
        _check(name, rates, (n_heads,))
    _check("B", B, (batch, length, None))
    _check("C", C, (batch, length, B.shape[-1]))
    for name, state in (("state_fwd", state_fwd), ("state_bwd", state_bwd)):
        if state is not None:
            _check(name, state, (batch, n_heads, headdim, B.shape[-1]))
    _check_order(order, length, n_prefix)
    if block_len < 1:
        raise ValueError(f"block_len is {block_len}; it must be 1 or more.")
    return active().ssd_bidirectional(
        x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len, order, n_prefix
    )


def causal_conv1d_silu(
    x: Tensor, weight: Tensor, bias: Tensor | None, tail: Tensor, order: Tensor | None = None, n_prefix: int = 0
) -> tuple[Tensor, Tensor]:
    """Convolve each channel with its past, continuing from `tail`, then apply SiLU.

    Args:
        x: inputs, (b, l, c).
        weight: taps a channel, the last one on the present, (c, k).
        bias: (c,) or None.
        tail: the k - 1 inputs before x, (b, k-1, c); zeros at the start of a stream.
        order: which position after the prefix comes i-th, a permutation (l - r,) of int64, or None to take them as
            they lie. Outputs lie where their inputs lie: y[:, r + order] is the result for x[:, r + order].
        n_prefix: r, positions at the front that come first whatever the order.

    Returns:
        y (b, l, c) in the dtype of `x`, and the tail for the next call, (b, k-1, c) in the dtype of `tail`.

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("x", x, (None, None, None))
    batch, _, n_channels = x.shape
    _check("weight", weight, (n_channels, None))
    _check("tail", tail, (batch, weight.shape[1] - 1, n_channels))
    if bias is not None:
        _check("bias", bias, (n_channels,))
    _check_order(order, x.shape[1], n_prefix)
    return active().causal_conv1d_silu(x, weight, bias, tail, order, n_prefix)


def gated_rms_norm(y: Tensor, x: Tensor, skip: Tensor, gate: Tensor, weight: Tensor, eps: float) -> Tensor:
    """Add the skip of Mamba2's D, gate with SiLU, normalise: rms_norm((y + skip x) silu(gate)) weight.

    Args:
        y: outputs of the SSD, (b, l, h, p).
        x: inputs of the SSD, (b, l, h, p).
        skip: D, one number a head, (h,).
        gate: (b, l, h p).
        weight: (h p,).
        eps: added to the mean square, positive.

    Returns:
        (b, l, h p) in the dtype of `y`.

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("y", y, (None, None, None, None))
    batch, length, n_heads, headdim = y.shape
    _check("x", x, (batch, length, n_heads, headdim))
    _check("skip", skip, (n_heads,))
    _check("gate", gate, (batch, length, n_heads * headdim))
    _check("weight", weight, (n_heads * headdim,))
    return active().gated_rms_norm(y, x, skip, gate, weight, eps)


def modulate(
    tokens: Tensor,
    shift: Tensor | None,
    scale: Tensor | None,
    branch: Tensor | None,
    gate: Tensor | None,
    eps: float,
) -> tuple[Tensor, Tensor]:
    """Add a branch to the tokens, then prepare them for the next one: layer_norm(sum) (1 + scale) + shift.

    Args:
        tokens: (b, l, d).
        shift: (b, d), or None for zeros.
        scale: (b, d), or None for zeros.
        branch: what to add, (b, l, d), or None for nothing.
        gate: what the branch is multiplied with, (b, d), or None for ones.
        eps: added to the variance, positive.

    Returns:
        The sum tokens + gate branch (b, l, d) (`tokens` itself without a branch), and the modulated norm
        (b, l, d), both in the dtype of `tokens`.

    Raises:
        ValueError: shapes disagree (the message names the argument and both shapes), or a gate has no branch.
    """
    _check("tokens", tokens, (None, None, None))
    batch, length, width = tokens.shape
    for name, row in (("shift", shift), ("scale", scale), ("gate", gate)):
        if row is not None:
            _check(name, row, (batch, width))
    if branch is not None:
        _check("branch", branch, (batch, length, width))
    elif gate is not None:
        raise ValueError("gate is given, branch is not; a gate multiplies a branch.")
    return active().modulate(tokens, shift, scale, branch, gate, eps)


def window_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    past_key: Tensor,
    past_value: Tensor,
    time_bias: Tensor,
    place_bias: Tensor,
    region: Tensor | None,
    height: int,
    width: int,
    window: int,
    shift: int,
) -> Tensor:
    """Attend inside windows of a plane, over all frames of the chunk and those carried from before.

    The plane is rolled by -shift in height and width, then cut into windows of `window` x `window` cells; a query
    sees the cells of its window in every frame. Logits are query key / p^0.5 + time_bias + place_bias.

    Args:
        query: (b, t h w, heads, p), frame by frame, row by row.
        key: (b, t h w, heads, p).
        value: (b, t h w, heads, p).
        past_key: (b, past h w, heads, p), the frames before; past may be 0.
        past_value: (b, past h w, heads, p).
        time_bias: frame to frame, (heads, t, past + t), carried frames first.
        place_bias: cell to cell of a window, (heads, window^2, window^2).
        region: cells of a window see each other if they are of one region, (windows, window^2) int64, or None for one.
        height: h.
        width: w.
        window: cells a side, dividing h and w.
        shift: 0 to window - 1.

    Returns:
        (b, t h w, heads, p) in the dtype of `query`.

    Raises:
        ValueError: shapes disagree; the message names the argument and both shapes.
    """
    _check("query", query, (None, None, None, None))
    batch, length, n_heads, headdim = query.shape
    if window < 1 or height % window or width % window or length % (height * width):
        raise ValueError(f"{length} positions of {height} x {width} cells cannot be cut into windows of {window}.")
    n_past = past_key.shape[1]
    _check("key", key, (batch, length, n_heads, headdim))
    _check("value", value, (batch, length, n_heads, headdim))
    _check("past_key", past_key, (batch, n_past // (height * width) * height * width, n_heads, headdim))
    _check("past_value", past_value, (batch, n_past, n_heads, headdim))
    n_frames, n_cells = length // (height * width), window**2
    _check("time_bias", time_bias, (n_heads, n_frames, n_frames + n_past // (height * width)))
    _check("place_bias", place_bias, (n_heads, n_cells, n_cells))
    if region is not None:
        _check("region", region, (height * width // n_cells, n_cells))
    return active().window_attention(
        query, key, value, past_key, past_value, time_bias, place_bias, region, height, width, window, shift
    )


def _check_order(order: Tensor | None, length: int, n_prefix: int) -> None:
    if not 0 <= n_prefix < length:
        raise ValueError(f"n_prefix is {n_prefix}; it must be 0 or more, and fewer than the {length} positions.")
    if order is not None:
        _check("order", order, (length - n_prefix,))


def _check(name: str, tensor: Tensor, expected: tuple[int | None, ...]) -> None:
    """Refuse a tensor whose shape is not `expected`; None stands for any size of at least 1."""
    shape = tuple(tensor.shape)
    if len(shape) == len(expected) and all(
        size == want if want is not None else size > 0 for size, want in zip(shape, expected, strict=True)
    ):
        return
    wanted = tuple("any" if want is None else want for want in expected)
    raise ValueError(f"{name} has shape {shape}; the others ask for {wanted}.".replace("'", ""))
