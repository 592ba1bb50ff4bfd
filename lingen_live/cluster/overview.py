"""What runs in a cluster, asked of the engines themselves, and how one of them is told to empty itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from lingen_live.cluster.connect import NAMESPACE
from lingen_live.cluster.messages import DeviceStatus
from lingen_live.cluster.ray_link import ACTOR_PREFIX
from lingen_live.errors import ClusterError

_ANSWER_S = 5.0
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
        ClusterError: there is no such device.
    """
    found = {status.name: handle for handle, status in _engines()}
    if name not in found:
        raise ClusterError(f"There is no device {name!r}; there are {', '.join(sorted(found)) or 'none'}.")
    try:
        ray.get(found[name].drain.remote())
        n_left = -1
        while True:
            status: DeviceStatus = ray.get(found[name].status.remote())
            if status.n_streams != n_left:
                n_left = status.n_streams
                say(f"{name}: {n_left} sessions left")
            time.sleep(_LOOK_S)
    except RayError:  # it is gone, as it was told
        say(f"{name}: drained")


def _engines() -> list[tuple[Any, DeviceStatus]]:
    names = [one["name"] for one in ray.util.list_named_actors(all_namespaces=True) if one["namespace"] == NAMESPACE]
    found = []
    for name in names:
        if name.startswith(ACTOR_PREFIX):
            try:
                handle = ray.get_actor(name, NAMESPACE)
                found.append((handle, ray.get(handle.status.remote(), timeout=_ANSWER_S)))
            except (RayError, ValueError):
                continue  # it ended meanwhile, or does not answer
    return found
