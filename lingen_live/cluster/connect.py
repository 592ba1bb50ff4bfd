"""Into a Ray cluster and out of it: one that runs already, or one of this machine alone.

Ray tells nobody that it is used, has no dashboard, and of this machine alone listens on loopback only.
"""

from __future__ import annotations

import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lingen_live.errors import ClusterError

NAMESPACE = "lingen_live"
OBJECT_STORE_BYTES = 512 * 2**20
"""Of a cluster of this machine alone; what was never written takes no room."""
_REACH_S = 5.0

# Inherited by all of Ray's processes. The first does more than its name says: a node that no others may join binds to
# loopback, on every system. Threads that wait sleep, as of a local worker: spinning ones starve whoever else computes.
_LOCAL_ENVIRONMENT = {
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    "RAY_enable_metrics_collection": "0",
    "OMP_WAIT_POLICY": "PASSIVE",
    "RAY_worker_niceness": "0",  # chunks have deadlines; Ray's own default of 15 yields to everybody
}


@contextmanager
def connected(address: str | None, *, n_cpus: int = 1, n_gpus: int = 0) -> Iterator[None]:
    """Be in a cluster. Nothing may import Ray before, for it reads then where to listen.

    Args:
        address: "auto" for the one that runs on this machine, "host:port" for another; None for one of its own,
            which ends with this.
        n_cpus: that a cluster of its own has to give; more than there are is no error.
        n_gpus: the same.

    Raises:
        ClusterError: there is no cluster, or it is of another version.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    found = _find(address) if address is not None else None
    if found is None or found.startswith("127.0.0.1:"):
        if "ray" in sys.modules and not os.environ.items() >= _LOCAL_ENVIRONMENT.items():
            raise RuntimeError("Ray was imported before it was known where to listen.")
        os.environ.update(_LOCAL_ENVIRONMENT)
    try:
        import ray
    except ImportError as error:
        raise ClusterError("Ray is not installed; `pip install 'lingen-live[cluster]'` brings it.") from error
    own: dict[str, Any] = {}
    if address is None:
        own = {"num_cpus": n_cpus, "num_gpus": n_gpus, "object_store_memory": OBJECT_STORE_BYTES}
        own["include_dashboard"] = False
    try:
        # "local": with None it would join one that somebody else began on this machine.
        ray.init(address or "local", namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR", **own)
    except ConnectionError as error:
        raise ClusterError(f"There is no Ray cluster at {address!r}; `ray start --head` starts one.") from error
    except RuntimeError as error:  # Ray tells of another version of itself, or of Python, in several lines
        raise ClusterError(
            f"The Ray cluster at {address!r} cannot be joined: {' '.join(str(error).split())}"
        ) from error
    note = _note(ray.get_runtime_context().gcs_address) if address is None else None
    try:
        yield
    finally:
        if note is not None:
            note.unlink(missing_ok=True)
        ray.shutdown()


def _note_path() -> Path:
    """Where Ray's tools note the last cluster that was started on this machine; it reads its own, and so may others."""
    return Path(os.environ.get("RAY_TMPDIR", tempfile.gettempdir())) / "ray" / "ray_current_cluster"


def _note(gcs_address: str) -> Path | None:
    """Note a cluster of this process alone, which Ray itself does not; None if another one that runs is noted."""
    path = _note_path()
    with suppress(ClusterError):  # of one that was killed: nothing answers
        _find("auto")
        return None
    try:
        path.write_text(gcs_address, encoding="utf-8")
    except OSError:
        return None
    return path


def _find(address: str) -> str:
    """HOST:PORT of a cluster that can be reached; Ray itself would try for minutes, or wait for ever."""
    found = address
    if address == "auto":
        if not (note := _note_path()).is_file():
            raise ClusterError("No Ray cluster runs here, as 'auto' asks for; `ray start --head` starts one.")
        found = note.read_text(encoding="utf-8").strip()
    host, colon, port = found.rpartition(":")
    if not colon or not port.isdecimal():
        raise ClusterError(f"The address is {address!r}; 'auto' or HOST:PORT is accepted.")
    try:
        socket.create_connection((host, int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise ClusterError(f"There is no Ray cluster at {address!r}: {error.strerror or error}.") from error
    return found
