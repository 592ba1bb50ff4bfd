"""A comparison as HTML. Pure: strings only; every word of a person is escaped.

`web/variants.js` makes the element `ll-variants` play.
"""

from __future__ import annotations

import html

from lingen_live.studio.desk import Film
from lingen_live.studio.variants import Comparison, Result, Variant

COMPARE_STYLE = """
.ll-settings { flex-wrap: wrap }
ll-variants { display: block; margin-top: 0.5rem }
ll-variants > video { position: absolute; width: 1px; height: 1px; opacity: 0; pointer-events: none }
.ll-cards { display: grid; gap: 0.75rem; grid-template-columns: repeat(auto-fit, minmax(min(210px, 100%), 1fr)) }
.ll-card { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: 0.5rem; min-width: 0;
  max-width: 512px }
.ll-card canvas { display: block; width: 100%; background: #000; border-radius: 4px }
.ll-card h3 { margin: 0 0 0.25rem }
.ll-card p { margin: 0.35rem 0 0; overflow-wrap: anywhere }
.ll-card .ll-live { display: inline-block; font-weight: 600 }
.ll-bar { display: flex; flex-wrap: wrap; gap: 0.25rem 0.75rem; align-items: center; padding: 0.5rem 0;
  position: sticky; bottom: 0; background: var(--body-background-fill) }
.ll-bar button { min-width: 5rem; padding: 0.4rem 0.8rem; border-radius: var(--button-large-radius); cursor: pointer;
  background: var(--button-primary-background-fill); color: var(--button-primary-text-color); font-weight: 600 }
.ll-bar input { flex: 1 1 9rem; min-width: 0 }
.ll-bar output { font-variant-numeric: tabular-nums; white-space: nowrap }
"""


def show_comparison(film: Film) -> str:
    """Variants that are there, to be played in step, kept, and gone on with; nothing otherwise."""
    work = film.work
    if film.status != "done" or not isinstance(work, Comparison):
        return ""
    cards = [
        _card(film, variant, result, _twin(work.results[:k], result))
        for k, (variant, result) in enumerate(zip(work.variants, work.results, strict=True))
    ]
    return (
        f'<ll-variants><video src="films/{film.id}.mp4" preload="auto" muted loop playsinline></video>'
        f'<div class="ll-cards">{"".join(cards)}</div>'
        '<div class="ll-bar"><button type="button">Play</button>'
        '<input type="range" min="0" max="0" step="any" value="0" aria-label="moment"><output></output>'
        f"{_keep(f'films/{film.id}.mp4', f'{film.id}.mp4', 'film')}</div></ll-variants>"
    )


def _card(film: Film, variant: Variant, result: Result, twin: str) -> str:
    address, name = f"films/{film.id}.{variant.name}", f"variant {variant.name} {film.id}"
    scenario = f" {_keep(f'{address}.json', f'{name}.scenario.json', 'scenario')}" if result.has_scenario else ""
    same = f" Bit for bit the same as {twin}." if twin else ""
    return (
        f'<section class="ll-card" data-variant="{variant.name}"><h3>{variant.name}</h3>'
        f'<canvas role="img" aria-label="variant {variant.name}"></canvas>'
        f"<p>{html.escape(variant.prompt) or '<em>as it was</em>'}</p>"
        f"<p>{_how(variant, film.chunk_s)}{result.n_steps} {'step' if result.n_steps == 1 else 'steps'}, "
        f"{1000 * result.chunk_s:.0f} ms a chunk of {film.chunk_s:g} s.{same}</p>"
        f'<p><a class="ll-live" target="_blank" href="../?play=studio/{address}.lgs">Go on live from {variant.name}'
        f"</a>{scenario}</p></section>"
    )


def _how(variant: Variant, chunk_s: float) -> str:
    if not variant.words:
        return ""
    length_s = variant.n_chunks * chunk_s
    match variant.verb:
        case "cut":
            return "cut; "
        case "reanchor":
            return f"re-anchor, {length_s:g} s told anew; "
        case "steer":
            return f"{'blend' if len(variant.words) > 1 else 'soft'} over {length_s:g} s; "


def _twin(before: list[Result], result: Result) -> str:
    """Another that has the same latents."""
    return next((one.name for one in before if one.digest and one.digest == result.digest), "")


def _keep(address: str, name: str, text: str) -> str:
    return f'<a href="{address}" download="lingen live {html.escape(name)}">{text}</a>'
