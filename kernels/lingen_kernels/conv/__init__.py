"""Depthwise causal convolution that continues from the last inputs of the chunk before."""
