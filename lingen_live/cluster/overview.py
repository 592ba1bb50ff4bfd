"""What runs in a cluster, asked of the engines themselves, and how one of them is told to empty itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import ray
from ray.exceptions import RayError

from lingen_live.cluster.connect import NAMESPACE
from lingen_live.cluster.messages import DeviceStatus
from lingen_live.cluster.ray_link import ACTOR_PREFIX
from lingen_live.errors import ClusterError

_ANSWER_S = 2.0
"""One that has no machine yet does not answer at all."""
_LOOK_S = 0.2


def all_devices() -> list[DeviceStatus]:
    """All engines that answer, by name."""
    return sorted((status for _, status in _engines()), key=lambda one: one.name)


def describe(devices: Sequence[DeviceStatus]) -> str:
    """A table for a terminal."""
    if not devices:
        return "No engine runs in this cluster.\n"
    rows: list[tuple[str, ...]] = [
        ("device", "state", "node", "pid", "sessions", "slots", "in time", "chunks", "model")
    ]
    for one in devices:
        model = f"{one.info.name} in {one.info.dtype} on {one.info.device}" if one.info else "-"
        in_time = "-" if one.capacity is None else str(one.capacity)
        numbers = (one.pid, one.n_streams, one.n_slots, in_time, one.n_chunks)
        rows.append((one.name, one.state, one.node, *map(str, numbers), model))
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join(lines) + "\n"


def drain(name: str, say: Callable[[str], None]) -> None:
    """Have a device's sessions moved elsewhere and its engine ended, and wait for that.

    Args:
        name: of the device.
        say: told how many sessions are left, each time that changes.

    Raises:
        ClusterError: there is no such device, or more than one.
    """
    engines = _engines()
    found = [handle for handle, status in engines if status.name == name]
    if not found:
        names = sorted(status.name for _, status in engines)
        raise ClusterError(f"There is no device {name!r}; there are {', '.join(names) or 'none'}.")
    if len(found) > 1:
        raise ClusterError(f"{len(found)} devices are called {name!r}, of as many gateways; end the others first.")
    (engine,) = found
    try:
        ray.get(engine.drain.remote())
        n_left = -1
        while True:
            status: DeviceStatus = ray.get(engine.status.remote())
            if status.n_streams != n_left:
                n_left = status.n_streams
                say(f"{name}: {n_left} sessions left")
            time.sleep(_LOOK_S)
    except RayError:  # it is gone, as it was told
        say(f"{name}: drained")


def _engines() -> list[tuple[Any, DeviceStatus]]:
    names = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]
    asked = {}
    for name in names:
        if name.startswith(ACTOR_PREFIX):
            with suppress(ValueError):  # it ended meanwhile
                handle = ray.get_actor(name, NAMESPACE)
                asked[handle.status.remote()] = handle
    answered, _ = ray.wait(list(asked), num_returns=len(asked), timeout=_ANSWER_S) if asked else ([], [])
    found = []
    for answer in answered:
        with suppress(RayError):
            found.append((asked[answer], ray.get(answer)))
    return found
