"""A run, or two, as plots: where the time of every chunk goes, how often how long, waiting, and steering.

Rows in, matplotlib figures out. matplotlib is imported when something is drawn, and only here.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from lingen_live.profile.summary import percentile
from lingen_live.studio.profile_numbers import LETTERS
from lingen_live.studio.runs import Run

INK = "#1b1f24"
"""Text and lines. On a page it is replaced by the page's own (see figure_html.py)."""
_GREY = "#7a8594"
RUN_COLOURS = ("#3f7fd6", "#d9742b")
# Middle tones: they can be told apart on white and on black.
_STAGE_COLOURS = {
    "denoise": "#3f7fd6",
    "commit": "#2a9d8f",
    "decode": "#d9742b",
    "text": "#a35fc4",
    "noise": "#8f8f3a",
    "snapshot": "#b56576",
    "transfer": "#6c8f3e",
    "colour": "#c9a227",
    "archive": "#7a8594",
    "encode": "#c94f7c",
    "hand out": "#5aa9c9",
    "mailbox": "#a35fc4",
    "queue": "#6c8f3e",
    "buffer": "#3f7fd6",
}
_MORE_COLOURS = ("#8c6d46", "#4f9d69", "#7d6bd0", "#b84a4a", "#438a9c", "#9a7aa0")
_WIDTH_IN, _HEIGHT_IN = 9.0, 3.4
_N_BINS = 40


def stage_figure(runs: Sequence[Run]) -> Any:
    """Milliseconds of work on every chunk, stacked by stage, with the time that it plays as a line; a panel a run."""
    figure, panels = _figure(len(runs), sharey=True)
    stages = list(dict.fromkeys(stage for run in runs for stage in run.work_stages))
    colours = colours_of(stages)
    for letter, run, axes in zip(LETTERS, runs, panels, strict=False):
        shown = [stage for stage in stages if stage in run.stages]
        # As steps around each chunk, so that a single slow one can be seen for what it is.
        axes.stackplot(
            positions(run),
            [run.stage_ms(stage) for stage in shown],
            labels=shown,
            colors=[colours[stage] for stage in shown],
            step="mid",
        )
        if run.chunk_s is not None:
            axes.axhline(1000 * run.chunk_s, color=INK, linestyle="--", linewidth=1.2, label="plays for")
        _count(axes.xaxis)
        _label(axes, f"{letter}: " * (len(runs) > 1) + _x_title(run), "work on a chunk, ms")
        axes.set_ylim(0, None)
    _title(panels[0], "Where the time of each chunk goes")
    _legend(figure, panels)
    return figure


def histogram_figure(runs: Sequence[Run]) -> Any:
    """How many chunks took how long to make, runs over each other in the same bins."""
    figure, (axes,) = _figure(1)
    edges_ms = bin_edges([made_ms for run in runs for made_ms in run.making_ms()])
    for letter, run, colour in zip(LETTERS, runs, RUN_COLOURS, strict=False):
        made_ms = run.making_ms()
        label = f"{letter}: {len(made_ms)} chunks, p50 {percentile(made_ms, 0.5):.0f} ms"
        axes.hist(made_ms, edges_ms, color=colour, alpha=0.6, label=label)
        axes.axvline(percentile(made_ms, 0.5), color=colour, linewidth=1.4)
    for deadline_ms in sorted({1000 * run.chunk_s for run in runs if run.chunk_s is not None}):
        axes.axvline(deadline_ms, color=INK, linestyle="--", linewidth=1.2, label=f"plays for {deadline_ms:.0f} ms")
    axes.set_xlim(left=0)
    _count(axes.yaxis)
    _label(axes, "making a chunk in the engine, ms", "chunks")
    _title(axes, "How often how long")
    _legend(figure, [axes])
    return figure


def wait_figure(runs: Sequence[Run]) -> Any:
    """How long each chunk waited where, a line a place and run; the second run is dashed."""
    figure, (axes,) = _figure(1)
    waits = list(dict.fromkeys(stage for run in runs for stage in run.waits if stage != "mailbox"))
    colours = colours_of(waits)
    for letter, run, style in zip(LETTERS, runs, ("-", "--"), strict=False):
        for stage in [stage for stage in waits if stage in run.stages]:
            label = f"{letter}: {stage}" if len(runs) > 1 else stage
            axes.plot(positions(run), run.stage_ms(stage), style, color=colours[stage], label=label, linewidth=1.4)
    _count(axes.xaxis)
    _label(axes, _x_title(runs[0]) if len(runs) == 1 else "chunk, from the first that is kept", "waited, ms")
    axes.set_ylim(0, None)
    _title(axes, "Waiting to be made (queue), and to be played (buffer)")
    _legend(figure, [axes])
    return figure


