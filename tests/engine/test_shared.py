"""Memory for a chunk, shared between its owner and another."""

from __future__ import annotations

import numpy as np
import pytest

from lingen_live.engine.shared import SharedChunk


def test_what_one_writes_the_other_reads() -> None:
    owner = SharedChunk.create(2 * 4 * 4 * 3)
    other = SharedChunk.attach(owner.name)
    frames = np.arange(96, dtype=np.uint8).reshape(2, 4, 4, 3)
    other.write(frames)
    copy = owner.read(frames.shape)
    other.write(frames[:1])
    other.close()
    owner.close()
    assert (copy == frames).all()


def test_the_owner_takes_it_from_the_system() -> None:
    owner = SharedChunk.create(8)
    name = owner.name
    owner.close()
    with pytest.raises(FileNotFoundError):
        SharedChunk.attach(name)


def test_without_a_name_it_goes_on_for_those_who_hold_it() -> None:
    owner = SharedChunk.create(16)
    other = SharedChunk.attach(owner.name)
    owner.hide()
    owner.hide()
    with pytest.raises(FileNotFoundError):
        SharedChunk.attach(owner.name)
    other.write(np.full((16,), 9, np.uint8))
    assert (owner.read((16,)) == 9).all()
    other.close()
    owner.close()


def test_frames_that_do_not_fit_are_refused_with_both_numbers() -> None:
    owner = SharedChunk.create(4096)
    try:
        with pytest.raises(ValueError, match="chunk of 196608 bytes does not fit into 4096"):
            owner.write(np.zeros((4, 128, 128, 3), np.uint8))
    finally:
        owner.close()
