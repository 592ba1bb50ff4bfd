"""First come, first served."""

from __future__ import annotations

import pytest

from lingen_live.serve.line import Line


def test_everybody_keeps_their_place_until_someone_before_them_goes() -> None:
    line: Line[str] = Line()
    for one in ("a", "b", "c", "a"):
        line.join(one)
    assert list(line.places()) == [("a", 1), ("b", 2), ("c", 3)]
    line.leave("b")
    line.leave("nobody")
    assert line.next() == "a"
    assert list(line.places()) == [("c", 1)]
    assert len(line) == 1


def test_of_nobody_there_is_no_first() -> None:
    with pytest.raises(LookupError):
        Line[str]().next()