def steer_figure(runs: Sequence[Run]) -> Any | None:
    """How long words waited for their first frame, a dot a control, and the middle; None if nothing was said.

    Crosses are click-to-photon: the same up to the screen, where the browser that sent the words measured it.
    """
    if not any(run.steers_ms() for run in runs):
        return None
    figure, (axes,) = _figure(1)
    top_ms = 1.0
    for letter, run, colour in zip(LETTERS, runs, RUN_COLOURS, strict=False):
        if told := run.steers_ms():
            at = positions(run)
            waits_ms = [wait_ms for _, wait_ms in told]
            top_ms = max(top_ms, *waits_ms)
            middle_ms = percentile(waits_ms, 0.5)
            axes.plot([at[position] for position, _ in told], waits_ms, "o", color=colour, label=letter, clip_on=False)
            axes.axhline(middle_ms, color=colour, linewidth=1.2, label=f"{letter}: p50 {middle_ms:.0f} ms")
        if seen := run.photons_ms():
            at, photons_ms = positions(run), [photon_ms for _, photon_ms in seen]
            top_ms = max(top_ms, *photons_ms)
            label = f"{letter}: on the screen, p50 {percentile(photons_ms, 0.5):.0f} ms"
            axes.plot([at[position] for position, _ in seen], photons_ms, "x", color=colour, label=label, clip_on=False)
    _count(axes.xaxis)
    _label(axes, _x_title(runs[0]) if len(runs) == 1 else "chunk, from the first that is kept", "waited, ms")
    axes.set_ylim(0, 1.1 * top_ms)
    _title(axes, "From the words to their first frame: in the server, and on the screen")
    _legend(figure, [axes])
    return figure


def memory_figure(runs: Sequence[Run]) -> Any | None:
    """Memory of the engine's process after every chunk, and what the stream remembers; None if nobody recorded it."""
    if not any(run.memory_mib() for run in runs):
        return None
    figure, (axes,) = _figure(1)
    for letter, run, colour in zip(LETTERS, runs, RUN_COLOURS, strict=False):
        at, told = positions(run), run.memory_mib()
        if told:
            axes.plot([at[k] for k, _ in told], [mib for _, mib in told], color=colour, label=f"{letter}: process")
        if run.state_bytes is not None:
            label = f"{letter}: state, {run.state_bytes / 2**20:.1f} MiB"
            axes.axhline(run.state_bytes / 2**20, color=colour, linestyle="--", linewidth=1.2, label=label)
    _count(axes.xaxis)
    _label(axes, _x_title(runs[0]) if len(runs) == 1 else "chunk, from the first that is kept", "memory, MiB")
    axes.set_ylim(0, None)
    _title(axes, "Memory of the engine's process, and what the stream remembers")
    _legend(figure, [axes])
    return figure


def positions(run: Run) -> list[int]:
    """Where a chunk stands: its index if indices only rise (nobody went back), else its place in the run."""
    indices = [life.chunk_index for life in run.lives]
    rises = all(before < after for before, after in pairwise(indices))
    return indices if rises else list(range(len(indices)))


def bin_edges(values_ms: Sequence[float]) -> list[float]:
    """Edges of equal bins from 0 to above the largest value, so that runs can be compared bin by bin."""
    top_ms = 1.02 * max(values_ms) or 1.0
    return [top_ms * k / _N_BINS for k in range(_N_BINS + 1)]


def colours_of(stages: Sequence[str]) -> dict[str, str]:
    """A colour for each stage; those that are known always have the same."""
    unknown = [stage for stage in stages if stage not in _STAGE_COLOURS]
    more = {stage: _MORE_COLOURS[k % len(_MORE_COLOURS)] for k, stage in enumerate(unknown)}
    return {stage: _STAGE_COLOURS.get(stage) or more[stage] for stage in stages}


def _x_title(run: Run) -> str:
    is_index = positions(run) == [life.chunk_index for life in run.lives]
    return "chunk" if is_index else "chunk, from the first that is kept (somebody went back in time)"


def _figure(n_panels: int, **options: Any) -> tuple[Any, list[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH_IN, _HEIGHT_IN * n_panels), layout="constrained")
    panels = figure.subplots(n_panels, 1, squeeze=False, **options)[:, 0]
    return figure, list(panels)


def _label(axes: Any, x_title: str, y_title: str) -> None:
    axes.set_xlabel(x_title, color=INK)
    axes.set_ylabel(y_title, color=INK)
    axes.tick_params(colors=INK, which="both")
    axes.margins(x=0.01)
    axes.grid(axis="y", color=_GREY, alpha=0.35, linewidth=0.7)
    axes.set_axisbelow(True)
    for name, spine in axes.spines.items():
        spine.set_color(INK)
        spine.set_visible(name in ("left", "bottom"))


def _count(axis: Any) -> None:
    """Marks of an axis that counts: no half chunks."""
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def _title(axes: Any, words: str) -> None:
    axes.set_title(words, fontsize=11, loc="left", color=INK)


def _legend(figure: Any, panels: Sequence[Any]) -> None:
    """One for all panels, beside them, every name once."""
    handles: dict[str, Any] = {}
    for axes in panels:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    figure.legend(
        list(handles.values()), list(handles), loc="outside right upper", frameon=False, fontsize=8, labelcolor=INK
    )
