"""A crowd in a process of its own: `python crowd.py ADDRESS SECONDS`. Comes and goes, talks nonsense, never listens.

Prints how often each of it came, as JSON. A server's mistake (a status of 500, a socket that stays open) is an error.
"""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from random import Random
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from whep_player import SDP, Player, player

N_VIEWERS, N_NONSENSE = 20, 1000


class Crowd:
    """Twenty viewers and somebody who talks nonsense.

    Args:
        http: a client of the server.
        address: of the server, without a scheme.
    """

    def __init__(self, http: httpx.AsyncClient, address: str) -> None:
        self._http, self._address = http, address

    async def run(self, seconds: float) -> list[int]:
        """Do all that for so long; how often each viewer came."""
        until_s = asyncio.get_running_loop().time() + seconds
        viewers = [self._come_and_go(Random(number), until_s) for number in range(N_VIEWERS)]
        n_times, _ = await asyncio.gather(asyncio.gather(*viewers), self._talk_nonsense(Random(7)))
        return n_times

    async def _come_and_go(self, dice: Random, until_s: float) -> int:
        """Watch for a moment, again and again: politely, with a broken connection, or without ever reading."""
        n_times = 0
        while asyncio.get_running_loop().time() < until_s:
            n_times += 1
            match dice.randrange(3):
                case 0:
                    async with player() as guest:
                        if path := await self._is_let_in(guest):
                            await guest.frame()
                            await self._http.delete(path)
                case 1:
                    async with player() as guest:  # goes before it is connected, and says nothing
                        await self._is_let_in(guest)
                case _:
                    with suppress(ConnectionClosed):
                        async with connect(f"ws://{self._address}/media", max_queue=1) as socket:
                            await socket.recv()
                            await asyncio.sleep(dice.random())
            await asyncio.sleep(dice.random())
        return n_times

    async def _is_let_in(self, guest: Player) -> str:
        """Its address if there was room: who said no good-bye takes up a place for some seconds. All share one rate."""
        response = await guest.play_on(self._http)
        assert response.status_code in (201, 429, 503), response.text
        return guest.path

    async def _talk_nonsense(self, dice: Random) -> None:
        """A thousand messages that mean nothing, on sockets, as offers and as uploads."""
        for _ in range(N_NONSENSE // 20):
            async with connect(f"ws://{self._address}/ws") as socket:
                with suppress(ConnectionClosed):
                    if dice.random() < 0.7:
                        await socket.send(json.dumps({"type": "hello", "version": 1}))
                    for _ in range(16):
                        await socket.send(nonsense(dice))
                    async with asyncio.timeout(15):
                        await socket.recv()
            for _ in range(2):
                refused = await self._http.post("/whep", content=dice.randbytes(dice.randrange(400)), headers=SDP)
                assert 400 <= refused.status_code < 500
                taken = await self._http.post("/uploads", content=dice.randbytes(dice.randrange(400)))
                assert taken.status_code < 500  # read when it is asked for


def nonsense(dice: Random) -> str | bytes:
    """What no client of ours says."""
    values: list[object] = [None, -1, 1e308, "x" * 2000, [], {}, "\u0000", True, [[["deep"]]]]
    match dice.randrange(4):
        case 0:
            return dice.randbytes(dice.randrange(300))
        case 1:
            return "{" * dice.randrange(1, 500)
        case 2:
            return json.dumps(dice.choice(values))
        case _:
            kind = dice.choice(["steer", "seek", "fork", "switch", "schedule", "blend", "load", "record", "keep", "?"])
            fields = {dice.choice(["id", "prompt", "chunk_index", "parts", "name"]): dice.choice(values) for _ in "abc"}
            return json.dumps({"type": kind, **fields})


async def main(address: str, seconds: float) -> None:
    """Be a crowd."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as http:
        n_times = await Crowd(http, urlsplit(address).netloc).run(seconds)
    sys.stdout.write(json.dumps(n_times))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], float(sys.argv[2])))
