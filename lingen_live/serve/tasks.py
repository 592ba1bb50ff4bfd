"""Coroutines that belong together. Knows asyncio only."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


async def first_of(*routines: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run all until the first ends, then end the others; what the first raised is raised."""
    tasks = [asyncio.create_task(routine()) for routine in routines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()
