"""Prompts through a published T5 or UMT5 encoder (the paper's scale), from a folder of the user's.

Knows words and vectors. Does not know what they steer.

    encode = load_prompt_encoder(Path("umt5-xxl"), max_tokens=256, device="cuda", dtype=torch.bfloat16)
    embedding = encode("a red balloon over dunes")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from lingen_live.errors import TextEncoderError
from lingen_live.text import TextEmbedding

_KINDS = {"t5": "T5EncoderModel", "umt5": "UMT5EncoderModel"}


class PromptEncoder:
    """One prompt to the states of its tokens.

    Args:
        encoder: a T5 encoder of transformers, on its device.
        tokenizer: its tokenizer.
        max_tokens: S; a prompt that is longer is cut.
    """

    def __init__(self, encoder: nn.Module, tokenizer: Any, max_tokens: int) -> None:
        self._encoder = cast(Any, encoder)
        self._encoder.eval().requires_grad_(False)
        self._tokenizer, self.max_tokens = tokenizer, max_tokens
        self.width: int = self._encoder.config.d_model

    @torch.no_grad()
    def __call__(self, prompt: str) -> TextEmbedding:
        """tokens (S, width), zero where padded; mask (S,); pooled (width,) of length 1; on the encoder's device."""
        words = self._tokenizer(
            prompt, padding="max_length", max_length=self.max_tokens, truncation=True, return_tensors="pt"
        ).to(self._encoder.device)
        states: Tensor = self._encoder(
            input_ids=words.input_ids, attention_mask=words.attention_mask
        ).last_hidden_state[0]
        mask = words.attention_mask[0].bool()
        states = states * mask[:, None]
        mean = states.float().sum(0) / mask.sum().clamp_min(1)
        return TextEmbedding(states, mask, functional.normalize(mean, dim=0).to(states.dtype))


def load_prompt_encoder(
    folder: Path, *, max_tokens: int, device: str | torch.device, dtype: torch.dtype
) -> PromptEncoder:
    """Load an encoder and its tokenizer, in the layout of transformers.

    Args:
        folder: holds config.json, safetensors and the tokenizer.
        max_tokens: as in `PromptEncoder`.
        device: where it runs.
        dtype: of its arithmetic.

    Raises:
        TextEncoderError: the folder holds no T5 or UMT5 encoder, or one that cannot be read.
    """
    import transformers

    try:
        kind = transformers.AutoConfig.from_pretrained(folder, local_files_only=True).model_type
        if kind not in _KINDS:
            raise TextEncoderError(f"{folder} holds a model of kind {kind!r}; known are {', '.join(_KINDS)}.")
        encoder = getattr(transformers, _KINDS[kind]).from_pretrained(
            folder, local_files_only=True, use_safetensors=True, dtype=dtype
        )
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise TextEncoderError(f"{folder} holds no text encoder that can be read: {error}") from error
    return PromptEncoder(encoder.to(device), tokenizer, max_tokens)
