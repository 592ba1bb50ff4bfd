"""What viewers cost: a live server in a process of its own, watched by more and more players from this one.

The players only count packets, since fifty that decode would starve what is measured. Linux only: the processor time
of the server's main process (not of the engine's worker) is read from /proc.
"""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self
from urllib.parse import urljoin

from lingen_live.client.live import LiveClient
from lingen_live.client.watching import Watcher
from lingen_live.errors import LingenError

SETTLE_S = 3.0


class BenchError(LingenError):
    """The measurement cannot be made."""

    code = "cannot_measure"


class _Player(Watcher):
    """Counts frames, and decodes none."""

    n_frames = 0

    async def __aenter__(self) -> Self:
        """Connect."""
        await super().__aenter__()
        assert self._peer is not None
        transport = self._peer.getTransceivers()[0].receiver.transport
        if not hasattr(transport, "_handle_rtp_data"):
            raise BenchError("This version of aiortc has no _handle_rtp_data in its transport.")
        setattr(transport, "_handle_rtp_data", self._count)  # noqa: B010 (else a type checker objects)
        return self

    async def _count(self, data: bytes, arrival_time_ms: int) -> None:
        self.n_frames += data[1] >> 7  # the marker of a frame's last packet; headers are not encrypted


class ServerProcess:
    """`lingen_live live` on a free port, for the length of a `with`."""

    def __init__(self, arguments: Sequence[str] = ()) -> None:
        self._command = [sys.executable, "-m", "lingen_live.cli", "live", "--port", "0", *arguments]
        self.url = ""
        self.described = ""

    def __enter__(self) -> ServerProcess:
        """Start it and wait until it is warm."""
        self._process = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if match := re.search(r"Open (http://\S+:\d+/)", line):
                self.url = match[1]
                return self
            self.described = line.strip()
        self._process.wait()
        raise BenchError(f"The server ended before it was warm: {self.described}")

    def __exit__(self, *_: object) -> None:
        """End it."""
        self._process.terminate()
        self._process.communicate()

    def cpu_s(self) -> float:
        """Processor time of its main process so far."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure_viewers(server: ServerProcess, counts: Sequence[int], seconds: float) -> list[dict[str, Any]]:
    """The server's processor use with each number of viewers, rising.

    Returns:
        For each: `n_viewers`, `cpu_percent` of a core, and the frames a second of the best and the worst viewer.
    """
    rows = []
    async with AsyncExitStack() as stack:
        players: list[_Player] = []
        for count in counts:
            while len(players) < count:
                players.append(await stack.enter_async_context(_Player(urljoin(server.url, "whep"))))
            await asyncio.sleep(SETTLE_S)
            rows.append({"n_viewers": count, **await _measure(server, players, seconds)})
    return rows


async def measure_recording(server: ServerProcess, seconds: float) -> list[dict[str, Any]]:
    """The same with one viewer and a client of the controls, without a recording and with one."""
    rows = []
    async with LiveClient(server.url) as client, _Player(urljoin(server.url, "whep")) as player:
        for is_recorded in (False, True):
            if is_recorded:
                await client.control("record", action="start")
            await asyncio.sleep(SETTLE_S)
            rows.append({"n_viewers": 1, "is_recorded": is_recorded, **await _measure(server, [player], seconds)})
        await client.control("record", action="stop")
    return rows


async def _measure(server: ServerProcess, players: Sequence[_Player], seconds: float) -> dict[str, Any]:
    before, cpu_s, start_s = [player.n_frames for player in players], server.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    took_s = time.monotonic() - start_s
    rates = sorted((player.n_frames - n) / took_s for player, n in zip(players, before, strict=True))
    return {
        "cpu_percent": round(100 * (server.cpu_s() - cpu_s) / took_s, 2),
        "fps_worst": round(rates[0], 2) if rates else None,
        "fps_best": round(rates[-1], 2) if rates else None,
    }


def run_bench_viewers(counts: Sequence[int], seconds: float, arguments: Sequence[str] = ()) -> dict[str, Any]:
    """Start a server, measure, end it.

    Raises:
        BenchError: there is no /proc, or the server does not start.
    """
    if not Path("/proc/self/stat").exists():
        raise BenchError("Processor time is read from /proc, which this system does not have; Linux does.")
    with ServerProcess(arguments) as server:
        rows = asyncio.run(measure_viewers(server, counts, seconds))
        recording = asyncio.run(measure_recording(server, seconds))
    return {"server": server.described, "seconds": seconds, "rows": rows, "recording": recording}


def as_viewers_table(result: dict[str, Any]) -> str:
    """The numbers for a person."""
    lines = [result["server"], f"{'viewers':>7} {'% of a core':>12} {'worst fps':>10} {'best fps':>9}"]
    for row in result["rows"]:
        shown = [("-" if row[name] is None else f"{row[name]:.1f}") for name in ("fps_worst", "fps_best")]
        lines.append(f"{row['n_viewers']:>7} {row['cpu_percent']:>12.1f} {shown[0]:>10} {shown[1]:>9}")
    without, recorded = (row["cpu_percent"] for row in result["recording"])
    lines.append(f"one viewer and a client of the controls: {without:.1f} % of a core, while recorded {recorded:.1f}")
    return "\n".join(lines)
