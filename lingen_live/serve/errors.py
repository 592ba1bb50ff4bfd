"""What only a network can do wrong. Knows codes and HTTP statuses; knows no framework.

LingenError
└── ServeError
    ├── ProtocolError   a message on the control socket that is not in the protocol
    ├── HttpError       a request that is answered with a status of 400 or more
    └── ListenError     an address that the server cannot listen on
"""

from __future__ import annotations

from lingen_live.errors import LingenError


class ServeError(LingenError):
    """Base of all errors of the server."""

    code = "serve_error"


class ProtocolError(ServeError):
    """A control message that cannot be taken.

    Args:
        code: stable machine-readable word.
        message: one sentence: what was got, what is accepted.
        id: of the message, when it could be read.
    """

    def __init__(self, code: str, message: str, id: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.id = id


class HttpError(ServeError):
    """A request that cannot be served.

    Args:
        status: HTTP status, 400 or more.
        code: stable machine-readable word.
        message: one sentence: what was got, what is accepted.
        retry_after_s: when asking again may help.
    """

    def __init__(self, status: int, code: str, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s


class ListenError(ServeError):
    """The address is taken, not ours, or not an address."""

    code = "cannot_listen"
