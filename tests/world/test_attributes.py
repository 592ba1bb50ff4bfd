"""The vocabulary of the world: what it refuses, and what of a scene can be seen."""

from __future__ import annotations

from dataclasses import fields, replace
from random import Random

import pytest

from lingen_live.world.attributes import VALUES, Attributes, sample_attributes

SCENE = Attributes("meadow", "day", "rain", "balloon", "red", "left", "fast")


@pytest.mark.parametrize("name", list(VALUES))
def test_an_unknown_word_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is 'lunar'; the world knows {', '.join(VALUES[name])}"):
        replace(SCENE, **{name: "lunar"})


def test_the_vocabulary_has_the_fields_of_a_scene_in_order() -> None:
    assert tuple(VALUES) == tuple(field.name for field in fields(Attributes))
    assert all(len(set(words)) == len(words) for words in VALUES.values())


def test_indices_point_back_at_the_words() -> None:
    words = [VALUES[name][index] for name, index in zip(VALUES, SCENE.indices(), strict=True)]
    assert Attributes(*words) == SCENE
    assert SCENE.indices() == (0, 1, 2, 1, 0, 0, 1)


@pytest.mark.parametrize(
    ("change", "hidden"),
    [
        ({}, set()),
        ({"subject": "none"}, {"colour"}),
        ({"pan": "still"}, {"speed"}),
        ({"subject": "none", "pan": "still"}, {"colour", "speed"}),
    ],
)
def test_only_what_can_be_seen_is_visible(change: dict[str, str], hidden: set[str]) -> None:
    scene = replace(SCENE, **change)
    visible = scene.visible()
    assert set(VALUES) - set(visible) == hidden
    assert all(getattr(scene, name) == word for name, word in visible.items())


def test_random_scenes_use_every_word_and_repeat_with_their_seed() -> None:
    rng = Random(3)
    scenes = [sample_attributes(rng) for _ in range(200)]
    for name, words in VALUES.items():
        assert {getattr(scene, name) for scene in scenes} == set(words)
    assert sample_attributes(Random(3)) == scenes[0]
