"""`Keeper`: the sessions of a gateway as files of a store, and those that the gateway before it left there.

Knows streams as they are kept, and files. Does not know devices, nor where files lie.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial

from lingen_live.cluster.store import Store
from lingen_live.engine.carry import Carried
from lingen_live.engine.client import Returning
from lingen_live.engine.kept_file import KeptStream, read_kept, write_kept
from lingen_live.errors import LingenError

logger = logging.getLogger(__name__)


class Keeper:
    """Keeps sessions under their names.

    Args:
        store: None to keep nothing.
        left: what lies there, by name; see `Keeper.of`.
    """

    def __init__(self, store: Store | None = None, left: Mapping[str, KeptStream] | None = None) -> None:
        self._store = store
        self._left = dict(left or {})

    @classmethod
    def of(cls, store: Store) -> Keeper:
        """With all that lies in the store; a damaged file stays there, with a warning. Blocking, for the start.

        Raises:
            ClusterError: the store cannot be read.
        """
        left = {}
        for name, data in store.kept().items():
            try:
                left[name] = read_kept(data)
            except LingenError as error:
                logger.warning("The session that is kept as %r does not come back: %s", name, error.message)
        return cls(store, left)

    @property
    def returning(self) -> tuple[Returning, ...]:
        """What waits to be opened again."""
        return tuple(Returning(name, one.prompt, one.seed) for name, one in self._left.items())

    @property
    def dtype(self) -> str | None:
        """In which arithmetic those can go on; None if there are none, or not all in the same."""
        dtypes = {one.carried.dtype for one in self._left.values()}
        return dtypes.pop() if len(dtypes) == 1 else None

    def left(self, name: str | None) -> Carried | None:
        """How the session of that name was left, if it waits to be opened again."""
        return self._left[name].carried if name in self._left else None

    def keep(self, name: str, prompt: str, seed: int, carried: Carried) -> None:
        """Keep a session as it is now."""
        self._left.pop(name, None)
        if self._store is not None:
            self._store.put(name, partial(write_kept, KeptStream(prompt, seed, carried)))

    def forget(self, name: str) -> None:
        """A session has ended. One that never went on is left for a gateway that can make something of it."""
        if self._store is not None and name not in self._left:
            self._store.forget(name)

    async def settled(self) -> None:
        """Wait until all is written."""
        if self._store is not None:
            await self._store.settled()
