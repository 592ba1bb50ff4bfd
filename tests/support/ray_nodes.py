"""A Ray cluster of several nodes on this machine, on loopback, in a process of its own; Ray's own for its tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


class RayNodes:
    """A head without room for engines, and nodes with one CPU each that can be killed.

    Attributes:
        address: to join it at.
        path: where what runs there finds modules.
        raylets: process ids of the daemons of the nodes, in the order in which these were added.
    """

    def __init__(self, n_nodes: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # As in `connect.py`: without the first, nodes listen on all interfaces and look for each other there.
            env={
                **os.environ,
                "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
                "RAY_USAGE_STATS_ENABLED": "0",
                "RAY_enable_metrics_collection": "0",
                "RAY_worker_niceness": "0",
                "OMP_WAIT_POLICY": "PASSIVE",
                "PYTHONPATH": os.pathsep.join(sys.path),
            },
        )
        self.path = list(sys.path)
        self.address = str(self._read())
        self.raylets: list[int] = []
        for _ in range(n_nodes):
            self.add()

    def add(self, environment: Mapping[str, str] | None = None) -> None:
        """One more node; what it runs sees `environment` beside its own."""
        self._say({"add": dict(environment or {})})
        raylet = self._read()
        assert isinstance(raylet, int)
        self.raylets.append(raylet)

    def processes(self, raylet: int) -> list[int]:
        """Process ids of all of a node."""
        return [raylet, *(pid for pid, parent in _parents().items() if parent == raylet)]

    def node_of(self, pid: int) -> int:
        """The raylet of the node that a process belongs to."""
        return next(raylet for raylet in self.raylets if pid in self.processes(raylet))

    def kill(self, raylet: int) -> None:
        """kill -9 of all of a node, its daemon first."""
        self.raylets.remove(raylet)
        for pid in self.processes(raylet):
            with suppress(ProcessLookupError):  # it went with the one before
                os.kill(pid, signal.SIGKILL)

    def close(self) -> None:
        """End all of it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)  # it is a session of its own
            self._process.wait()
            self._process.stdout.close()

    def _say(self, what: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(what) + "\n")
        self._process.stdin.flush()

    def _read(self) -> object:
        """The next answer; Ray itself prints other lines."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("told "):
                return json.loads(line.removeprefix("told "))
        raise AssertionError("the cluster's process ended")


def _parents() -> dict[int, int]:
    """The parent of every process."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found


def _tell(what: object) -> None:
    sys.stdout.write(f"told {json.dumps(what)}\n")
    sys.stdout.flush()


def _serve() -> None:
    """Add nodes as told, until nobody tells any more."""
    from ray.cluster_utils import Cluster

    memory = 128 * 2**20
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": memory}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    _tell(cluster.address)
    for line in sys.stdin:
        before = dict(os.environ)
        os.environ.update(json.loads(line)["add"])
        node = cluster.add_node(num_cpus=1, object_store_memory=memory)
        os.environ.clear()
        os.environ.update(before)
        _tell(node.all_processes["raylet"][0].process.pid)
    cluster.shutdown()


if __name__ == "__main__":
    _serve()
