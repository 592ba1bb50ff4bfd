"""The name of what is measured on."""

from __future__ import annotations

import torch

from lingen_live.engine.bench import describe_hardware


def device_name(device: str | torch.device) -> str:
    """Of a GPU its own name; of a CPU its own name and how many threads compute."""
    if torch.device(device).type == "cuda":
        return torch.cuda.get_device_name(device)
    threads = torch.get_num_threads()
    return f"{describe_hardware()}, {threads} compute thread{'s' if threads > 1 else ''}"
