"""Session files on their way to the engine: uploaded over HTTP, named on the control socket, taken once.

Bounded in number and bytes: a newer upload takes the room of the oldest. Knows bytes; does not look into them.
"""

from __future__ import annotations

import secrets

from lingen_live.serve.errors import ProtocolError

MAX_UPLOADS = 2


class Uploads:
    """Bytes that wait to be named."""

    def __init__(self, max_uploads: int = MAX_UPLOADS) -> None:
        self._max_uploads = max_uploads
        self._waiting: dict[str, bytes] = {}

    def add(self, data: bytes) -> str:
        """Keep `data`, and name it so that nobody can guess it."""
        while len(self._waiting) >= self._max_uploads:
            del self._waiting[next(iter(self._waiting))]
        name = secrets.token_urlsafe(16)
        self._waiting[name] = data
        return name

    def take(self, name: str) -> bytes:
        """The bytes under a name, which is forgotten.

        Raises:
            ProtocolError: there are none.
        """
        if name not in self._waiting:
            raise ProtocolError("no_upload", "There is no such upload, or it was taken or replaced; upload it again.")
        return self._waiting.pop(name)
