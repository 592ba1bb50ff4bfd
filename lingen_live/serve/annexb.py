"""H.264 as encoders write it (Annex B: units between start codes) and as files hold it. Pure: knows bytes only."""

from __future__ import annotations

from collections.abc import Collection, Iterator

SPS, PPS = 7, 8
_DELIMITER = 9
_START = b"\0\0\1"


def units(data: bytes) -> Iterator[bytes]:
    """The NAL units of Annex B `data`, without start codes."""
    start = data.find(_START)
    while start >= 0:
        start += len(_START)
        end = data.find(_START, start)
        # A start code may have a zero more, and a unit never ends in one.
        unit = data[start : end if end >= 0 else len(data)].rstrip(b"\0")
        if unit:
            yield unit
        start = end


def kind_of(unit: bytes) -> int:
    """The `nal_unit_type`."""
    return unit[0] & 0x1F


def parameter_sets(data: bytes) -> tuple[bytes, bytes]:
    """The first SPS and the first PPS.

    Raises:
        ValueError: `data` lacks one of them, so that no decoder could begin with it.
    """
    found: dict[int, bytes] = {}
    for unit in units(data):
        found.setdefault(kind_of(unit), unit)
    if missing := [name for kind, name in ((SPS, "SPS"), (PPS, "PPS")) if kind not in found]:
        raise ValueError(f"The keyframe of {len(data)} bytes has no {' and no '.join(missing)}.")
    return found[SPS], found[PPS]


def with_lengths(data: bytes, known: Collection[bytes]) -> bytes:
    """`data` with 4-byte lengths for start codes, without the parameter sets that are `known` already."""
    kept = [unit for unit in units(data) if kind_of(unit) != _DELIMITER and unit not in known]
    return b"".join(len(unit).to_bytes(4, "big") + unit for unit in kept)
