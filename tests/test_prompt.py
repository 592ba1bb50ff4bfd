"""What may be a prompt, and what is said about what may not."""

from __future__ import annotations

import pytest

from lingen_live.errors import PromptError
from lingen_live.prompt import MAX_PROMPT_CHARS, validate_prompt


@pytest.mark.parametrize(
    "prompt", ["night", "7", "Ein roter Ballon über Dünen", "雪の街", "snow ❄️ please", "x" * MAX_PROMPT_CHARS]
)
def test_words_pass_unchanged(prompt: str) -> None:
    assert validate_prompt(prompt) == prompt


def test_blanks_around_are_taken_off() -> None:
    assert validate_prompt("  a sea \n") == "a sea"


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (None, "missing"),
        (7, "of type int"),
        (b"night", "of type bytes"),
        ("", "empty"),
        (" \t\n ", "empty"),
        ("x" * (MAX_PROMPT_CHARS + 1), "501 characters; at most 500"),
        ("x" * 10_000, "10000 characters; at most 500"),
        ("🎈🎈🎈", "no letter or digit"),
        ("?!", "no letter or digit"),
        ("night\ud800", r"U\+D800 at position 5"),
        ("a\x00b", r"U\+0000 at position 1"),
        ("two\nlines", r"U\+000A at position 3"),
    ],
)
def test_what_is_no_prompt_is_refused_with_a_sentence(prompt: object, words: str) -> None:
    with pytest.raises(PromptError, match=words) as caught:
        validate_prompt(prompt)
    assert caught.value.code == "bad_prompt"
    assert caught.value.message.endswith(".")
    caught.value.message.encode("utf-8")
