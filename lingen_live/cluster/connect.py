"""Into a Ray cluster and out of it: one that runs already, or one of this machine alone.

Ray tells nobody that it is used, has no dashboard, and of this machine alone listens on loopback only.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from lingen_live.errors import ClusterError

NAMESPACE = "lingen_live"
OBJECT_STORE_BYTES = 512 * 2**20
"""Of a cluster of this machine alone; what was never written takes no room."""
_REACH_S = 5.0

# Inherited by all of Ray's processes. The first does more than its name says: a node that no others may join binds to
# loopback, on every system. The last as for a local worker: spinning threads starve whoever else computes.
_LOCAL_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_enable_metrics_collection": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@contextmanager
def connected(address: str | None, *, n_cpus: int = 1, n_gpus: int = 0) -> Iterator[None]:
    """Be in a cluster.

    Args:
        address: "auto" for the one that runs on this machine, "host:port" for another; None for one of its own,
            which ends with this.
        n_cpus: that a cluster of its own has to give; more than there are is no error.
        n_gpus: the same.

    Raises:
        ClusterError: there is no cluster, or it is of another version.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    if address is None:
        os.environ.update(_LOCAL_ENVIRONMENT)
    else:
        _check_reach(address)
    try:
        import ray
    except ImportError as error:
        raise ClusterError("Ray is not installed; `pip install 'lingen-live[cluster]'` brings it.") from error
    own = {"num_cpus": n_cpus, "num_gpus": n_gpus, "object_store_memory": OBJECT_STORE_BYTES} if address is None else {}
    if address is None:
        own["include_dashboard"] = False
    try:
        ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR", **own)
    except ConnectionError as error:
        raise ClusterError(f"There is no Ray cluster at {address!r}; `ray start --head` starts one.") from error
    except RuntimeError as error:  # Ray tells of another version of itself, or of Python, in several lines
        raise ClusterError(
            f"The Ray cluster at {address!r} cannot be joined: {' '.join(str(error).split())}"
        ) from error
    try:
        yield
    finally:
        ray.shutdown()


def _check_reach(address: str) -> None:
    """Ray itself would try for a minute."""
    host, colon, port = address.rpartition(":")
    if address == "auto":
        return
    if not colon or not port.isdecimal():
        raise ClusterError(f"The address is {address!r}; 'auto' or HOST:PORT is accepted.")
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise ClusterError(f"There is no Ray cluster at {address!r}: {error.strerror or error}.") from error
