"""From a scenario to a film, as fast as the engine goes, and on from where a kill ended it.

The film, cut into the same parts wherever it was resumed, is the same byte for byte. Knows engines and reels. Does not
know terminals or tables.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lingen_live.engine.engine import Engine
from lingen_live.engine.record import Record
from lingen_live.engine.scenario import Scenario
from lingen_live.studio.film_thread import FilmThread
from lingen_live.studio.reel import PART_CHUNKS, Reel
from lingen_live.studio.storyboard import check_length


def render(engine: Engine, scenario: Scenario, reel: Reel, on_chunk: Callable[[int], object]) -> int:
    """Make the film of a scenario; returns how many frames it has.

    Args:
        engine: warm, and on the path that it will stay on.
        scenario: what is said when; what it was made with, and which of its chunks it shows, do not count.
        reel: where it goes.
        on_chunk: told how many chunks there are, first of all those of an earlier run.

    Raises:
        ScenarioError: it is no length for a film, or the reel holds another film.
        EngineError: the engine's frames make no film.
        OSError: it cannot be written there.
    """
    info = engine.info
    chunk_s = info.frames_per_chunk / info.fps
    check_length(scenario.n_chunks * chunk_s, chunk_s)
    here = replace(scenario, made_with=engine.made_with, record=Record(), shows=None)
    n_made = reel.open(here)
    if n_made:
        engine.load_session(reel.session(n_made, engine.state.n_bytes))
    else:
        engine.load_scenario(here, "render")
    on_chunk(n_made)
    for first in range(n_made, here.n_chunks, PART_CHUNKS):
        last = min(first + PART_CHUNKS, here.n_chunks)
        part = reel.part(first, last)
        with FilmThread(part, info.fps) as film:
            for index in range(first, last):
                film.add(engine.tick(n_steps=here.n_steps).frames)
                on_chunk(index + 1)
            film.finish()
        reel.keep(part, last, engine.save_session())
    return reel.finish(replace(engine.scenario(), n_steps=here.n_steps))
