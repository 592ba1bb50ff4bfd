"""How the C library keeps memory that was freed. Knows glibc's malloc, not what is computed.

A chunk's pictures are temporary blocks of megabytes. By default glibc takes each from the system and gives it back at
once, so that every chunk pays for thousands of fresh pages (docs/lab-notes.md); kept, they are there for the next one.
"""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # malloc.h
_NEVER = 2**31 - 1
_LARGEST = 32 * 2**20
"""The largest threshold that glibc takes on 64 bits, bytes; larger blocks still come and go."""


def keep_freed_memory() -> bool:
    """Let this process keep freed blocks of up to 32 MiB for its next ones; returns whether the C library can.

    Memory is bounded as before: by the most that was ever in use at once.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # no glibc
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return all(mallopt(option, value) for option, value in ((_M_TRIM_THRESHOLD, _NEVER), (_M_MMAP_THRESHOLD, _LARGEST)))
