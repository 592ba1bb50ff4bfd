"""The page of the studio: its tabs, in order. Each is built by a file of its own."""

from __future__ import annotations

import gradio as gr

from lingen_live.studio.context import StudioContext
from lingen_live.studio.storyboard_tab import build_storyboard

STYLE = """
footer { display: none !important }
"""


def build_page(context: StudioContext) -> gr.Blocks:
    """All tabs."""
    with gr.Blocks(title="lingen live: studio", analytics_enabled=False, fill_width=True) as page:
        gr.Markdown("# Studio\nFilms made of words, beside [the live video](../).")
        with gr.Tabs(), gr.Tab("Storyboard"):
            build_storyboard(context)
    return page
