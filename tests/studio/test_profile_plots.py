"""Plots: what is drawn is what was measured, its axes say what it is, and it can stand in a page."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from book import book_of

pytest.importorskip("matplotlib")

from lingen_live.studio import profile_plots as plots
from lingen_live.studio.figure_html import figure_html, table_html, to_png, to_svg
from lingen_live.studio.runs import Run

RUN = Run("a session", book_of(20, slow=(7, 11), steered=(2, 5, 9)).lives(), 0.5, "trained")
OTHER = Run("another", book_of(30, slow=(3,)).lives(), 0.5, "trained")


def legend_of(figure: Any) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_stages_are_stacked_to_what_each_chunk_took() -> None:
    figure = plots.stage_figure([RUN, OTHER])
    assert legend_of(figure) == ["denoise", "decode", "transfer", "colour", "encode", "plays for"]
    for run, axes in zip((RUN, OTHER), figure.axes, strict=True):
        tops = [area.get_paths()[0].vertices[:, 1].max() for area in axes.collections]
        highest = [max(sums) for sums in np.cumsum([run.stage_ms(s) for s in run.work_stages], axis=0)]
        assert tops == pytest.approx(highest)
        (deadline,) = axes.lines
        assert set(deadline.get_ydata()) == {500.0}
        assert axes.get_ylabel() == "work on a chunk, ms"
        assert axes.get_ylim()[0] == 0
        assert all(mark == int(mark) for mark in axes.get_xticks())
    assert [axes.get_xlabel() for axes in figure.axes] == ["A: chunk", "B: chunk"]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()  # or they could not be compared


def test_a_histogram_counts_every_chunk_of_both_runs_in_the_same_bins() -> None:
    (axes,) = plots.histogram_figure([RUN, OTHER]).axes
    counts = [[bar.get_height() for bar in bars] for bars in axes.containers]
    assert [sum(each) for each in counts] == [20, 30]
    edges = plots.bin_edges([*RUN.making_ms(), *OTHER.making_ms()])
    slow_bin = next(k for k, (low, high) in enumerate(pairwise(edges)) if low <= 600 < high)
    assert [each[slow_bin] for each in counts] == [2, 1]
    assert plots.bin_edges([0.0])[-1] > 0


def test_waits_are_lines_and_steers_are_dots() -> None:
    (axes,) = plots.wait_figure([RUN]).axes
    drawn = {line.get_label(): line.get_ydata() for line in axes.lines}
    assert set(drawn) == {"queue", "buffer"}
    assert list(drawn["buffer"]) == RUN.stage_ms("buffer")

    figure = plots.steer_figure([RUN, OTHER])
    assert figure is not None
    dots = figure.axes[0].lines[0]
    assert list(dots.get_xdata()) == [2, 5, 9]
    assert list(dots.get_ydata()) == pytest.approx([1100] * 3)
    assert plots.steer_figure([OTHER]) is None

    book = book_of(4, steered=(1,))
    book.see(45_000, 1.3)
    figure = plots.steer_figure([Run("seen", book.lives())])
    assert figure is not None
    assert [line.get_marker() for line in figure.axes[0].lines] == ["o", "None", "x"]
    assert legend_of(figure)[-1] == "A: on the screen, p50 1300 ms"
    assert figure.axes[0].get_ylim()[1] > 1300


def test_memory_is_drawn_where_it_was_recorded_beside_the_size_of_the_state() -> None:
    figure = plots.memory_figure([dataclasses.replace(RUN, state_bytes=2**20), OTHER])
    assert figure is not None
    process, state, other = figure.axes[0].lines
    assert list(process.get_ydata()) == [600 + k for k in range(20)]
    assert set(state.get_ydata()) == {1.0}
    assert len(other.get_ydata()) == 30
    assert legend_of(figure) == ["A: process", "A: state, 1.0 MiB", "B: process"]
    lives = book_of(3).lives()
    for life in lives:
        life.memory_bytes = None
    assert plots.memory_figure([Run("a file of before", lives)]) is None


def test_who_went_back_in_time_is_drawn_by_place_and_told_so() -> None:
    lives = book_of(4).lives()
    lives[2].chunk_index = 0
    run = dataclasses.replace(RUN, lives=lives, chunk_s=None)
    assert plots.positions(run) == [0, 1, 2, 3]
    (axes,) = plots.stage_figure([run]).axes
    assert "went back" in axes.get_xlabel()
    assert not axes.lines  # no deadline is known, so none is drawn


def test_known_stages_keep_their_colours_and_unknown_ones_get_some() -> None:
    colours = plots.colours_of(["decode", "vocoder", "denoise", "upscaler"])
    assert colours["decode"] == plots.colours_of(["decode"])["decode"]
    assert len(set(colours.values())) == 4


def test_a_figure_stands_in_a_page_with_the_colours_of_the_page() -> None:
    figure = plots.histogram_figure([RUN])
    svg = to_svg(figure, "a")
    root = ElementTree.fromstring(svg)
    assert root.tag.endswith("svg")
    assert "currentColor" in svg
    assert plots.INK not in svg
    assert "<style" not in svg  # it would hold for the whole page
    assert "making a chunk in the engine, ms" in svg  # text stays text
    assert to_png(figure)[:8] == b"\x89PNG\r\n\x1a\n"
    html = figure_html(figure, "times", 'how "long"')
    assert 'download="times.png"' in html
    assert 'aria-label="how &quot;long&quot;"' in html


def test_cells_of_a_table_are_text() -> None:
    html = table_html(["<a>"], [["<b>", "<c>"]], "<d>")
    for letter in "abcd":
        assert f"&lt;{letter}&gt;" in html
