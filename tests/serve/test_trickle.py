"""What is taken out of an offer."""

from __future__ import annotations

import pytest

from lingen_live.serve.errors import HttpError
from lingen_live.serve.trickle import without_names

NAMED = "a=candidate:1 1 udp 2113937151 0b1c.local 50000 typ host generation 0"
PLAIN = "a=candidate:2 1 udp 2113937150 192.0.2.7 50001 typ host"


def offer(*lines: str) -> str:
    return "\r\n".join(("v=0", "m=audio 9 X 0", "a=mid:0", "m=video 9 X 0", *lines, "a=mid:1", ""))


def test_an_offer_without_names_stays_as_it_is() -> None:
    plain = offer(PLAIN, "a=end-of-candidates")
    assert without_names(plain) == (plain, None)


def test_names_are_for_later_and_so_is_the_end() -> None:
    rest, named = without_names(offer(NAMED, PLAIN, "a=end-of-candidates"))
    assert rest == offer(PLAIN)
    assert named is not None
    assert [(one.ip, one.port, one.sdpMLineIndex) for one in named.candidates] == [("0b1c.local", 50000, 1)]
    assert named.is_last
    _, open_ended = without_names(offer(NAMED))
    assert open_ended is not None
    assert not open_ended.is_last


def test_a_name_in_a_line_that_is_no_candidate_is_refused() -> None:
    with pytest.raises(HttpError, match="is no candidate"):
        without_names(offer("a=candidate:1 one udp 2113937151 0b1c.local 50000 typ host"))
