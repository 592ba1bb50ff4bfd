"""Films of the desk as HTML. Pure: strings only; every word of a person is escaped."""

from __future__ import annotations

import base64
import html
from collections.abc import Sequence

from lingen_live.studio.desk import Film

_WORDS = {"done": "There", "failed": "Failed", "cancelled": "Cancelled"}
_MAX_TITLE = 60


def show_films(films: Sequence[Film], places: Sequence[int]) -> str:
    """All films, the newest first.

    Args:
        films: oldest first.
        places: how many others are made before each.
    """
    shown = [_film(film, place) for film, place in zip(films, places, strict=True)]
    return f'<div class="ll-films">{"".join(reversed(shown))}</div>'


def show_player(film: Film | None) -> str:
    """A film that is there, to be watched and kept; nothing otherwise."""
    if film is None or film.status != "done":
        return ""
    return (
        f'<div class="ll-player"><video controls playsinline preload="metadata" src="films/{film.id}.mp4"></video>'
        f"<p>{_title(film)}: {_links(film)}</p></div>"
    )


def show_problem(message: str) -> str:
    """One sentence about what cannot be done; empty for none."""
    return f'<p class="ll-problem" role="alert">{html.escape(message)}</p>' if message else ""


def _film(film: Film, place: int) -> str:
    n_chunks = film.work.n_chunks
    bar = "" if film.is_over else f'<progress max="{n_chunks}" value="{film.n_made}"></progress>'
    return (
        f'<article class="ll-film" data-status="{film.status}"><header><strong>{_title(film)}</strong>'
        f"<span>{_status(film, place)}</span></header>{bar}{_strip(film)}</article>"
    )


def _status(film: Film, place: int) -> str:
    length_s = film.work.n_chunks * film.chunk_s
    match film.status:
        case "waiting":
            return f"{length_s:g} s, waits for {place} {'other' if place == 1 else 'others'}"
        case "rendering":
            return f"{film.n_made * film.chunk_s:.1f} of {length_s:g} s{_left(film)}"
        case "done":
            return f"{length_s:g} s: {_links(film)}"
        case "failed":
            return html.escape(film.problem)
        case _:
            return f"{_WORDS[film.status]} after {film.n_made * film.chunk_s:g} s"


def _left(film: Film) -> str:
    cost_s, left_s = film.chunk_cost_s, film.left_s
    if not cost_s or left_s is None:
        return ""
    minutes, seconds = divmod(round(left_s), 60)
    return f", {film.chunk_s / cost_s:.1f} times playback, {minutes}:{seconds:02} left"


def _strip(film: Film) -> str:
    if not film.pictures or film.status in ("failed", "cancelled"):
        return ""
    images = "".join(
        f'<img alt="" src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}">' for jpeg in film.pictures
    )
    return f'<div class="ll-strip">{images}</div>'


def _links(film: Film) -> str:
    name = html.escape(f"lingen live {film.id}")
    return (
        f'<a href="films/{film.id}.mp4" download="{name}.mp4">film</a>, '
        f'<a href="films/{film.id}.json" download="{name}.scenario.json">scenario</a>'
    )


def _title(film: Film) -> str:
    return html.escape(film.title if len(film.title) <= _MAX_TITLE else f"{film.title[:_MAX_TITLE]}...")
