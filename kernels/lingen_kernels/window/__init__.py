"""Attention inside space-time windows, with keys and values that are carried from the chunk before."""
