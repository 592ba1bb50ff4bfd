"""Pictures of the tables, as SVG: latency against length, and the stages of a stream. Needs matplotlib."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def why_no_plots() -> str | None:
    """What is missing, in words; None if there can be pictures."""
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        return "the package matplotlib is not installed"
    return None


def plot_latency(result: dict[str, Any], path: Path) -> None:
    """Seconds of a step against the length of the clip, a line a model and side, both axes by powers.

    Args:
        result: of `latency_report.run_latency`.
        path: of the SVG.
    """
    figure, axes = _figure()
    for side_px, model in dict.fromkeys((row["side_px"], row["model"]) for row in result["clips"]):
        rows = [r for r in result["clips"] if (r["side_px"], r["model"]) == (side_px, model) and r["step_s"]]
        style = "-o" if model == result["lingen"] else "--s"
        axes.loglog([r["seconds"] for r in rows], [r["step_s"] for r in rows], style, label=f"{model}, {side_px} px")
    axes.set_xlabel("length of the clip, s")
    axes.set_ylabel("one denoising step, s")
    axes.set_title(f"{result['device']}, {result['dtype']}, random weights", fontsize=9)
    axes.legend(fontsize=7)
    _save(figure, path)


def plot_streams(results: list[dict[str, Any]], path: Path) -> None:
    """Median milliseconds a chunk by stage, a bar a stream, and where 16 and 24 frames/s end.

    Args:
        results: of `stream_bench.run_stream`.
        path: of the SVG.
    """
    figure, axes = _figure()
    names = [f"{r['name']}\n{r['side_px']} px{', 8-bit' if r['is_float8'] else ''}" for r in results]
    base = [0.0] * len(results)
    for stage in [name for name in results[0]["stages_ms"] if name != "chunk"]:
        values = [result["stages_ms"][stage]["p50"] for result in results]
        axes.bar(names, values, bottom=base, label=stage)
        base = [below + value for below, value in zip(base, values, strict=True)]
    for fps, style in ((16, ":"), (24, "--")):
        axes.axhline(1e3 * results[0]["frames_per_chunk"] / fps, linestyle=style, color="grey", label=f"{fps} frames/s")
    axes.set_ylabel("ms a chunk, p50")
    axes.set_title(results[0]["device"], fontsize=9)
    axes.tick_params(axis="x", labelsize=7)
    axes.legend(fontsize=7)
    _save(figure, path)


def _figure() -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    return figure, figure.add_subplot()


def _save(figure: Any, path: Path) -> None:
    import matplotlib

    path.parent.mkdir(parents=True, exist_ok=True)
    # The same numbers make the same file.
    with matplotlib.rc_context({"svg.hashsalt": "lingen"}):
        figure.savefig(path, format="svg", metadata={"Date": None})
