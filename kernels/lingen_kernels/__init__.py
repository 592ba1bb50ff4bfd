"""The operators of LinGen's blocks, each with a reference and one fast implementation a device.

Knows tensors. Does not know video, chunks, checkpoints, or anything of `lingen_live`.

    from lingen_kernels import causal_conv1d_silu, ssd_bidirectional
    y, state = ssd_bidirectional(x, dt_fwd, dt_bwd, A_fwd, A_bwd, B, C, state, None)
"""

from lingen_kernels.choice import implementation, implementations, missing, use
from lingen_kernels.dispatch import (
    causal_conv1d_silu,
    gated_rms_norm,
    has_free_orders,
    modulate,
    ssd_bidirectional,
    ssd_state,
    window_attention,
)

__all__ = [
    "causal_conv1d_silu",
    "gated_rms_norm",
    "has_free_orders",
    "implementation",
    "implementations",
    "missing",
    "modulate",
    "ssd_bidirectional",
    "ssd_state",
    "use",
    "window_attention",
]
