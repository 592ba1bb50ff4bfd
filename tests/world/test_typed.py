"""Prompts as people type them: they say what they claim, in no reserved word, and carelessly."""

from __future__ import annotations

import re
from random import Random

import pytest
from caption_words import TYPED_RULES, all_words, held_out_patterns, read

from lingen_live.world import typed, typed_words
from lingen_live.world.attributes import Attributes
from lingen_live.world.captions import Caption, sample_change, sample_scene
from lingen_live.world.typed import MAX_CHARACTERS, mistype, type_prompt

N_TEXTS = 3000


def draw(n: int = N_TEXTS) -> list[Caption]:
    rng, drawn = Random(13), []
    for _ in range(n):
        before = sample_scene(rng)
        drawn.append(type_prompt(before, sample_change(before, rng), rng))
    return drawn


@pytest.fixture(scope="module")
def prompts() -> list[Caption]:
    return draw()


def test_words_say_exactly_what_mentions_claims(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typed, "roughen", lambda text, rng: text)
    for caption in draw():
        said = {name: {getattr(caption.target, name)} for name in caption.mentions}
        assert read(caption.text, TYPED_RULES) == said, caption.text


def test_reserved_phrasings_never_appear_however_mistyped(prompts: list[Caption]) -> None:
    texts = " \n ".join(caption.text for caption in prompts).lower()
    for pattern in sorted(held_out_patterns()):
        found = re.search(pattern, texts)
        assert found is None, (pattern, found)


def test_no_slip_makes_a_reserved_word(prompts: list[Caption]) -> None:
    reserved = {phrase for entry in all_words() for phrase in entry.held_out if phrase.isalpha()}
    assert {"twilight", "cobalt", "blizzard"} <= reserved
    vocabulary = {word for caption in prompts for word in re.findall(r"[a-z]+", caption.text.lower())}
    assert not vocabulary & reserved
    rng = Random(0)
    slips = {mistype(word, rng) for word in sorted(vocabulary) for _ in range(40)}
    assert not slips & reserved


def test_a_slip_is_one_letter_of_a_longer_word() -> None:
    rng = Random(1)
    assert {mistype("boat,", rng) for _ in range(20)} == {"boat,"}
    slips = {mistype("balloon,", rng) for _ in range(500)}
    assert {"ballon,", "baloon,", "ballloon,", "balolon,"} <= slips
    assert all(slip[0] == "b" and slip.endswith(",") and abs(len(slip) - len("balloon,")) <= 1 for slip in slips)


def test_colours_of_lands_stand_beside_those_of_subjects(prompts: list[Caption]) -> None:
    """The reader must learn whose a colour is: a caption may hold one of each."""
    texts = [caption for caption in prompts if caption.target.biome == "desert" and "biome" in caption.mentions]
    land = re.compile(r"(red|orange|golden|yellow) (sand |desert )?(dunes|sands?|desert)")
    coloured = [caption for caption in texts if land.search(caption.text.lower())]
    with_subject = [caption for caption in coloured if "colour" in caption.mentions]
    assert 0.1 < len(coloured) / len(texts) < 0.6
    assert 0.2 < len(with_subject) / len(coloured) < 0.7
    plain = [c for c in prompts if "colour" in c.mentions and re.search(rf"\b{c.target.colour}\b", c.text.lower())]
    assert len(plain) > 0.1 * N_TEXTS


def test_they_are_short_and_many(prompts: list[Caption]) -> None:
    assert all(0 < len(caption.text) <= MAX_CHARACTERS + 8 for caption in prompts)
    assert all(caption.mentions for caption in prompts)
    assert sum(len(caption.text) < 30 for caption in prompts) > 0.25 * N_TEXTS
    assert len({caption.text for caption in prompts}) > 0.8 * N_TEXTS
    assert prompts[:100] == draw(100)


def test_further_words_are_not_those_of_the_lexicon_s_other_split() -> None:
    further = {phrase for phrases in typed_words.FURTHER.values() for phrase in phrases}
    reserved = {phrase for entry in typed_words.FURTHER for phrase in entry.held_out}
    assert reserved
    assert not further & reserved


def test_training_refuses_a_held_out_combination() -> None:
    scene = Attributes("city", "dusk", "fog", "none", "red", "still", "slow")
    with pytest.raises(ValueError, match="city, dusk, fog is held out"):
        type_prompt(scene, scene, Random(0))
