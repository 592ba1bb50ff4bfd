"""The page of the studio: its tabs, in order. Each is built by a file of its own."""

from __future__ import annotations

import gradio as gr

from lingen_live.studio.context import StudioContext
from lingen_live.studio.profile_tab import build_profile
from lingen_live.studio.storyboard_tab import build_storyboard
from lingen_live.studio.study_style import STUDY_STYLE

STYLE = (
    """
footer { display: none !important }
"""
    + STUDY_STYLE
)


def build_page(context: StudioContext) -> gr.Blocks:
    """All tabs."""
    with gr.Blocks(title="lingen live: studio", analytics_enabled=False, fill_width=True) as page:
        gr.Markdown("# Studio\nFilms made of words, beside [the live video](../).")
        with gr.Tabs():
            with gr.Tab("Storyboard"):
                build_storyboard(context)
            with gr.Tab("Profile") as profile:
                build_profile(context, profile)
    return page
