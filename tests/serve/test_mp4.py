"""Films: written frame by frame, read back by a decoder that we did not write, also when cut off anywhere."""

from __future__ import annotations

import io

import av
import numpy as np
import pytest

from lingen_live.serve.annexb import parameter_sets, units, with_lengths
from lingen_live.serve.boxes import MAX_INDEXED, index_box
from lingen_live.serve.coded import CODECS, Codec
from lingen_live.serve.colour import ColourConverter
from lingen_live.serve.encoder import VideoEncoder
from lingen_live.serve.mp4 import Cutter, Mp4Writer, Sample

STEP = 5625  # 90 kHz ticks of a frame at 16 a second


def coded(codec: Codec, n_frames: int = 64, first_pts: int = 7 * STEP, key_every: int = 24) -> list[Sample]:
    """Frames that get brighter; after the half, from another encoder with half the bitrate."""
    encoder = VideoEncoder(codec, 64, 48, 16.0, 400_000)
    samples = []
    for k in range(n_frames):
        if k == n_frames // 2:
            encoder = VideoEncoder(codec, 64, 48, 16.0, 200_000)
        (image,) = ColourConverter().to_yuv420p(np.full((1, 48, 64, 3), 20 + 3 * k, np.uint8))
        frame = encoder.encode(image, first_pts + k * STEP, is_key=k % key_every == 0)
        assert frame is not None
        samples.append(Sample(frame.data, frame.pts, frame.is_key))
    return samples


def parts_of(samples: list[Sample], codec: Codec) -> tuple[list[bytes], Mp4Writer]:
    """Header and fragments."""
    writer, cutter = Mp4Writer(codec, 64, 48, samples[0]), Cutter(90_000, 2**20)
    fragments = [*map(cutter.add, samples), cutter.rest(samples[-1].pts + STEP)]
    return [writer.header, *(writer.fragment(part.samples, part.end_pts) for part in fragments if part)], writer


def finished(parts: list[bytes], writer: Mp4Writer) -> bytes:
    data = bytearray(b"".join(parts))
    for offset, patch in writer.patches():
        data[offset : offset + len(patch)] = patch
    return bytes(data)


def read(data: bytes) -> list[tuple[int, float]]:
    """pts and brightness of every frame."""
    with av.open(io.BytesIO(data), "r") as film:
        return [(frame.pts or 0, float(frame.to_ndarray(format="gray").mean())) for frame in film.decode(video=0)]


@pytest.mark.parametrize("codec", CODECS)
def test_a_decoder_reads_every_frame_at_its_time(codec: Codec) -> None:
    samples = coded(codec)
    data = finished(*parts_of(samples, codec))
    shown = read(data)
    assert [pts for pts, _ in shown] == [k * STEP for k in range(64)]
    levels = [level for _, level in shown]
    assert levels[-1] - levels[0] > 100
    assert min(np.diff(levels)) > -8  # also across the change of the encoder
    with av.open(io.BytesIO(data), "r") as film:
        (stream,) = film.streams.video
        assert (stream.width, stream.height, stream.duration) == (64, 48, 64 * STEP)
        assert stream.codec_context.colorspace == 6  # SMPTE 170M
        assert stream.codec_context.color_range == 1


@pytest.mark.parametrize("codec", CODECS)
def test_seeking_finds_a_keyframe_by_the_index(codec: Codec) -> None:
    with av.open(io.BytesIO(finished(*parts_of(coded(codec), codec))), "r") as film:
        (stream,) = film.streams.video
        film.seek(50 * STEP, stream=stream)
        assert next(film.decode(video=0)).pts == 48 * STEP


@pytest.mark.parametrize("codec", CODECS)
def test_what_was_written_before_a_kill_plays(codec: Codec) -> None:
    parts, _ = parts_of(coded(codec), codec)
    assert len(parts) >= 5
    for n_fragments in (1, 3):
        whole = b"".join(parts[: 1 + n_fragments])
        n_frames = len(read(whole))
        assert n_frames >= 8
        # Cut off within the next one: what is whole still plays.
        torn = whole + parts[1 + n_fragments][:60]
        assert len(read(torn)) == n_frames


def test_a_film_begins_with_a_keyframe_and_goes_forward() -> None:
    samples = coded("VP8", 4)
    with pytest.raises(ValueError, match="no keyframe"):
        Mp4Writer("VP8", 64, 48, samples[1])
    writer = Mp4Writer("VP8", 64, 48, samples[0])
    with pytest.raises(ValueError, match="do not follow"):
        writer.fragment(samples[::-1], samples[-1].pts + STEP)
    with pytest.raises(ValueError, match="no SPS and no PPS"):
        parameter_sets(b"\0\0\1\x65abc")


def test_annexb_is_taken_apart_and_known_sets_are_left_out() -> None:
    data = b"\0\0\0\1\x67abc\0\0\1\x68d\0\0\0\1\x09\xf0\0\0\1\x65picture"
    assert list(units(data)) == [b"\x67abc", b"\x68d", b"\x09\xf0", b"\x65picture"]
    assert with_lengths(data, {b"\x67abc"}) == b"\0\0\0\2\x68d\0\0\0\x08\x65picture"


def test_the_index_has_room_for_so_many_and_always_fills_it() -> None:
    assert {len(index_box([(1, 1)] * n)) for n in (0, 1, MAX_INDEXED)} == {len(index_box([]))}
    with pytest.raises(ValueError, match="room for 1000"):
        index_box([(1, 1)] * (MAX_INDEXED + 1))


def test_many_keyframes_share_entries_of_the_index() -> None:
    sample = coded("VP8", 1)[0]
    writer = Mp4Writer("VP8", 64, 48, sample)
    for k in range(MAX_INDEXED + 5):
        key = Sample(sample.data, sample.pts + k * STEP, True)
        writer.fragment([key], key.pts + STEP)
    (_, duration), (_, index) = writer.patches()
    assert int.from_bytes(duration[12:20], "big") == (MAX_INDEXED + 5) * STEP
    assert len(index) == len(index_box([]))
