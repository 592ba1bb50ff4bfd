"""Says whether Triton kernels can run in this process, without importing Triton.

Knows the environment and the packages; does not know operators.
"""

from __future__ import annotations

import functools
import importlib.util
import os

import torch


def is_interpreted() -> bool:
    """Whether Triton's CPU interpreter stands in for a GPU (environment variable TRITON_INTERPRET=1).

    Triton reads the variable when a kernel is defined, so it must be set before the first kernel is used.
    """
    return os.environ.get("TRITON_INTERPRET", "").lower() in {"1", "true", "on", "yes", "y"}


@functools.cache
def is_installed(package: str) -> bool:
    """Whether a top-level package could be imported; does not import it."""
    return importlib.util.find_spec(package) is not None


def why_no_triton() -> str | None:
    """What is missing for the Triton kernels, in words; None if they can run."""
    if not is_installed("triton"):
        return "the package triton is not installed"
    if not is_interpreted() and not torch.cuda.is_available():
        return "there is no CUDA device, and TRITON_INTERPRET is not 1"
    return None
