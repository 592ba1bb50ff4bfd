"""Says whether Triton kernels and those of mamba-ssm can run in this process, without importing either.

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


def why_no_mamba() -> str | None:
    """What is missing for the kernels of mamba-ssm, in words; None if they can run."""
    for package in ("mamba_ssm", "einops", "triton"):
        if not is_installed(package):
            return f"the package {package} is not installed"
    # It asks for the current CUDA device by itself, interpreted or not.
    return None if torch.cuda.is_available() else "there is no CUDA device"
