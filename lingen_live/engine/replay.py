"""Plays a scenario again and says whether it is the same, bit for bit. Knows engines; does not know files.

engine = build_engine(options_for(scenario, options), on_progress)
frames = replay(engine, scenario, verify=True)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.record import read_way
from lingen_live.engine.scenario import Scenario
from lingen_live.errors import ScenarioError


def options_for(scenario: Scenario, options: EngineOptions) -> EngineOptions:
    """How to build an engine that may replay a scenario exactly: in its dtype, and compiled only if it was."""
    is_compiled = any(name.startswith("compiled") for _, name in scenario.record.paths)
    dtype = scenario.made_with.dtype if options.dtype == "auto" else options.dtype
    return dataclasses.replace(options, dtype=dtype, compile=is_compiled)


def check_verifiable(engine: Engine, scenario: Scenario) -> None:
    """Refuse to compare what cannot be the same.

    Raises:
        ScenarioError: it has no digests, or was recorded with something else; names it.
    """
    if len(scenario.record) < scenario.n_chunks:
        raise ScenarioError(
            f"The scenario has digests of {len(scenario.record)} of its {scenario.n_chunks} chunks; "
            "one saved as a file has them, one from a link has none."
        )
    here, there = engine.made_with, scenario.made_with
    for field in dataclasses.fields(there):
        ours, theirs = getattr(here, field.name), getattr(there, field.name)
        if ours != theirs:
            raise ScenarioError(f"The scenario was recorded with {field.name} {theirs}; here it is {ours}.")


def replay(engine: Engine, scenario: Scenario, *, verify: bool) -> Iterator[NDArray[np.uint8]]:
    """The frames that a scenario shows, uint8 RGB, (F, H, W, 3) a chunk; those before are made, but not told.

    Args:
        engine: no compiled path may be on its way to it.
        scenario: is put on a branch of its own.
        verify: compare every chunk.

    Raises:
        ScenarioError: a chunk is not what it was.
        EngineError: a chunk was made by the compiled path, and there is none here.
    """
    if verify:
        check_verifiable(engine, scenario)
    engine.load_scenario(scenario, "replay")
    first_shown, _ = scenario.shows or (0, scenario.n_chunks)
    for index in range(scenario.n_chunks):
        path, n_steps = read_way(scenario.record.path(index) or "") or ("eager", scenario.n_steps)
        engine.use_path(path)
        chunk = engine.tick(n_steps=n_steps)
        recorded = scenario.record.digest(index)
        if verify and chunk.digest != recorded:
            was = recorded.hex() if recorded else "missing"
            raise ScenarioError(
                f"Chunk {index} of {scenario.n_chunks} differs: its latents have digest {chunk.digest.hex()}, "
                f"recorded is {was}."
            )
        if index >= first_shown:
            yield chunk.frames
