"""A day of a large cluster in a few seconds: visitors come, wait, watch and leave; devices fail and come back.

Places sessions by the very rule that the gateway uses. Knows events and seconds of a made-up day; the clock, processes
and frames it does not know. The same plan and seed give the same day.
"""

from __future__ import annotations

import heapq
import itertools
import math
import random
from dataclasses import dataclass, field

from lingen_live.cluster.placement import Kind, Room, Seeker, place, relieve
from lingen_live.serve.waiting import Stays, estimate_s

DAY_S = 86_400.0
HOUR_S = 3_600.0
_KIND = Kind("simulated", "bfloat16")


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What the day is like; all but the policy is assumed, and said so in the report.

    Attributes:
        n_sessions: visitors of the day.
        n_devices: engines.
        n_in_time: sessions that a device plays as fast as needed.
        n_slots: sessions that it has memory for; beyond `n_in_time` only those that lost their device may come.
        mean_session_s: lognormal lengths with this mean.
        session_sigma: of the logarithm of the length.
        swing: 0 to 1, how far the arrivals swing about their mean over the day.
        peak_hour: when most arrive.
        mean_life_s: of a device between two failures.
        restart_s: after most failures, the engine is back.
        node_share: of failures that take the machine along.
        node_s: until it is back then.
        recover_s: from a failure until a session is open elsewhere, if there is a place.
        move_s: that a session stands still when it is moved.
        has_relief: whether sessions are moved away from devices that have more than they play in time.
    """

    n_sessions: int = 10_000
    n_devices: int = 200
    n_in_time: int = 3
    n_slots: int = 4
    mean_session_s: float = 3_000.0
    session_sigma: float = 1.0
    swing: float = 0.8
    peak_hour: float = 20.5
    mean_life_s: float = 12 * HOUR_S
    restart_s: float = 10.0
    node_share: float = 0.2
    node_s: float = 900.0
    recover_s: float = 3.0
    move_s: float = 0.5
    has_relief: bool = True


@dataclass(slots=True)
class Visit:
    """One session: seconds of the day."""

    arrived_s: float
    length_s: float
    estimate_s: float | None = None
    began_s: float | None = None
    ends_s: float = math.inf
    outages_s: list[float] = field(default_factory=list)
    moves_s: float = 0.0
    lost_s: float | None = None


@dataclass(slots=True)
class Day:
    """What became of it.

    Attributes:
        visits: all.
        device_s: seconds that devices spent with 0, 1, ... sessions.
        hourly_used: by hour, the mean of sessions that played.
        hourly_waiting: by hour, the mean of visitors in line.
        n_failures: of devices.
        n_moves: of sessions, from devices that had too many.
    """

    visits: list[Visit]
    device_s: list[float]
    hourly_used: list[float]
    hourly_waiting: list[float]
    n_failures: int = 0
    n_moves: int = 0


def simulate(plan: DayPlan, seed: int = 0) -> Day:
    """A day, and as long after it as sessions last."""
    return _Simulator(plan, seed).run()


def arrival_times(plan: DayPlan, dice: random.Random) -> list[float]:
    """As many moments of the day as there are visitors, in order, by the day's curve."""
    times: list[float] = []
    while len(times) < plan.n_sessions:
        at_s = dice.uniform(0.0, DAY_S)
        phase = 2 * math.pi * (at_s / HOUR_S - plan.peak_hour) / 24
        if dice.random() * (1 + plan.swing) <= 1 + plan.swing * math.cos(phase):
            times.append(at_s)
    return sorted(times)


