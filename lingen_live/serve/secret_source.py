"""Secrets of the command line, which are never written there: an environment variable or a file holds them."""

from __future__ import annotations

import os
from pathlib import Path

from lingen_live.errors import ConfigError

MAX_BYTES = 4096
MIN_TOKEN_CHARS = 16
"""Of a token that a person chose; fewer can be guessed by trying."""
_ENV = "env:"


def read_secret(source: str, option: str) -> str:
    """The secret that `source` names: `env:NAME` the environment variable, anything else a file.

    Args:
        source: as given to `option`.
        option: is named when it cannot be had.

    Raises:
        ConfigError: there is none, or it holds what no header may: the secret itself is never shown.
    """
    if source.startswith(_ENV):
        text = os.environ.get(source.removeprefix(_ENV), "")
    else:
        try:
            with Path(source).open("rb") as file:
                text = file.read(MAX_BYTES + 1).decode("utf-8", "replace")
        except OSError as error:
            raise ConfigError(f"{option} names {source[:80]!r}, which cannot be read: {error.strerror}.") from error
    text = text.strip()
    if not text:
        raise ConfigError(f"{option} names {source[:80]!r}, which holds nothing.")
    if len(text) > MAX_BYTES or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigError(
            f"What {option} names must be one word of at most {MAX_BYTES} printable ASCII characters, and nothing else."
        )
    return text


def read_token(source: str) -> str:
    """The token of the server that `source` names, as `read_secret` has it.

    Raises:
        ConfigError: there is none, or it is short.
    """
    token = read_secret(source, "--token")
    if len(token) < MIN_TOKEN_CHARS:
        raise ConfigError(f"What --token names has {len(token)} characters; it must have at least {MIN_TOKEN_CHARS}.")
    return token
