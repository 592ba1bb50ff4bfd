"""The tab that tells how well the loaded checkpoint does what it is told: its report, and a quick look of one's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import gradio as gr

from lingen_live.errors import LingenError
from lingen_live.studio.card_html import model_html, quick_html, report_html
from lingen_live.studio.context import StudioContext
from lingen_live.studio.evaluation import MAX_CAPTIONS, MIN_CAPTIONS, Evaluation
from lingen_live.studio.film_view import show_problem
from lingen_live.studio.report import ReportError, folder_of, read_report

_POLL_S = 0.4
_DEFAULT_CAPTIONS = 12
_MAX_WATCHING = 8
_HOW = (
    "`lingen_live eval --checkpoint DIR --out DIR/evaluation` makes the report that is shown here. *Evaluate now* "
    "judges a few other captions, in a process of its own that lets everything else go first and takes the memory "
    "of one more engine."
)


def build_card(context: StudioContext, tab: gr.Tab) -> None:
    """Build the tab inside `tab`, which is open."""
    evaluation = context.evaluation
    card = gr.HTML(elem_id="card")
    gr.Markdown(_HOW)
    with gr.Row():
        n_captions = gr.Slider(MIN_CAPTIONS, MAX_CAPTIONS, _DEFAULT_CAPTIONS, step=1, label="captions", scale=3)
        begin = gr.Button("Evaluate now", variant="primary")
        stop = gr.Button("Cancel")
    state = gr.HTML(elem_id="evaluation")

    async def show_card() -> str:
        info = context.info
        if info is None:
            return '<p class="study-note">The model is still warming up; look again in a moment.</p>'
        return model_html(info) + await asyncio.to_thread(_report, context, info.checkpoint_digest)

    async def follow() -> AsyncIterator[str]:
        while evaluation.is_running:
            yield state_html(evaluation)
            await asyncio.sleep(_POLL_S)
        yield state_html(evaluation)

    async def evaluate(n: float) -> AsyncIterator[str]:
        info = context.info
        if info is None:
            yield show_problem("The model is still warming up; try again in a moment.")
            return
        try:
            evaluation.start(context.options, info.checkpoint_digest, int(n))
        except LingenError as error:
            yield show_problem(error.message)
            return
        async for told in follow():
            yield told

    async def cancel() -> str:
        await evaluation.cancel()
        return state_html(evaluation)

    watching = {"api_visibility": "private", "show_progress": "hidden", "concurrency_limit": _MAX_WATCHING}
    tab.select(show_card, None, card, api_visibility="private")
    tab.select(follow, None, state, **watching)
    begin.click(evaluate, n_captions, state, **watching)
    stop.click(cancel, None, state, api_visibility="private", show_progress="hidden")


def state_html(evaluation: Evaluation) -> str:
    """How far it is, or what it found."""
    parts = []
    if evaluation.is_running:
        n, of = evaluation.n_done, evaluation.n_captions
        parts.append(f'<p><progress max="{of}" value="{n}"></progress> {n} of {of} captions are judged.</p>')
    elif evaluation.problem:
        parts.append(show_problem(evaluation.problem))
    if evaluation.result:
        parts.append(quick_html(evaluation.result))
    return "".join(parts)


def _report(context: StudioContext, digest: str) -> str:
    try:
        return report_html(read_report(folder_of(context.checkpoint), digest))
    except ReportError as error:
        return show_problem(error.message)
