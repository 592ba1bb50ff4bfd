"""Reports: tables that say what was counted, and pictures that come back as they went in."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from lingen_live.train.evaluate import Sample, Score
from lingen_live.train.report import captions_table, grid, scores_json, scores_table, write_animation, write_png
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption

COLUMNS = {
    "model": {"biome": Score(9, 10), "pan": Score(0, 0)},
    "renders": {"biome": Score(2, 3), "pan": Score(1, 1)},
}


def test_scores_stand_with_their_counts() -> None:
    assert scores_table(COLUMNS).splitlines() == [
        "| attribute | model | renders |",
        "|---|---:|---:|",
        "| biome | 90 % (9/10) | 67 % (2/3) |",
        "| pan | not judged | 100 % (1/1) |",
    ]
    assert scores_json(COLUMNS)["renders"] == {
        "biome": {"right": 2, "judged": 3},
        "pan": {"right": 1, "judged": 1},
    }


def test_captions_stand_with_what_was_seen_instead() -> None:
    target = Attributes("sea", "dusk", "rain", "none", "red", "left", "slow")
    seen = {"biome": "city", "time": "dusk", "weather": "fog", "subject": "none", "colour": "blue", "pan": "still"}
    frames = np.zeros((1, 2, 2, 3), np.uint8)
    samples = [
        Sample(Caption("rain on the sea", frozenset({"biome", "weather"}), target), frames, seen),
        Sample(Caption("dusk", frozenset({"time", "colour"}), target), frames, seen),
    ]
    assert captions_table(samples, 1).splitlines() == [
        "| row, column | prompt | judged otherwise |",
        "|---|---|---|",
        "| 1, 1 | rain on the sea | biome: city (asked sea); weather: fog (asked rain) |",
        "| 2, 1 | dusk | nothing |",
    ]


def plain(value: int, height: int = 3, width: int = 4) -> NDArray[np.uint8]:
    return np.full((height, width, 3), value, np.uint8)


def test_a_grid_is_read_like_a_page() -> None:
    sheet = grid([plain(10), plain(20), plain(30)], 2, gap_px=1)
    assert sheet.shape == (7, 9, 3)
    assert (sheet[:3, :4] == 10).all()
    assert (sheet[:3, 5:] == 20).all()
    assert (sheet[4:, :4] == 30).all()
    assert (sheet[4:, 5:] == 255).all()  # the last row is not full
    assert (sheet[3] == 255).all()
    assert (sheet[:, 4] == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (20, 31), (128, 64)])
def test_a_png_comes_back_as_it_went_in(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    write_png(picture[:, ::-1], tmp_path / "picture.png")  # not contiguous
    content = (tmp_path / "picture.png").read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    with av.open(io.BytesIO(content), "r") as container:
        (frame,) = container.decode(video=0)
    assert np.array_equal(frame.to_ndarray(format="rgb24"), picture[:, ::-1])


def riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and payload of every chunk of a RIFF body."""
    place = 0
    while place < len(content):
        name, size = struct.unpack_from("<4sI", content, place)
        yield name, content[place + 8 : place + 8 + size]
        place += 8 + size + size % 2


def test_an_animation_holds_every_frame_at_its_rate_and_repeats_for_ever(tmp_path: Path) -> None:
    """The container is taken apart here: FFmpeg decodes still WebP pictures only."""
    frames = np.stack([plain(60 * k, 8, 12) for k in range(4)])
    write_animation(frames, 16, tmp_path / "film.webp", scale=2)
    content = (tmp_path / "film.webp").read_bytes()
    assert content[:4] + content[8:12] == b"RIFFWEBP"
    chunks = list(riff_chunks(content[12:]))
    width, height = (1 + int.from_bytes(chunks[0][1][at : at + 3], "little") for at in (4, 7))
    assert (chunks[0][0], width, height) == (b"VP8X", 24, 16)
    (animation,) = [payload for name, payload in chunks if name == b"ANIM"]
    assert struct.unpack_from("<H", animation, 4) == (0,)  # loops without end

    pictures, durations_ms = [], []
    for name, payload in chunks:
        if name == b"ANMF":
            durations_ms.append(int.from_bytes(payload[12:15], "little"))
            ((kind, data),) = [c for c in riff_chunks(payload[16:]) if c[0].startswith(b"VP8")]
            body = b"WEBP" + kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
            file = io.BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)
            with av.open(file, "r", format="webp_pipe") as still:
                (picture,) = still.decode(video=0)
            pictures.append(picture.to_ndarray(format="rgb24"))
    assert len(pictures) == 4
    assert sum(durations_ms[:3]) == pytest.approx(3 * 1000 / 16, abs=2)
    for index, pixels in enumerate(pictures):
        assert np.abs(pixels.astype(int) - 60 * index).mean() < 4
