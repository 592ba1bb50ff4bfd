"""Figures and tables as HTML: vectors in the page's own colours, with the same as a PNG to keep.

Knows what matplotlib writes. Everything that is text is escaped.
"""

from __future__ import annotations

import base64
import io
import re
from html import escape
from typing import Any

from lingen_live.studio.profile_plots import INK

_PNG_DPI = 120


def figure_html(figure: Any, name: str, told: str) -> str:
    """A figure with a link that downloads it as PNG.

    Args:
        figure: of matplotlib; its lines and text are `INK`, its ground is left empty.
        name: of the file, without suffix.
        told: what it shows, for those who do not see it.
    """
    return (
        f'<figure class="study-figure" role="img" aria-label="{escape(told)}">{to_svg(figure, name)}</figure>'
        f"{download_link(f'{name}.png', 'image/png', to_png(figure), 'PNG')}"
    )


def to_svg(figure: Any, name: str) -> str:
    """An <svg> whose ink is `currentColor`, so that it can be read on dark and on light; text stays text.

    Args:
        figure: of matplotlib.
        name: of the figure; ids of figures of one page differ by it.
    """
    import matplotlib

    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name, "font.family": "sans-serif"}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None, "Format": None})
    drawn = file.getvalue()
    svg = drawn[drawn.index("<svg") :].replace(INK, "currentColor")
    # A style inside an SVG holds for the whole page, and its own is for every element there is.
    svg = re.sub(r"<style.*?</style>", "", svg, flags=re.DOTALL)
    # Hundredths of a point are more than a screen shows, and half of the bytes.
    return re.sub(r"\d+\.\d{3,}", lambda match: f"{float(match[0]):.2f}", svg)


def to_png(figure: Any) -> bytes:
    """On white."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=_PNG_DPI, facecolor="white", metadata={"Software": None})
    return file.getvalue()


def download_link(name: str, media_type: str, data: bytes, words: str) -> str:
    """A link that holds what it downloads: nothing lies on the server, and nobody can ask it for a path."""
    href = f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
    return f'<a class="study-download" download="{escape(name)}" href="{href}">{escape(words)}</a>'


def table_html(header: list[str], rows: list[list[str]], caption: str) -> str:
    """A table; every cell is text."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(
        f'<tr><th scope="row">{escape(first)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in rest)}</tr>'
        for first, *rest in rows
    )
    return (
        f'<div class="study-scroll"><table class="study-table"><caption>{escape(caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )
