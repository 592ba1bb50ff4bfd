"""Processes that do what would make a live stream stutter: at a low priority, ended with what asked for them.

They stay in the server's session: there their priority counts against the engine's, and Ctrl-C is for them too.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from typing import Any

from lingen_live.errors import LingenError

LATER = 5
"""Niceness: a third of what the server and its engine get where they compete. Somebody waits for it."""
_PIPE_BYTES = 16 * 2**20
"""The longest line that is read from a child."""


class ChildError(LingenError):
    """A child process that did not answer."""

    code = "child_failed"


async def start_child(module: str, *arguments: str) -> asyncio.subprocess.Process:
    """Start `python -m module`, with pipes to its standard input and output.

    Args:
        module: calls `lower_priority` first.
        arguments: for it.
    """
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=_PIPE_BYTES,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "OMP_NUM_THREADS": "1"},
    )


async def end_child(process: asyncio.subprocess.Process) -> None:
    """Kill it if it still runs, and wait for its end; idempotent."""
    with contextlib.suppress(ProcessLookupError):
        process.kill()
    # Also drains and closes its pipes.
    await process.communicate()


async def ask_child(module: str, question: Any, timeout_s: float) -> Any:
    """The JSON that `python -m module` answers to the JSON that it reads.

    Raises:
        ChildError: it did not answer within `timeout_s`, or not at all.
    """
    process = await start_child(module)
    try:
        told, _ = await asyncio.wait_for(process.communicate(json.dumps(question).encode()), timeout_s)
    except TimeoutError as error:
        raise ChildError(f"It took longer than {timeout_s:g} s; the machine has too much to do.") from error
    finally:
        if process.returncode is None:
            await end_child(process)
    try:
        return json.loads(told)
    except ValueError as error:
        raise ChildError(f"The process that does it ended with exit code {process.returncode}.") from error


def lower_priority(niceness: int) -> None:
    """Let others go first, from now on."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, niceness)
