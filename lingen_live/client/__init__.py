"""Programs that watch and steer: `async with LiveClient(url) as live: await live.steer("night")`."""

from lingen_live.client.live import Applied, LiveClient, Refused
from lingen_live.client.watching import Frame, Watcher, WatchError

__all__ = ["Applied", "Frame", "LiveClient", "Refused", "WatchError", "Watcher"]
