"""A piece of work that one process does at a time, and that the death of that process does not block.

The claim is an advisory lock of the operating system on a small file: it ends with the process that holds it,
however that ends. The file stays behind and means nothing by itself. Does not know what the work is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claimed(path: Path) -> Iterator[bool]:
    """Hold the claim on `path` for the length of a `with` block; does not wait.

    Args:
        path: the lock file; made if missing, never removed (a new file of its name would be another lock).

    Yields:
        True if the claim is this block's, False if someone else has it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(handle)
