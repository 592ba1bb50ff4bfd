"""A prefix read first by both recurrences, for forms of the SSD that know none: two states before the outputs."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor


def with_prefix(
    ssd_state: Callable[..., Tensor], ssd_bidirectional: Callable[..., tuple[Tensor, Tensor]]
) -> Callable[..., tuple[Tensor, Tensor]]:
    """`ssd_bidirectional` with a last argument `n_prefix`, as `lingen_kernels.dispatch.ssd_bidirectional` has."""

    def run(
        x: Tensor,
        dt_fwd: Tensor,
        dt_bwd: Tensor,
        A_fwd: Tensor,
        A_bwd: Tensor,
        B: Tensor,
        C: Tensor,
        state_fwd: Tensor | None,
        state_bwd: Tensor | None,
        block_len: int,
        order: Tensor | None,
        n_prefix: int,
    ) -> tuple[Tensor, Tensor]:
        if n_prefix:
            first = slice(n_prefix)
            state_fwd = ssd_state(x[:, first], dt_fwd[:, first], A_fwd, B[:, first], state_fwd)
            state_bwd = ssd_state(x[:, first], dt_bwd[:, first], A_bwd, B[:, first], state_bwd)
            x, dt_fwd, dt_bwd, B, C = (t[:, n_prefix:] for t in (x, dt_fwd, dt_bwd, B, C))
        return ssd_bidirectional(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state_fwd, state_bwd, block_len, order)

    return run
