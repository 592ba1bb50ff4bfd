"""Which H.264 encoder is used: what works, and never what does not. Needs no hardware."""

from __future__ import annotations

import pytest

from lingen_live.errors import ConfigError
from lingen_live.serve.h264 import HARDWARE, SOFTWARE, choose, why_not


def test_software_is_what_is_asked_of_hardware() -> None:
    assert why_not(SOFTWARE) is None


@pytest.mark.parametrize(("name", "words"), [("h264_of_no_maker", "h264_of_no_maker"), ("libvpx", "")])
def test_what_is_no_such_encoder_is_found_out(name: str, words: str) -> None:
    reason = why_not(name)
    assert reason is not None
    assert words in reason


def test_hardware_is_taken_where_it_works_and_software_elsewhere() -> None:
    assert choose("auto", lambda name: None) == HARDWARE[0]
    assert choose("auto", lambda name: None if name == HARDWARE[2] else "no device") == HARDWARE[2]
    assert choose("auto", lambda name: "no device") == SOFTWARE
    assert choose("software", lambda name: None) == SOFTWARE


def test_one_that_is_asked_for_must_work() -> None:
    assert choose(HARDWARE[1], lambda name: None) == HARDWARE[1]
    with pytest.raises(ConfigError, match=r"h264_nvenc does not work here \(no device\); auto takes one that does"):
        choose("h264_nvenc", lambda name: "no device")
    with pytest.raises(ConfigError, match="The encoder is 'mpeg2video'; it must be one of auto, software, h264_nvenc"):
        choose("mpeg2video", lambda name: None)
