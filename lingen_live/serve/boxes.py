"""The boxes of a fragmented MP4 file (ISO/IEC 14496-12, -15, and the VP codec binding). Pure bytes."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from lingen_live.serve.coded import Codec
from lingen_live.serve.ticks import CLOCK_RATE_HZ

MAX_INDEXED = 1000
"""Entries of an index; the room for them is kept when a film begins."""

IndexEntry = tuple[int, int]
"""Bytes and ticks of a stretch that begins with a keyframe."""

_TRACK = 1
_BT601 = 6  # colour primaries, transfer and matrix of SMPTE 170M, as the encoder tags them; see colour.py
_UNITY = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_KEY, _NOT_KEY = 0x02000000, 0x01010000  # depends on nothing; depends on others and is no place to begin
_INDEX_BYTES = 40 + 12 * MAX_INDEXED
_HIGH_PROFILES = (100, 110, 122, 144)


def box(kind: bytes, *parts: bytes) -> bytes:
    """A box: its size, its kind, what is in it."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    """A box with a version and flags."""
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


def film_header(
    codec: Codec, width_px: int, height_px: int, sets: tuple[bytes, bytes] | None
) -> tuple[bytes, int, int]:
    """What stands before the first fragment.

    Args:
        codec: of the samples.
        width_px: of the picture.
        height_px: of the picture.
        sets: SPS and PPS of H.264.

    Returns:
        The bytes, and where in them there is room for `duration_box` and for `index_box`.
    """
    room = box(b"free", bytes(len(duration_box(0)) - 8))
    defaults = full_box(b"trex", 0, 0, struct.pack(">5I", _TRACK, 1, 0, 0, 0))
    # The room comes last, so that its place is known from the end.
    extends = box(b"mvex", defaults, room)
    moov = box(b"moov", _movie_header(), _track(codec, width_px, height_px, sets), extends)
    head = box(b"ftyp", b"iso6", struct.pack(">I", 1), b"iso6iso5mp41") + moov
    return head + box(b"free", bytes(_INDEX_BYTES - 8)), len(head) - len(room), len(head)


def duration_box(ticks: int) -> bytes:
    """How long the film is."""
    return full_box(b"mehd", 1, 0, struct.pack(">Q", ticks))


def index_box(entries: Sequence[IndexEntry]) -> bytes:
    """Where keyframes are, and what is left of the room for it.

    Raises:
        ValueError: there is no room for so many.
    """
    if len(entries) > MAX_INDEXED:
        raise ValueError(f"The index has {len(entries)} entries; there is room for {MAX_INDEXED}.")
    left = 12 * (MAX_INDEXED - len(entries))
    begins_with_key = 0x90000000
    rows = b"".join(struct.pack(">3I", n_bytes, ticks, begins_with_key) for n_bytes, ticks in entries)
    head = struct.pack(">IIQQHH", _TRACK, CLOCK_RATE_HZ, 0, left, 0, len(entries))
    index = full_box(b"sidx", 1, 0, head, rows)
    return index + (box(b"free", bytes(left - 8)) if left else b"")


def fragment_header(number: int, begin_ticks: int, samples: Sequence[tuple[int, int, bool]]) -> bytes:
    """What stands before a fragment's `mdat`.

    Args:
        number: of the fragment, from 1.
        begin_ticks: from the begin of the film.
        samples: ticks, bytes and whether it is a keyframe, of each.
    """
    rows = b"".join(struct.pack(">3I", ticks, size, _KEY if is_key else _NOT_KEY) for ticks, size, is_key in samples)
    header = full_box(b"tfhd", 0, 0x020000, struct.pack(">I", _TRACK))  # offsets count from here
    time = full_box(b"tfdt", 1, 0, struct.pack(">Q", begin_ticks))
    sequence = full_box(b"mfhd", 0, 0, struct.pack(">I", number))

    def whole(offset: int) -> bytes:
        run = full_box(b"trun", 0, 0x000701, struct.pack(">Ii", len(samples), offset), rows)
        return box(b"moof", sequence, box(b"traf", header, time, run))

    return whole(len(whole(0)) + 8)


def _movie_header() -> bytes:
    fixed = struct.pack(">4IIH10x", 0, 0, CLOCK_RATE_HZ, 0, 0x10000, 0)
    return full_box(b"mvhd", 0, 0, fixed, _UNITY, bytes(24), struct.pack(">I", _TRACK + 1))


def _track(codec: Codec, width_px: int, height_px: int, sets: tuple[bytes, bytes] | None) -> bytes:
    size = struct.pack(">II", width_px << 16, height_px << 16)
    header = full_box(b"tkhd", 0, 3, struct.pack(">5I16x", 0, 0, _TRACK, 0, 0), _UNITY, size)
    described = full_box(b"stsd", 0, 0, struct.pack(">I", 1), _sample_entry(codec, width_px, height_px, sets))
    none = struct.pack(">I", 0)
    table = box(
        b"stbl",
        described,
        full_box(b"stts", 0, 0, none),
        full_box(b"stsc", 0, 0, none),
        full_box(b"stsz", 0, 0, none, none),
        full_box(b"stco", 0, 0, none),
    )
    here = box(b"dinf", full_box(b"dref", 0, 0, struct.pack(">I", 1), full_box(b"url ", 0, 1)))
    information = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), here, table)
    # 0x55C4 is "und", no language.
    media_header = full_box(b"mdhd", 0, 0, struct.pack(">4IHH", 0, 0, CLOCK_RATE_HZ, 0, 0x55C4, 0))
    handler = full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\0")
    return box(b"trak", header, box(b"mdia", media_header, handler, information))


def _sample_entry(codec: Codec, width_px: int, height_px: int, sets: tuple[bytes, bytes] | None) -> bytes:
    fixed = struct.pack(">6xH16xHHIIIH32xHH", 1, width_px, height_px, 0x480000, 0x480000, 0, 1, 0x18, 0xFFFF)
    colours = box(b"colr", b"nclx", struct.pack(">3HB", _BT601, _BT601, _BT601, 0))
    if sets is None:
        return box(b"vp08", fixed, _vp8_settings(), colours)
    return box(b"avc1", fixed, _h264_settings(*sets), colours)


def _vp8_settings() -> bytes:
    # Profile 0, level not said, 8 bits, 4:2:0, limited range.
    return full_box(b"vpcC", 1, 0, struct.pack(">6BH", 0, 0, 0x82, _BT601, _BT601, _BT601, 0))


def _h264_settings(sps: bytes, pps: bytes) -> bytes:
    lengths_of_4 = 0xFF
    head = struct.pack(">6BH", 1, sps[1], sps[2], sps[3], lengths_of_4, 0xE1, len(sps))
    more = struct.pack(">4B", 0xFD, 0xF8, 0xF8, 0) if sps[1] in _HIGH_PROFILES else b""
    return box(b"avcC", head, sps, struct.pack(">BH", 1, len(pps)), pps, more)
