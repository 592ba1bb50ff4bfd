"""The ablations as Markdown. Knows numbers alone, not how they were measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_QUALITY = (
    "| model | error, first chunk | later chunks | against the first row | Frechet | biome | time | weather | subject "
    "| colour | pan |"
)
_COST = "| model | parameters | of them in blocks | state | GFLOPs a chunk | ms a chunk |"


def as_markdown(
    scores: Mapping[str, Mapping[str, Any]],
    costs: Mapping[str, Mapping[str, Any]],
    growth: Sequence[Mapping[str, Any]],
) -> str:
    """Three tables: quality, cost of a chunk, and how the cost grows with the latent grid."""
    quality = [_QUALITY, _rule(_QUALITY), *(_quality_row(title, row) for title, row in scores.items())]
    cost = [_COST, _rule(_COST), *(_cost_row(title, row) for title, row in costs.items())]
    titles = [name for name in growth[0] if name not in ("grid", "tokens")]
    head = "| latent grid | tokens | " + " | ".join(f"{title} GFLOPs | {title} ms" for title in titles) + " |"
    grids = [head, _rule(head), *(_growth_row(row, titles) for row in growth)]
    return "\n\n".join("\n".join(table) for table in (quality, cost, grids))


def _rule(head: str) -> str:
    return "|---|" + "---:|" * (head.count("|") - 2)


def _quality_row(title: str, row: Mapping[str, Any]) -> str:
    later = row["later"]
    more = f"{later['more']:+.4f} ± {later['standard_error']:.4f}" if later["standard_error"] else "0"
    shares = [f"{100 * right / judged:.0f} %" if judged else "-" for right, judged in row["right"].values()]
    cells = [title, f"{row['first']['error']:.4f}", f"{later['error']:.4f}", more, f"{row['frechet']:.1f}", *shares]
    return "| " + " | ".join(cells) + " |"


def _cost_row(title: str, row: Mapping[str, Any]) -> str:
    millions = [f"{row[name] / 1e6:.2f} M" for name in ("parameters", "block_parameters")]
    state = f"{row['state_bytes'] / 1e6:.2f} MB"
    return "| " + " | ".join([title, *millions, state, f"{row['gflops']:.2f}", f"{row['chunk_ms']:.1f}"]) + " |"


def _growth_row(row: Mapping[str, Any], titles: Sequence[str]) -> str:
    cells = [f"{row['grid']} x {row['grid']}", str(row["tokens"])]
    for title in titles:
        cells += [f"{row[title]['gflops']:.2f}", f"{row[title]['ms']:.0f}"]
    return "| " + " | ".join(cells) + " |"
