"""Memory without a name that two processes can hold: it lives as long as anybody has it, and leaves nothing behind.

The server makes it and keeps the descriptor; a worker maps it. So what lies in it outlives a worker that is killed.
Knows bytes. Does not know what they mean.
"""

from __future__ import annotations

import mmap
import os
import tempfile

from lingen_live.errors import EngineError


class Arena:
    """`n_bytes` of zeros, none of which takes room before it is written."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes
        self._fd = _anonymous_file()
        try:
            os.ftruncate(self._fd, n_bytes)
        except OSError as error:
            self.close()
            raise EngineError(f"There is no room for {n_bytes} bytes of states: {error.strerror}.") from error

    @property
    def fd(self) -> int:
        """The descriptor; of this process, and closed by `close`."""
        return self._fd

    def close(self) -> None:
        """Let go; who maps it keeps it. Idempotent."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def map_memory(fd: int, n_bytes: int) -> mmap.mmap:
    """The memory behind a descriptor, which may be closed afterwards."""
    return mmap.mmap(fd, n_bytes)


def _anonymous_file() -> int:
    # Not POSIX shared memory: in a container that is often 64 MiB in all, and writing beyond them kills the process.
    if hasattr(os, "memfd_create"):
        return os.memfd_create("lingen-states")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
