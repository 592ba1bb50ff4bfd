"""The page of the studio: its tabs, in order. Each is built by a file of its own."""

from __future__ import annotations

import gradio as gr

from lingen_live.studio.card_tab import build_card
from lingen_live.studio.compare_tab import build_compare
from lingen_live.studio.compare_view import COMPARE_STYLE
from lingen_live.studio.context import StudioContext
from lingen_live.studio.profile_tab import build_profile
from lingen_live.studio.storyboard_tab import build_storyboard
from lingen_live.studio.study_style import STUDY_STYLE

STYLE = (
    """
footer { display: none !important }
#ll-table .table-container { min-width: 38rem }
.ll-problem { color: var(--error-text-color, #b91c1c); font-weight: 600 }
.ll-films { display: grid; gap: 0.75rem }
.ll-film { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 0.75rem }
.ll-film header { display: flex; justify-content: space-between; gap: 1rem }
.ll-film progress { appearance: none; width: 100%; height: 0.5rem; border: 0; border-radius: 4px; overflow: hidden;
  background: var(--border-color-primary) }
.ll-film progress::-webkit-progress-bar { background: var(--border-color-primary) }
.ll-film progress::-webkit-progress-value { background: var(--primary-600) }
.ll-film progress::-moz-progress-bar { background: var(--primary-600) }
.ll-strip { display: flex; gap: 2px; overflow: hidden; margin-top: 0.5rem }
.ll-strip img { flex: 0 1 auto; min-width: 0; height: 56px; object-fit: cover }
.ll-player video { width: 100%; max-width: 512px; background: #000 }
.ll-pick, .ll-pick .html-container { padding: 0 !important; flex: 1 1 0 }
.ll-pick input { position: absolute; opacity: 0; width: 0 }
.ll-pick label { display: block; text-align: center; cursor: pointer; padding: var(--button-large-padding);
  border-radius: var(--button-large-radius); font-size: var(--button-large-text-size);
  background: var(--button-secondary-background-fill); color: var(--button-secondary-text-color); font-weight: 600 }
.ll-pick label:focus-within { outline: 2px solid var(--primary-600) }
"""
    + COMPARE_STYLE
    + STUDY_STYLE
)


def build_page(context: StudioContext) -> gr.Blocks:
    """All tabs."""
    with gr.Blocks(title="lingen live: studio", analytics_enabled=False, fill_width=True) as page:
        gr.Markdown("# Studio\nFilms made of words, beside [the live video](../).")
        with gr.Tabs():
            with gr.Tab("Storyboard"):
                build_storyboard(context, page)
            with gr.Tab("Compare") as comparison:
                build_compare(context, page, comparison)
            with gr.Tab("Profile") as profile:
                build_profile(context, profile)
            with gr.Tab("Model card") as card:
                build_card(context, card)
    return page
