"""What is counted of each device of a cluster, as metrics. Knows devices and streams; changes none.

The values of labels are bounded: a sample a device and a metric, and a device is known by the same name for ever.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from lingen_live.cluster.client import ClusterClient
from lingen_live.cluster.counts import DeviceCounts
from lingen_live.cluster.device import Device
from lingen_live.profile.prometheus import Metric


def cluster_metrics(devices: Sequence[Device], clients: Iterable[ClusterClient]) -> list[Metric]:
    """Gauges and counters by device, and of the streams that have none now."""
    there: dict[Device | None, list[ClusterClient]] = {None: [], **{device: [] for device in devices}}
    for client in clients:
        there[client.device].append(client)
    sizes = {device: [one.snapshot.n_bytes for one in them if one.snapshot] for device, them in there.items()}

    def each(name: str, help: str, value: Callable[[Device], float]) -> Metric:
        return _by_device(name, "gauge", help, devices, value)

    def free(device: Device) -> int:
        return max(0, device.n_in_time - len(there[device])) if device.state == "ready" else 0

    return [
        Metric("device_info", "gauge", "Where each device is, and how.", [(_info(device), 1) for device in devices]),
        each("ready", "Whether it takes sessions.", lambda device: int(device.state == "ready")),
        each("sessions", "Sessions there, or on their way.", lambda device: len(there[device])),
        each("free_places", "Sessions more that it would play in time.", free),
        each("snapshots", "Sessions of it that can go on elsewhere.", lambda device: len(sizes[device])),
        each("snapshot_bytes", "Their snapshots at the gateway.", lambda device: sum(sizes[device])),
        *_counters(devices),
        Metric("homeless_sessions", "gauge", "Sessions that wait for a device.", [({}, len(there[None]))]),
        Metric("homeless_snapshot_bytes", "gauge", "Their snapshots at the gateway.", [({}, sum(sizes[None]))]),
    ]


def _counters(devices: Sequence[Device]) -> list[Metric]:
    def count(name: str, help: str, value: Callable[[DeviceCounts], float]) -> Metric:
        return _by_device(f"{name}_total", "counter", help, devices, lambda device: value(device.counts))

    return [
        count("chunks", "Chunks that it made.", lambda counts: counts.n_chunks),
        count("chunk_seconds", "Seconds that they took to make.", lambda counts: round(counts.making_s, 6)),
        count("missed_deadlines", "Chunks that came too late to be played in time.", lambda counts: counts.n_missed),
        count("failures", "Engines that ended unasked.", lambda counts: counts.n_failures),
        count("lost_sessions", "Sessions that were there then.", lambda counts: counts.n_lost),
        count("failovers", "Sessions that came from one that is gone.", lambda counts: counts.n_taken_over),
        count("migrations_in", "Sessions that came while they played.", lambda counts: counts.n_moved_in),
        count("migrations_out", "Sessions that went while they played.", lambda counts: counts.n_moved_out),
        count("migration_seconds", "Seconds in between of those that came.", lambda counts: round(counts.moving_s, 6)),
    ]


def _by_device(
    name: str,
    kind: Literal["counter", "gauge"],
    help: str,
    devices: Sequence[Device],
    value: Callable[[Device], float],
) -> Metric:
    return Metric(f"device_{name}", kind, help, [({"device": device.name}, value(device)) for device in devices])


def _info(device: Device) -> dict[str, str]:
    return {"device": device.name, "state": device.state, "node": device.facts.node if device.facts else ""}
