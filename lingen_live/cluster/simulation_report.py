"""`lingen_live cluster simulate`: a day of a large cluster into a page with a table and a plot.

Knows what was simulated. Does not know how.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lingen_live.cluster.playback import Cost, share_in_time
from lingen_live.cluster.simulation import DAY_S, Day, DayPlan, simulate
from lingen_live.engine.curve import Curve, draw
from lingen_live.serve.waiting import MIN_ENDED

PAGE, PLOT = "cluster-simulation.md", "cluster-day.svg"
CHUNK_S = 0.5
ESTIMATED_DEVICES = (1, 8, 32)
ESTIMATED_DAYS = 20

_HEAD = """# A day of a large cluster, simulated

`lingen_live cluster simulate --seed {seed}` wrote this page. **Nothing here was measured on a cluster**: devices,
visitors and failures are made up. What is real is the rule that places and moves sessions (`cluster/placement.py`,
the gateway's own) and the scheduler of an engine (`engine/scheduler.py`); what was measured is the cost of a chunk
(137 ms, p95 155 ms: one thread of the README's machine) and about how
long coming back takes ([cluster](../cluster.md)).

Assumed: {n_sessions:,} visitors in a day, of a lognormal length of {minutes:g} minutes in the mean (sigma {sigma:g});
arrivals swing by {swing:.0f} % about their mean, the most at {peak_hour:g} h; {n_devices} devices that play
{n_in_time} sessions each and have memory for {n_slots}; a device fails every {life_h:g} hours in the mean and is
back after {restart_s:g} s, or, once in {node_every:g}, after {node_min:g} minutes. A session that lost its device is
open elsewhere {recover_s:g} s later if there is a place: then it may also take the slot that newcomers may not, and
is moved on ({move_s:g} s) as soon as a place in time is free. Nobody in line gives up. The numbers are chosen so that
the evening is too much.

![sessions that play, and visitors who wait, over the day](../images/{plot})
"""
_ESTIMATES = """## How long one was told to wait, and waited

Whoever finds all places taken is told an estimate, by the rule of the page's line (`serve/waiting.py`): seconds that
sessions played in all over the ends that were seen, shared among those who play. The same visitors as above, on fewer
devices without failures, {n_days} days of each; nothing is told before {n_least} sessions have ended.

{table}
"""
_TAIL = """
Places are {n_in_time} a device. Chunks in time: {shares} with 1 to {n_slots} sessions on a device ({chunks:,} chunks
each, of `cluster/playback.py`), weighted by how long devices had so many, less what outages and moves took.
"""


def write_report(pages: Path, images: Path, plan: DayPlan, seed: int) -> str:
    """Simulate four variants of a day and write the page and its plot; returns the page.

    Args:
        pages: folder of the page.
        images: folder of the plot.
        plan: the first variant; the others move nobody, have no slot to spare, and no failures.
        seed: of all.
    """
    variants = {
        "as assumed": plan,
        "nobody moved": replace(plan, has_relief=False),
        "no slot to spare": replace(plan, n_slots=plan.n_in_time),
        "no failures": replace(plan, mean_life_s=1e12),
    }
    shares = [1.0, *(share_in_time(n, Cost()) for n in range(1, plan.n_slots + 1))]
    days = {name: simulate(one, seed) for name, one in variants.items()}
    columns = [_facts(day, variants[name], shares) for name, day in days.items()]
    parts = [_head(plan, seed), _table(list(variants), columns), _tail(plan, shares), _estimates(plan, seed)]
    page = "\n".join(parts)
    for folder in (pages, images):
        folder.mkdir(parents=True, exist_ok=True)
    (pages / PAGE).write_text(page, encoding="utf-8")
    (images / PLOT).write_text(_plot(days["as assumed"]), encoding="utf-8")
    return page


def in_time(day: Day, shares: Sequence[float]) -> float:
    """The share of all chunks of the day that were in time, 0 to 1.

    Args:
        day: what became of it.
        shares: in time on a device with 0, 1, ... sessions.
    """
    played_s = sum(k * span_s for k, span_s in enumerate(day.device_s))
    good_s = sum(shares[k] * k * span_s for k, span_s in enumerate(day.device_s))
    return good_s / (played_s + sum(sum(visit.outages_s) + visit.moves_s for visit in day.visits))


def _facts(day: Day, plan: DayPlan, shares: Sequence[float]) -> dict[str, str]:
    waits_s = [visit.began_s - visit.arrived_s for visit in day.visits if visit.began_s is not None]
    waited_s = [wait_s for wait_s in waits_s if wait_s > 0]
    outages_s = [outage_s for visit in day.visits for outage_s in visit.outages_s]
    up_s = sum(day.device_s)
    playing = sum(k * span_s for k, span_s in enumerate(day.device_s)) / (up_s * plan.n_in_time)
    return {
        "places taken, mean of the day": f"{100 * playing:.1f} %",
        "places taken, fullest hour": f"{100 * max(day.hourly_used) / (plan.n_devices * plan.n_in_time):.1f} %",
        "devices up": f"{100 * up_s / (plan.n_devices * DAY_S):.2f} %",
        "visitors who wait": f"{100 * len(waited_s) / len(waits_s):.1f} %",
        "their wait: p50, p95, longest, min": _told(waited_s, 60),
        "wait over estimate: p10, p50, p90": _spread(_ratios(day)),
        "devices that failed": str(day.n_failures),
        "sessions that lost their device": str(len(outages_s)),
        "until they go on: p50, p95, longest, s": _told(outages_s, 1),
        "of them within 5 s": _within(outages_s, 5.0),
        "sessions moved from devices with too many": str(day.n_moves),
        "chunks in time": f"{100 * in_time(day, shares):.2f} %",
    }


def _told(values_s: Sequence[float], unit_s: float) -> str:
    if not values_s:
        return "-"
    return ", ".join(f"{value / unit_s:.1f}" for value in (*_quantiles(values_s, 0.5, 0.95), max(values_s)))


def _within(values_s: Sequence[float], limit_s: float) -> str:
    return f"{100 * sum(one <= limit_s for one in values_s) / len(values_s):.1f} %" if values_s else "-"


def _ratios(day: Day) -> list[float]:
    """Of those who were told an estimate, how long they waited over it."""
    return [
        (visit.began_s - visit.arrived_s) / visit.estimate_s
        for visit in day.visits
        if visit.estimate_s and visit.began_s is not None
    ]


def _spread(ratios: Sequence[float]) -> str:
    return ", ".join(f"{one:.2f}" for one in _quantiles(ratios, 0.1, 0.5, 0.9)) if ratios else "-"


def _near(ratios: Sequence[float], factor: float) -> str:
    return f"{100 * sum(1 / factor <= one <= factor for one in ratios) / len(ratios):.0f} %" if ratios else "-"


def _estimates(plan: DayPlan, seed: int) -> str:
    columns, names = [], []
    for n_devices in ESTIMATED_DEVICES:
        small = replace(
            plan,
            n_sessions=round(plan.n_sessions * n_devices / plan.n_devices),
            n_devices=n_devices,
            mean_life_s=1e12,
        )
        visits = [visit for k in range(ESTIMATED_DAYS) for visit in simulate(small, seed + k).visits]
        waited = [one for one in visits if one.began_s is not None and one.began_s > one.arrived_s]
        ratios = _ratios(Day(waited, [], [], []))
        names.append(f"{n_devices * plan.n_in_time} places")
        columns.append(
            {
                "visitors who wait": str(len(waited)),
                "told an estimate": f"{100 * len(ratios) / len(waited):.0f} %",
                "wait over estimate: p10, p50, p90": _spread(ratios),
                "within a factor of 1.5": _near(ratios, 1.5),
                "within a factor of 2": _near(ratios, 2.0),
            }
        )
    return _ESTIMATES.format(n_days=ESTIMATED_DAYS, n_least=MIN_ENDED, table=_table(names, columns))


def _quantiles(values: Sequence[float], *shares: float) -> list[float]:
    if len(values) == 1:
        return [values[0]] * len(shares)
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return [cuts[round(100 * share) - 1] for share in shares]


def _table(names: Sequence[str], columns: Sequence[dict[str, str]]) -> str:
    lines = [f"| | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    lines += [f"| {what} | {' | '.join(column[what] for column in columns)} |" for what in columns[0]]
    return "\n".join(lines)


def _head(plan: DayPlan, seed: int) -> str:
    return _HEAD.format(
        seed=seed,
        n_sessions=plan.n_sessions,
        minutes=plan.mean_session_s / 60,
        sigma=plan.session_sigma,
        swing=100 * plan.swing,
        peak_hour=plan.peak_hour,
        n_devices=plan.n_devices,
        n_in_time=plan.n_in_time,
        n_slots=plan.n_slots,
        life_h=plan.mean_life_s / 3600,
        restart_s=plan.restart_s,
        node_every=1 / plan.node_share,
        node_min=plan.node_s / 60,
        recover_s=plan.recover_s,
        move_s=plan.move_s,
        plot=PLOT,
    )


def _tail(plan: DayPlan, shares: Sequence[float]) -> str:
    told = ", ".join(f"{100 * share:.1f} %" for share in shares[1:])
    return _TAIL.format(n_in_time=plan.n_in_time, n_slots=plan.n_slots, shares=told, chunks=2000)


def _plot(day: Day) -> str:
    hours = [hour + 0.5 for hour in range(24)]
    return draw(
        "hour of the day",
        hours,
        [Curve("sessions that play", day.hourly_used), Curve("visitors who wait", day.hourly_waiting)],
    )
