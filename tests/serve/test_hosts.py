"""Which Host and Origin may talk to a server."""

from __future__ import annotations

import pytest

from lingen_live.serve.hosts import HostRule, is_loopback

LOCAL = HostRule.for_host("127.0.0.1")
OPEN = HostRule.for_host("0.0.0.0", ["Studio.Example"])


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:8000", "[::1]:8000", "app.localhost"])
def test_loopback_names_always_pass(host: str) -> None:
    assert LOCAL.allows(host)
    assert OPEN.allows(host)


@pytest.mark.parametrize(
    "host", ["", "evil.example", "localhost.evil.example", "10.0.0.7", "[", "a:b:c", "127.0.0.1.evil.example"]
)
def test_a_loopback_server_knows_no_other_name(host: str) -> None:
    assert not LOCAL.allows(host)


@pytest.mark.parametrize("host", ["10.0.0.7:8000", "[2001:db8::1]:8000", "studio.example"])
def test_an_open_server_answers_to_addresses_and_given_names(host: str) -> None:
    assert OPEN.allows(host)


def test_an_open_server_refuses_other_names() -> None:
    assert not OPEN.allows("evil.example")


@pytest.mark.parametrize(
    ("origin", "host", "is_allowed"),
    [
        ("http://localhost:8000", "localhost:8000", True),
        ("HTTP://LOCALHOST:8000", "localhost:8000", True),
        ("http://localhost:3000", "localhost:8000", False),
        ("http://127.0.0.1:8000", "localhost:8000", False),
        ("http://evil.example", "localhost:8000", False),
        ("null", "localhost:8000", False),
        ("", "localhost:8000", False),
        ("http://[", "localhost:8000", False),
    ],
)
def test_only_own_pages_may_act(origin: str, host: str, is_allowed: bool) -> None:
    assert LOCAL.allows_origin(origin, host) is is_allowed


def test_pages_of_a_given_proxy_may_act() -> None:
    assert OPEN.allows_origin("https://studio.example", "10.0.0.7:8000")


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("box", False),
    ],
)
def test_is_loopback(host: str, answer: bool) -> None:
    assert is_loopback(host) is answer
