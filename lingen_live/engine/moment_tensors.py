"""The tensors of a moment by name, and a moment's words from them: what is the same in a file and in a slot.

Knows moments. Does not know bytes, files or pools.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from torch import Tensor

from lingen_live.engine.prompt_state import PromptState
from lingen_live.engine.transition import Transition
from lingen_live.model.state import StreamState
from lingen_live.text import TextEmbedding

_ENDS = ("start", "target")


def state_tensors(state: StreamState) -> dict[str, Tensor]:
    """What the stream remembers; the tensors themselves."""
    return {f"state.{f.name}": getattr(state, f.name) for f in fields(StreamState)}


def way_tensors(way: Transition) -> dict[str, Tensor]:
    """Both ends of the way to the last words; the tensors themselves."""
    tensors = {}
    for end, prompt in zip(_ENDS, (way.start, way.target), strict=True):
        tensors[f"{end}.tokens"] = prompt.words.tokens
        tensors[f"{end}.mask"] = prompt.words.mask
        tensors[f"{end}.pooled"] = prompt.words.pooled
        tensors[f"{end}.reading"] = prompt.reading
    return tensors


def way_from(tensors: Mapping[str, Tensor], n_chunks: int, n_done: int) -> Transition:
    """The reverse of `way_tensors`."""
    start, target = (
        PromptState(
            TextEmbedding(tensors[f"{end}.tokens"], tensors[f"{end}.mask"], tensors[f"{end}.pooled"]),
            tensors[f"{end}.reading"],
        )
        for end in _ENDS
    )
    return Transition(start, target, n_chunks, n_done)
