"""What may be a prompt: one pure check shared by the command line, the socket and the engine.

Knows text only. Does not know tokens, models or the network.
"""

from __future__ import annotations

import unicodedata

from lingen_live.errors import PromptError

MAX_PROMPT_CHARS = 500


def validate_prompt(prompt: object) -> str:
    """The prompt without the blanks around it.

    Args:
        prompt: anything a client sent where words were expected.

    Returns:
        1 to `MAX_PROMPT_CHARS` characters of valid Unicode with at least one letter or digit.

    Raises:
        PromptError: it cannot be a prompt; the message says what was got and what is accepted.
    """
    if not isinstance(prompt, str):
        raise PromptError(f"The prompt is {_kind(prompt)}; it must be a text of 1 to {MAX_PROMPT_CHARS} characters.")
    text = prompt.strip()
    if not text:
        raise PromptError(f"The prompt is empty; it must hold 1 to {MAX_PROMPT_CHARS} characters.")
    if len(text) > MAX_PROMPT_CHARS:
        raise PromptError(f"The prompt has {len(text)} characters; at most {MAX_PROMPT_CHARS} are accepted.")
    for position, character in enumerate(text):
        _check_character(character, position)
    if not any(character.isalnum() for character in text):
        raise PromptError(f"The prompt has {len(text)} characters but no letter or digit; describe the scene in words.")
    return text


def _check_character(character: str, position: int) -> None:
    """Refuse half characters, which UTF-8 cannot carry, and control characters, which nobody types."""
    category = unicodedata.category(character)
    if category == "Cs":
        raise PromptError(
            f"The prompt holds the lone surrogate U+{ord(character):04X} at position {position}; "
            "it must be text that UTF-8 can encode."
        )
    if category == "Cc":
        raise PromptError(
            f"The prompt holds the control character U+{ord(character):04X} at position {position}; "
            "it must be one line of plain text."
        )


def _kind(value: object) -> str:
    return "missing" if value is None else f"of type {type(value).__name__}"
