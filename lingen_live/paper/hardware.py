"""What is measured on: the name of the machine, and the kernels that suit it."""

from __future__ import annotations

import os

import torch

import lingen_kernels
from lingen_live.engine.bench import describe_hardware


def device_name(device: str | torch.device) -> str:
    """Of a GPU its own name; of a CPU its own name and how many threads compute."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{describe_hardware()}, {threads} compute thread{'s' if threads > 1 else ''}"


def choose_kernels(device: str | torch.device) -> None:
    """Take the Triton kernels where they can run, unless LINGEN_KERNELS says otherwise."""
    if torch.device(device).type == "cuda" and not os.environ.get("LINGEN_KERNELS"):
        lingen_kernels.use("auto")
