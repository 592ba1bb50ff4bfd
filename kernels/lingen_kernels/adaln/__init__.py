"""Residual, layer norm, scale and shift: what stands between the branches of a block (adaLN)."""
