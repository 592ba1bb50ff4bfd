"""The listening socket, bound before anything slow begins. Knows addresses; nothing listens on it yet."""

from __future__ import annotations

import errno
import socket

from lingen_live.serve.errors import ListenError


def bind(host: str, port: int) -> socket.socket:
    """A TCP socket bound to `host` and `port` (0 picks a free one).

    Raises:
        ListenError: the address is taken, not allowed, or none of this machine.
    """
    if not 0 <= port <= 65535:
        raise ListenError(f"The port is {port}; it must be 0 to 65535, 0 for any free one.")
    try:
        if not host:  # to the system, that would mean every address
            raise socket.gaierror
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise ListenError(f"The host {host!r} is not an address of this machine; try 127.0.0.1.") from error
    listener = socket.socket(family, kind, proto)
    try:
        # Else a server that just ended would keep its port for a minute.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # Two sockets may be bound to one port for as long as neither listens: only now it is ours.
        listener.listen()
    except OSError as error:
        listener.close()
        raise ListenError(_sentence(host, port, error)) from error
    return listener


def url_of(listener: socket.socket, host: str) -> str:
    """What to type into a browser on this machine."""
    port = listener.getsockname()[1]
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{name}:{port}/"


def _sentence(host: str, port: int, error: OSError) -> str:
    match error.errno:
        case errno.EADDRINUSE:
            return f"Port {port} of {host} is in use; choose another with --port, or 0 for any free one."
        case errno.EACCES:
            return f"Port {port} is reserved for the system; choose one from 1024 to 65535 with --port."
        case errno.EADDRNOTAVAIL:
            return f"The host {host!r} is not an address of this machine; try 127.0.0.1."
        case _:
            return f"Port {port} of {host} cannot be had: {error.strerror}."
