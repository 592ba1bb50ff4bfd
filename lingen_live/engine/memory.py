"""Memory: what this process has, and whether what streams may come to need is there, asked before it is promised."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from lingen_live.errors import EngineError

_MEMINFO, _STATM = Path("/proc/meminfo"), Path("/proc/self/statm")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


def check_room(n_streams: int, stream_bytes: int, device: torch.device) -> None:
    """Refuse more streams than have room.

    Raises:
        EngineError: with both numbers, and how many would fit.
    """
    free = free_bytes(device)
    if free is not None and n_streams * stream_bytes > free:
        raise EngineError(
            f"{n_streams} sessions may need {n_streams * stream_bytes >> 20} MiB for what they remember, and "
            f"{free >> 20} MiB are free: at most {free // stream_bytes} fit (--sessions)."
        )


def free_bytes(device: torch.device) -> int | None:
    """Memory that is free or can be had at once; None where nobody says."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    try:
        lines = _MEMINFO.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    values = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(values["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in values else None


def resident_bytes() -> int | None:
    """Resident memory of this process; None where nobody says. Some ten microseconds."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        return None
