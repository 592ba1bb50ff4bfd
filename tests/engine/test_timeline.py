"""What is kept of the past, and within what budget."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lingen_live.engine.engine import Engine
from lingen_live.engine.snapshot import THUMBNAIL_PX, thumbnail_of
from lingen_live.engine.thinning import N_RECENT, protected, worth
from lingen_live.engine.timeline import TimelineLimits
from lingen_live.errors import ConfigError

MakeEngine = Callable[..., Engine]


def thinned(n_moments: int, room: int) -> list[int]:
    """The moments kept of a life of `n_moments` with room for `room`."""
    indices: list[int] = []
    for index in range(n_moments):
        indices.append(index)
        if len(indices) > room:
            fixed = protected(indices, index)
            loose = [k for k in range(1, len(indices) - 1) if indices[k] not in fixed]
            del indices[min(loose, key=lambda k: worth(indices, k))]
    return indices


def test_a_long_life_is_kept_from_its_beginning_to_now() -> None:
    kept = thinned(3000, 40)
    assert len(kept) == 40
    assert kept[0] == 0
    assert kept[-N_RECENT:] == list(range(3000 - N_RECENT, 3000))


def test_gaps_grow_with_age_and_no_part_of_the_past_is_lost() -> None:
    kept = thinned(3000, 40)
    gaps, ages = np.diff(kept), 2999 - np.array(kept[:-1])
    assert (gaps <= np.maximum(2, 0.6 * ages)).all()
    assert np.median(gaps[:10]) > np.median(gaps[-10:])


def test_a_budget_is_kept_whatever_the_age(make_engine: MakeEngine) -> None:
    limits = TimelineLimits(memory_bytes=2**20, max_branches=4)
    engine = make_engine(limits=limits)
    for _ in range(60):
        engine.tick()
        assert engine.timeline.n_bytes <= limits.memory_bytes
    kept = [one.chunk_index for one in engine.timeline.current.snapshots]
    assert kept[0] == 0
    assert kept[-N_RECENT:] == list(range(60 - N_RECENT + 1, 61))


def test_a_budget_without_room_is_refused_with_both_numbers(make_engine: MakeEngine) -> None:
    with pytest.raises(ConfigError, match="The timeline has 1000 bytes; 8 branches of this model take"):
        make_engine(limits=TimelineLimits(memory_bytes=1000))


def test_large_states_get_the_memory_that_they_need() -> None:
    assert TimelineLimits.for_state(2**20) == TimelineLimits()
    large = TimelineLimits.for_state(2**27)
    assert large.memory_bytes == 30 * 2**27
    large.check(2**27)


def test_what_branches_share_counts_once(make_engine: MakeEngine) -> None:
    engine = make_engine()
    for _ in range(3):
        engine.tick()
    before = engine.timeline.n_bytes
    engine.fork()
    assert engine.timeline.n_bytes == before


def test_a_thumbnail_is_the_last_frame_made_small() -> None:
    frames = np.zeros((3, 130, 256, 3), np.uint8)
    frames[-1, :, 128:] = (200, 100, 50)
    picture = thumbnail_of(frames)
    assert picture.shape == (32, THUMBNAIL_PX, 3)
    assert picture[0, 0].tolist() == [0, 0, 0]
    assert picture[31, 63].tolist() == [200, 100, 50]


def test_keeping_a_moment_copies_nothing(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    assert engine.timeline.current.snapshots[-1].moment.state is engine.state
