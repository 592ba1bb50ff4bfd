"""Ports that can be had, and what is said about those that cannot."""

from __future__ import annotations

import socket

import pytest

from lingen_live.serve.errors import ListenError
from lingen_live.serve.listen import bind, url_of


def test_zero_picks_a_free_port() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        assert port > 0
        assert url_of(listener, "127.0.0.1") == f"http://127.0.0.1:{port}/"
        with socket.create_connection(("127.0.0.1", port)):  # it listens already: nobody else can have it
            pass


def test_an_occupied_port() -> None:
    with bind("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(ListenError, match=f"Port {port} of 127.0.0.1 is in use; choose another with --port"):
            bind("127.0.0.1", port)


def test_a_port_is_free_again_after_its_server_ended() -> None:
    with bind("127.0.0.1", 0) as listener:
        address = listener.getsockname()
        with socket.create_connection(address) as visitor:
            accepted, _ = listener.accept()
            accepted.close()
            visitor.recv(1)
    with bind(*address):
        pass


@pytest.mark.parametrize("host", ["no.such.name.invalid", "203.0.113.9", ""])
def test_a_host_that_is_not_here(host: str) -> None:
    with pytest.raises(ListenError, match="not an address of this machine"):
        bind(host, 0)


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_is_none(port: int) -> None:
    with pytest.raises(ListenError, match=f"port is {port}; it must be 0 to 65535"):
        bind("127.0.0.1", port)


@pytest.mark.parametrize(
    ("host", "shown"),
    [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]"), ("localhost", "localhost")],
)
def test_the_address_can_be_typed(host: str, shown: str) -> None:
    with bind("127.0.0.1", 0) as listener:
        assert url_of(listener, host) == f"http://{shown}:{listener.getsockname()[1]}/"
