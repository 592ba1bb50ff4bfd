"""How many devices of those that there may be have an engine, by how many places are free.

An engine that starts is an actor that waits for a machine, which is what makes Ray's autoscaler start one; a machine
whose engines have ended is idle, which is what makes Ray end it. `Scaling` is pure: it knows numbers. `Scaler` knows
devices. Neither knows Ray.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lingen_live.cluster.device import Device
from lingen_live.errors import ClusterError

LOOK_S = 5.0
"""Between two looks at whether there are enough devices."""


@dataclass(frozen=True, slots=True)
class ScalingPlan:
    """Between what, and by what.

    Attributes:
        least: devices that always have an engine, 1 or more.
        most: devices that may have one.
        n_spare: places that are to be free.
        calm_s: fewer have to be enough for so long before one goes.

    Raises:
        ClusterError: no number fits.
    """

    least: int
    most: int
    n_spare: int = 1
    calm_s: float = 300.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 1 <= self.least <= self.most:
            raise ClusterError(f"least-devices is {self.least}; it must be 1 to the number of devices, {self.most}.")
        if self.n_spare < 0:
            raise ClusterError(f"spare is {self.n_spare}; it must be 0 or more.")


class Scaling:
    """How many devices are wanted; more at once, fewer when they have been enough for a while."""

    def __init__(self, plan: ScalingPlan) -> None:
        self._plan = plan
        self._wanted = plan.least
        self._calm_since_s: float | None = None
        self._calm_most = plan.least

    def wanted(self, now_s: float, n_sessions: int, places_each: int) -> int:
        """Devices that should have an engine.

        Args:
            now_s: monotonic.
            n_sessions: that play, or wait for a device.
            places_each: sessions that a device plays in time, 1 or more.
        """
        needed = math.ceil((n_sessions + self._plan.n_spare) / places_each)
        needed = max(self._plan.least, min(needed, self._plan.most))
        if needed >= self._wanted:
            self._wanted, self._calm_since_s = needed, None
        elif self._calm_since_s is None:
            self._calm_since_s, self._calm_most = now_s, needed
        else:
            self._calm_most = max(self._calm_most, needed)
            if now_s - self._calm_since_s >= self._plan.calm_s:
                self._wanted, self._calm_since_s = self._calm_most, None
        return self._wanted


class Scaler:
    """Has as many devices work as are wanted.

    Args:
        plan: for how many.
        devices: all; the first `plan.least` work from the beginning.
        n_on: how many sessions a device has.
        start: starts all devices that are waiting and not resting.
        drain: moves all sessions away from a device, then ends its engine.

    Attributes:
        resting: devices that are to have no engine.
    """

    def __init__(
        self,
        plan: ScalingPlan,
        devices: Sequence[Device],
        n_on: Callable[[Device], int],
        start: Callable[[], None],
        drain: Callable[[Device], None],
    ) -> None:
        self._scaling = Scaling(plan)
        self._devices = devices
        self._n_on = n_on
        self._start = start
        self._drain = drain
        self.resting = set(devices[plan.least :])

    async def run(self, count: Callable[[], int]) -> None:
        """Look again and again, until cancelled; `count` tells the sessions that play or wait for a device."""
        while True:
            await asyncio.sleep(LOOK_S)
            self.look(time.monotonic(), count())

    def look(self, now_s: float, n_sessions: int) -> None:
        """See how many devices are wanted, and have engines started or ended."""
        ready = [device for device in self._devices if device.state == "ready"]
        if not ready:
            return  # nothing is known yet of how much one plays
        places_each = max(1, sum(device.n_in_time for device in ready) // len(ready))
        wanted = self._scaling.wanted(now_s, n_sessions, places_each)
        working = [one for one in self._devices if one not in self.resting and one.state not in ("refused", "ended")]
        if wanted > len(working):
            self._wake(wanted - len(working))
        for device in sorted(working, key=self._worth)[: max(0, len(working) - wanted)]:
            self.resting.add(device)
        for device in self.resting:
            self._lay(device)

    def _worth(self, device: Device) -> tuple[bool, int, int]:
        """Devices that nobody would miss come first; of equals, the last."""
        return device.state in ("ready", "draining"), self._n_on(device), -self._devices.index(device)

    def _wake(self, n: int) -> None:
        # One whose last engine is still being ended has its turn at the next look.
        able = [one for one in self._devices if one in self.resting and not (one.state == "ended" and one.is_running)]
        for device in able[:n]:
            self.resting.discard(device)
            if device.state == "draining":
                device.state = "ready"  # its drain sees that, and leaves those who are still there
            elif device.state == "ended":
                device.state = "waiting"
        self._start()

    def _lay(self, device: Device) -> None:
        """Have a device that rests end its engine, also one that came back after a failure."""
        if device.state == "ready":
            device.state = "draining"
            self._drain(device)
        elif device.state in ("starting", "gone"):
            device.end()
