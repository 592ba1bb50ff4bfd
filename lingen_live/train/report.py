"""Evaluation results as JSON, Markdown and a grid of frames. Knows nothing of how they were measured."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

from lingen_live.train.evaluate import Sample, Score


def scores_table(columns: dict[str, dict[str, Score]]) -> str:
    """A Markdown table: attributes down, one column a subject of judgement, shares in percent with counts."""
    names = list(next(iter(columns.values())))
    lines = ["| attribute | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
    for name in names:
        cells = [format_share(scores[name]) for scores in columns.values()]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def format_share(score: Score) -> str:
    """In percent with the counts."""
    if not score.n_judged:
        return "not judged"
    return f"{100 * score.share:.0f} % ({score.n_right}/{score.n_judged})"


def scores_json(columns: dict[str, dict[str, Score]]) -> dict[str, dict[str, dict[str, int]]]:
    """The same numbers as plain data."""
    return {
        title: {name: {"right": score.n_right, "judged": score.n_judged} for name, score in scores.items()}
        for title, scores in columns.items()
    }


def captions_table(samples: list[Sample], n_columns: int) -> str:
    """The captions of a grid in its order, with what was seen in place of what was asked."""
    lines = ["| row, column | prompt | judged otherwise |", "|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in captions_rows(samples, n_columns))])


def captions_rows(samples: list[Sample], n_columns: int) -> list[list[str]]:
    """The same as cells: where, the prompt, and what was judged otherwise."""
    rows = []
    for index, sample in enumerate(samples):
        row, column = divmod(index, n_columns)
        rows.append([f"{row + 1}, {column + 1}", sample.caption.text, judged_otherwise(sample)])
    return rows


def judged_otherwise(sample: Sample) -> str:
    """What was seen in place of what was asked."""
    visible = sample.caption.target.visible()
    wrong = [
        f"{name}: {sample.seen[name]} (asked {visible[name]})"
        for name in sample.seen
        if name in sample.caption.mentions and name in visible and sample.seen[name] != visible[name]
    ]
    return "; ".join(wrong) or "nothing"


def grid(pictures: list[NDArray[np.uint8]], n_columns: int, gap_px: int = 4) -> NDArray[np.uint8]:
    """Pictures (H, W, 3) of one size, row by row on white, the last row filled with white."""
    height, width = pictures[0].shape[:2]
    n_rows = -(-len(pictures) // n_columns)
    sheet = np.full((n_rows * (height + gap_px) - gap_px, n_columns * (width + gap_px) - gap_px, 3), 255, np.uint8)
    for index, picture in enumerate(pictures):
        row, column = divmod(index, n_columns)
        top, left = row * (height + gap_px), column * (width + gap_px)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def write_png(picture: NDArray[np.uint8], path: Path) -> None:
    """Write (H, W, 3) as a PNG file."""
    path.write_bytes(png_of(picture))


def png_of(picture: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) as the bytes of a PNG file."""
    encoder = av.CodecContext.create("png", "w")
    encoder.height, encoder.width = picture.shape[:2]
    encoder.pix_fmt, encoder.time_base = "rgb24", Fraction(1, 1)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])


def write_animation(frames: NDArray[np.uint8], fps: int, path: Path, scale: int = 1) -> None:
    """Write (F, H, W, 3) as an endless animated WebP, each pixel `scale` pixels a side."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="webp", options={"loop": "0"}) as container:
        stream = container.add_stream("libwebp_anim", rate=fps, options={"quality": "82"})
        stream.height, stream.width = frames.shape[1] * scale, frames.shape[2] * scale
        stream.pix_fmt = "yuv420p"
        for picture in frames:
            large = np.ascontiguousarray(picture.repeat(scale, 0).repeat(scale, 1))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(large, format="rgb24")))
        container.mux(stream.encode(None))
    path.write_bytes(buffer.getvalue())
