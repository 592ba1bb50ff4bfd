"""The tab that makes films of tables."""

from __future__ import annotations

import gradio as gr

from lingen_live.studio.context import StudioContext
from lingen_live.studio.table import COLUMNS


def build_storyboard(context: StudioContext) -> None:
    """Build the tab inside the one that is open."""
    table = gr.Dataframe(headers=list(COLUMNS), datatype="str", row_count=3, interactive=True)
    check = gr.Button("Check")
    answer = gr.Markdown()

    async def tell(cells: object) -> str:
        info = context.info
        return "warming up" if info is None else f"{info.name}"

    check.click(tell, table, answer, api_visibility="private")
