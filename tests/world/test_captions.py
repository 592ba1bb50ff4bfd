"""Captions say what they claim to say, judged by a table of key words written apart from the lexicon."""

from __future__ import annotations

import re
from random import Random

import pytest
from caption_words import held_out_patterns, read

from lingen_live.world.attributes import VALUES, Attributes, sample_attributes
from lingen_live.world.captions import (
    Caption,
    describe,
    instruct,
    is_held_out,
    sample_change,
    sample_scene,
)
from lingen_live.world.grammar import Split
from lingen_live.world.orders import changes

N_TEXTS = 5000
SPLITS: tuple[Split, ...] = ("train", "held_out")


def descriptions(split: Split, n: int = N_TEXTS) -> list[Caption]:
    rng = Random(11)
    return [describe(sample_scene(rng), rng, split=split) for _ in range(n)]


def instructions(split: Split, n: int = N_TEXTS) -> list[tuple[Attributes, Caption]]:
    rng = Random(12)
    pairs = []
    for _ in range(n):
        before = sample_scene(rng)
        pairs.append((before, instruct(before, sample_change(before, rng), rng, split=split)))
    return pairs


def captions(split: Split) -> list[Caption]:
    return descriptions(split) + [caption for _, caption in instructions(split)]


@pytest.mark.parametrize("split", SPLITS)
def test_words_say_exactly_what_mentions_claims(split: Split) -> None:
    for caption in captions(split):
        said = {name: {getattr(caption.target, name)} for name in caption.mentions}
        assert read(caption.text) == said, caption.text


@pytest.mark.parametrize("split", SPLITS)
def test_texts_are_clean_english(split: Split) -> None:
    for caption in captions(split):
        text = caption.text
        assert 0 < len(text) < 200
        assert text == text.strip()
        assert "  " not in text
        assert "{" not in text
        assert not re.search(r"\b[Aa] (?=[aeioAEIO])|\b[Aa]n (?=[^aeiouAEIOU])|\ban (?=ufo)", text), text
        assert not re.search(r"[,;.]\S| [,;.]|\b(\w+) \1\b(?!-)", text), text


@pytest.mark.parametrize("split", SPLITS)
def test_texts_are_diverse(split: Split) -> None:
    assert len({caption.text for caption in descriptions(split)}) > 3000


def test_a_seed_gives_the_same_captions_again() -> None:
    assert descriptions("train", 100) == descriptions("train", 100)
    assert instructions("held_out", 100) == instructions("held_out", 100)


def test_mentions_come_as_often_as_promised() -> None:
    drawn = descriptions("train")
    for name in ("biome", "time"):
        assert 0.8 < sum(name in caption.mentions for caption in drawn) / len(drawn) < 0.9
    empty = [caption for caption in drawn if caption.target.subject == "none"]
    assert 0.05 < sum("subject" in caption.mentions for caption in empty) / len(empty) < 0.3
    said = [set(caption.mentions) | {"subject"} for caption in drawn]
    complete = sum(names == {*c.target.visible(), "subject"} for names, c in zip(said, drawn, strict=True))
    assert 0.33 < complete / len(drawn) < 0.5


def test_colour_needs_a_subject_and_speed_a_movement() -> None:
    for caption in captions("train"):
        if "colour" in caption.mentions:
            assert "subject" in caption.mentions
            assert caption.target.subject != "none"
        if "speed" in caption.mentions:
            assert caption.target.pan != "still"


@pytest.mark.parametrize("n_mentions", [1, 3, 5])
def test_descriptions_mention_as_many_attributes_as_asked(n_mentions: int) -> None:
    rng = Random(3)
    for _ in range(500):
        caption = describe(sample_scene(rng), rng, min_mentions=n_mentions)
        assert len(caption.mentions) >= min(n_mentions, len(caption.target.visible()))


@pytest.mark.parametrize("split", SPLITS)
def test_instructions_name_every_change(split: Split) -> None:
    n_terse = 0
    for before, caption in instructions(split):
        changed = changes(before, caption.target)
        assert changed <= caption.mentions
        n_terse += len(caption.mentions - changed) <= 1
    assert n_terse > 0.4 * N_TEXTS


def test_an_instruction_without_a_change_describes() -> None:
    scene = sample_scene(Random(4))
    assert len(instruct(scene, scene, Random(4)).mentions) >= 2


def test_sampled_changes_are_visible_and_few() -> None:
    rng = Random(5)
    counts = [0, 0, 0, 0]
    for _ in range(N_TEXTS):
        before = sample_scene(rng)
        after = sample_change(before, rng)
        different = {name for name in VALUES if getattr(before, name) != getattr(after, name)}
        counts[len(different)] += 1
        assert different <= set(after.visible())
        assert not is_held_out(after)
    assert counts[0] == 0
    for count, part in zip(counts[1:], (0.6, 0.3, 0.1), strict=True):
        assert abs(count / N_TEXTS - part) < 0.03


def test_held_out_phrasings_never_appear_in_training() -> None:
    patterns = held_out_patterns()
    assert len(patterns) > 100
    train = " \n ".join(caption.text for caption in captions("train")).lower()
    held_out = " \n ".join(caption.text for caption in captions("held_out")).lower()
    n_used = 0
    for pattern in sorted(patterns):
        found = re.search(pattern, train)
        assert found is None, (pattern, found)
        n_used += re.search(pattern, held_out) is not None
    assert n_used > 0.95 * len(patterns)


def test_held_out_captions_are_new_yet_mostly_common_words() -> None:
    def vocabulary(split: Split) -> list[set[str]]:
        return [set(re.findall(r"[a-z-]+", caption.text.lower())) for caption in captions(split)]

    known = set().union(*vocabulary("train"))
    new = [words - known for words in vocabulary("held_out")]
    assert sum(map(bool, new)) > 0.6 * len(new)
    assert len(set().union(*new)) > 60
    assert {c.text for c in captions("train")}.isdisjoint(c.text for c in captions("held_out"))


def test_a_tenth_of_the_combinations_is_held_out() -> None:
    rng = Random(6)
    scenes = [sample_attributes(rng) for _ in range(N_TEXTS)]
    assert 0.08 < sum(map(is_held_out, scenes)) / N_TEXTS < 0.12
    assert all(is_held_out(sample_scene(rng, split="held_out")) for _ in range(50))
    for name in ("biome", "time", "weather"):
        assert {getattr(scene, name) for scene in scenes if is_held_out(scene)} == set(VALUES[name])


def test_training_refuses_a_held_out_combination() -> None:
    scene = Attributes("city", "dusk", "fog", "none", "red", "still", "slow")
    with pytest.raises(ValueError, match="city, dusk, fog is held out"):
        describe(scene, Random(0))
    assert describe(scene, Random(0), split="held_out").target == scene
