"""The paper's table of operations, from our own models: JSON for programs, Markdown for people."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lingen_live.config import ModelConfig
from lingen_live.paper.configs import n_latent_frames, paper_config
from lingen_live.paper.flops import count_dit, count_lingen

SIDES_PX = (256, 512, 1024)
SECONDS = (17, 34, 68)
DIT_4B_LAYERS = 25
_COLUMNS = (
    "side, px",
    "seconds",
    "tokens",
    "lingen-4b",
    "DiT, same depth",
    "DiT-4B",
    "ratio, same depth",
    "ratio, DiT-4B",
    "paper",
)
# Printed on the paper's figure 6 (arXiv 2412.09856), DiT-4B over LinGen-4B.
PAPER_RATIOS = {(256, 17): 2, (512, 17): 5, (512, 34): 8, (512, 68): 15, (1024, 17): 15}


@dataclass(frozen=True, slots=True)
class FlopsRow:
    """One clip. `same_depth` is a DiT of LinGen's width and depth, `dit_4b` one of as many parameters."""

    side_px: int
    seconds: int
    n_tokens: int
    lingen_flops: int
    same_depth_flops: int
    dit_4b_flops: int
    same_depth_ratio: float
    dit_4b_ratio: float
    paper_ratio: float | None


def flops_rows(sides_px: Sequence[int] = SIDES_PX, seconds: Sequence[int] = SECONDS) -> list[FlopsRow]:
    """All clips, counted."""
    return [_row(paper_config("lingen-4b", side), side, length) for side in sides_px for length in seconds]


def _row(config: ModelConfig, side_px: int, seconds: int) -> FlopsRow:
    n_frames = n_latent_frames(seconds)
    lingen = count_lingen(config, n_frames)
    same = count_dit(config, config.n_layers, n_frames).flops
    large = count_dit(config, DIT_4B_LAYERS, n_frames).flops
    ratios = (same / lingen.flops, large / lingen.flops)
    paper = PAPER_RATIOS.get((side_px, seconds))
    return FlopsRow(side_px, seconds, lingen.n_tokens, lingen.flops, same, large, *ratios, paper)


def growth_exponent(first: tuple[float, float], last: tuple[float, float]) -> float:
    """The power of its length with which a cost grows, between two points (length, cost)."""
    return math.log(last[1] / first[1]) / math.log(last[0] / first[0])


def as_markdown(rows: Sequence[FlopsRow]) -> str:
    """A table, and how both models grow with the length of the clip."""
    lines = [
        "# Operations of one denoising step, counted",
        "",
        "TFLOP of one step over the whole clip, batch 1, no guidance; matrix products, convolutions and attention.",
        "LinGen runs chunk by chunk; DiT attends over the whole clip. No time was measured here.",
        "",
        f"| {' | '.join(_COLUMNS)} |",
        "|---" * len(_COLUMNS) + "|",
    ]
    for row in rows:
        cells = [f"{row.side_px}", f"{row.seconds}", f"{row.n_tokens:,}"]
        cells += [f"{flops / 1e12:,.0f}" for flops in (row.lingen_flops, row.same_depth_flops, row.dit_4b_flops)]
        cells += [f"{row.same_depth_ratio:.1f}", f"{row.dit_4b_ratio:.1f}"]
        cells.append("" if row.paper_ratio is None else f"{row.paper_ratio:g}")
        lines.append(f"| {' | '.join(cells)} |")
    lines.append("")
    for side in dict.fromkeys(row.side_px for row in rows):
        clips = [row for row in rows if row.side_px == side]
        if len(clips) > 1:
            first, last = clips[0], clips[-1]
            grows = [
                growth_exponent((first.seconds, getattr(first, name)), (last.seconds, getattr(last, name)))
                for name in ("lingen_flops", "dit_4b_flops")
            ]
            lines.append(
                f"At {side} px cost grows with length to the power {grows[0]:.2f} (LinGen), {grows[1]:.2f} (DiT)."
            )
    return "\n".join(lines) + "\n"


def as_json(rows: Sequence[FlopsRow]) -> dict[str, Any]:
    """The rows for programs."""
    return {"step": "one denoising step of the clip", "rows": [asdict(row) for row in rows]}


def write_report(folder: Path, rows: Sequence[FlopsRow]) -> str:
    """Write flops.json and flops.md into a folder; returns the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    table = as_markdown(rows)
    (folder / "flops.json").write_text(json.dumps(as_json(rows), indent=2) + "\n", encoding="utf-8")
    (folder / "flops.md").write_text(table, encoding="utf-8")
    return table
