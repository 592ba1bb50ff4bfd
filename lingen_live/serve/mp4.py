"""Fragmented MP4 (ISO/IEC 14496-12) of one video track, written as it happens. Pure: bytes out, no files.

A header comes first and needs nothing of what follows; then fragments, each of which plays with the header alone. So
whatever has been written when a process is killed is a film. Room is left in the header for what only the end knows,
the length and an index to seek by: see `Mp4Writer.patches`. Samples are what the encoder made; nothing is encoded here.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from lingen_live.serve.annexb import parameter_sets, with_lengths
from lingen_live.serve.boxes import MAX_INDEXED, IndexEntry, duration_box, film_header, fragment_header, index_box
from lingen_live.serve.coded import Codec


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A coded frame without what networks need of it.

    Attributes:
        data: as the encoder wrote it (H.264: Annex B).
        pts: 90 kHz.
        is_key: whether a decoder can begin with it.
    """

    data: bytes
    pts: int
    is_key: bool


class Mp4Writer:
    """The bytes of one film, in order.

    Args:
        codec: of the samples.
        width_px: of the picture.
        height_px: of the picture.
        first: the keyframe that the film begins with; its pts is the film's 0.

    Raises:
        ValueError: the first sample is none to begin with.
    """

    def __init__(self, codec: Codec, width_px: int, height_px: int, first: Sample) -> None:
        if not first.is_key:
            raise ValueError(f"A film cannot begin at pts {first.pts}: that is no keyframe.")
        self._codec = codec
        self._origin_pts = first.pts
        # An encoder that is made anew may bring other sets: those stay in the samples, where decoders take them.
        self._sets = parameter_sets(first.data) if codec == "H264" else None
        self.header, self._duration_at, self._index_at = film_header(codec, width_px, height_px, self._sets)
        self._n_bytes = len(self.header)
        self._n_fragments = 0
        self._end_pts = first.pts
        self._parts: list[IndexEntry] = []

    @property
    def duration_ticks(self) -> int:
        """Length so far, 90 kHz."""
        return self._end_pts - self._origin_pts

    @property
    def n_bytes(self) -> int:
        """Length so far, the header included."""
        return self._n_bytes

    def fragment(self, samples: Sequence[Sample], end_pts: int) -> bytes:
        """The next samples, the last of which is shown until `end_pts`.

        Raises:
            ValueError: time does not advance.
        """
        times = [sample.pts for sample in samples] + [end_pts]
        durations = [later - earlier for earlier, later in pairwise(times)]
        if times[0] < self._end_pts or min(durations) <= 0:
            raise ValueError(f"Samples at {times[:3]}... do not follow on {self._end_pts}.")
        if times[0] > self._end_pts and self._n_fragments:
            raise ValueError(f"The samples begin at {times[0]}, but those before end at {self._end_pts}.")
        bodies = [self._body(sample) for sample in samples]
        self._n_fragments += 1
        head = fragment_header(
            self._n_fragments,
            times[0] - self._origin_pts,
            [
                (duration, len(body), sample.is_key)
                for duration, body, sample in zip(durations, bodies, samples, strict=True)
            ],
        )
        data = b"".join((head, struct.pack(">I4s", 8 + sum(map(len, bodies)), b"mdat"), *bodies))
        self._note(len(data), end_pts - times[0], is_key=samples[0].is_key)
        self._end_pts = end_pts
        return data

    def patches(self) -> list[tuple[int, bytes]]:
        """What to write where, once no fragment follows: length and index, without which a player must read it all."""
        step = -(-len(self._parts) // MAX_INDEXED)
        groups = [self._parts[start : start + step] for start in range(0, len(self._parts), max(step, 1))]
        entries = [(sum(size for size, _ in group), sum(ticks for _, ticks in group)) for group in groups]
        return [(self._duration_at, duration_box(self.duration_ticks)), (self._index_at, index_box(entries))]

    def _body(self, sample: Sample) -> bytes:
        return sample.data if self._sets is None else with_lengths(sample.data, self._sets)

    def _note(self, n_bytes: int, ticks: int, *, is_key: bool) -> None:
        """The index leads to keyframes: a fragment without one belongs to the entry before."""
        self._n_bytes += n_bytes
        if is_key:
            self._parts.append((n_bytes, ticks))
        else:
            size, length = self._parts[-1]
            self._parts[-1] = (size + n_bytes, length + ticks)


@dataclass(frozen=True, slots=True)
class Fragment:
    """Samples that belong together, the last of which is shown until `end_pts`."""

    samples: tuple[Sample, ...]
    end_pts: int

    @property
    def n_bytes(self) -> int:
        """Of its samples."""
        return sum(len(sample.data) for sample in self.samples)


class Cutter:
    """Cuts a stream of samples into fragments: one begins with every keyframe, and none is much longer than the limit.

    Args:
        max_ticks: length from which on a fragment ends, 90 kHz: this much may be lost if the process is killed.
        max_bytes: size from which on it does.
    """

    def __init__(self, max_ticks: int, max_bytes: int) -> None:
        self._max_ticks = max_ticks
        self._max_bytes = max_bytes
        self._samples: list[Sample] = []
        self._n_bytes = 0

    def add(self, sample: Sample) -> Fragment | None:
        """The fragment that ends where `sample` begins, if one does."""
        is_full = bool(self._samples) and (
            sample.is_key
            or sample.pts - self._samples[0].pts >= self._max_ticks
            or self._n_bytes + len(sample.data) > self._max_bytes
        )
        fragment = self.rest(sample.pts) if is_full else None
        self._samples.append(sample)
        self._n_bytes += len(sample.data)
        return fragment

    def rest(self, end_pts: int) -> Fragment | None:
        """All that is left, shown until `end_pts`; None if nothing is."""
        samples, self._samples, self._n_bytes = tuple(self._samples), [], 0
        return Fragment(samples, end_pts) if samples else None