class _Simulator:
    def __init__(self, plan: DayPlan, seed: int) -> None:
        self._plan = plan
        self._dice = random.Random(seed)
        self._events: list[tuple[float, int, str, int]] = []
        self._order = itertools.count()
        mu = math.log(plan.mean_session_s) - plan.session_sigma**2 / 2
        self._visits = [
            Visit(at_s, self._dice.lognormvariate(mu, plan.session_sigma)) for at_s in arrival_times(plan, self._dice)
        ]
        self._rooms = [Room(str(k), _KIND, plan.n_slots, plan.n_in_time, 0) for k in range(plan.n_devices)]
        self._is_up = [True] * plan.n_devices
        self._at: dict[int, int] = {}  # device of a session
        self._lost: dict[int, None] = {}
        self._line: dict[int, None] = {}
        self._stays = Stays()
        hours = [0.0] * 24
        self._day = Day(self._visits, [0.0] * (plan.n_slots + 1), hours, list(hours))
        self._now_s = 0.0

    def run(self) -> Day:
        for number, visit in enumerate(self._visits):
            self._at_time(visit.arrived_s, "arrive", number)
        for device in range(self._plan.n_devices):
            self._at_time(self._life_s(), "fail", device)
        while self._events:
            at_s, _, what, number = heapq.heappop(self._events)
            self._pass_until(at_s)
            getattr(self, f"_{what}")(number)
            self._pump()
        return self._day

    def _arrive(self, number: int) -> None:
        self._line[number] = None
        mean_s = self._stays.mean_s
        if mean_s is not None and not any(self._is_free(room, is_live=False) for room in self._rooms):
            self._visits[number].estimate_s = estimate_s(len(self._line), len(self._at), mean_s)

    def _leave(self, number: int) -> None:
        visit = self._visits[number]
        if number not in self._at or self._now_s < visit.ends_s:  # an outage made it longer
            return
        self._rooms[self._at.pop(number)].n_taken -= 1
        self._stays.end()

    def _fail(self, device: int) -> None:
        if self._now_s > DAY_S:
            return
        self._day.n_failures += 1
        self._is_up[device] = False
        for number in [one for one, where in self._at.items() if where == device]:
            del self._at[number]
            self._visits[number].lost_s = self._now_s
            self._lost[number] = None
        self._rooms[device].n_taken = 0
        takes_node = self._dice.random() < self._plan.node_share
        self._at_time(self._now_s + (self._plan.node_s if takes_node else self._plan.restart_s), "return", device)

    def _return(self, device: int) -> None:
        self._is_up[device] = True
        self._at_time(self._now_s + self._life_s(), "fail", device)

    def _pump(self) -> None:
        up = [room for room in self._rooms if self._is_up[int(room.name)]]
        if self._plan.has_relief:
            self._relieve(up)
        n_free = sum(room.n_slots - room.n_taken for room in up if self._is_free(room, is_live=bool(self._lost)))
        if not n_free or not (self._lost or self._line):
            return
        lost = [Seeker(number, _KIND, True) for number in itertools.islice(self._lost, n_free)]
        new = [Seeker(number) for number in itertools.islice(self._line, n_free)]
        for number, name in place([*lost, *new], up).items():
            self._seat(number, int(name))

    def _relieve(self, up: list[Room]) -> None:
        """Move sessions from devices that have too many to others with a place in time; each stands still a little."""
        while move := relieve(up):
            source, target = (int(name) for name in move)
            number = next(one for one, where in self._at.items() if where == source)
            visit = self._visits[number]
            self._at[number] = target
            self._rooms[source].n_taken -= 1
            self._rooms[target].n_taken += 1
            self._day.n_moves += 1
            visit.moves_s += self._plan.move_s
            visit.ends_s += self._plan.move_s
            self._at_time(visit.ends_s, "leave", number)

    def _seat(self, number: int, device: int) -> None:
        visit = self._visits[number]
        self._at[number] = device
        if visit.lost_s is not None:
            outage_s = self._now_s - visit.lost_s + self._plan.recover_s
            visit.outages_s.append(outage_s)
            visit.ends_s, visit.lost_s = visit.ends_s + outage_s, None
            del self._lost[number]
        else:
            visit.began_s, visit.ends_s = self._now_s, self._now_s + visit.length_s
            del self._line[number]
        self._at_time(visit.ends_s, "leave", number)

    def _pass_until(self, at_s: float) -> None:
        """Time goes by; what is counted is counted within the day, but for what estimates are made of."""
        self._stays.play(len(self._at), at_s - self._now_s)
        span_s, hour = min(at_s, DAY_S) - self._now_s, int(self._now_s // HOUR_S)
        if span_s > 0 and hour < 24:
            for room, is_up in zip(self._rooms, self._is_up, strict=True):
                if is_up:
                    self._day.device_s[room.n_taken] += span_s
            self._day.hourly_used[hour] += len(self._at) * span_s / HOUR_S
            self._day.hourly_waiting[hour] += (len(self._line) + len(self._lost)) * span_s / HOUR_S
        self._now_s = at_s

    def _is_free(self, room: Room, *, is_live: bool) -> bool:
        return self._is_up[int(room.name)] and room.has_place(is_live=is_live)

    def _life_s(self) -> float:
        return self._dice.expovariate(1 / self._plan.mean_life_s)

    def _at_time(self, at_s: float, what: str, number: int) -> None:
        heapq.heappush(self._events, (at_s, next(self._order), what, number))
