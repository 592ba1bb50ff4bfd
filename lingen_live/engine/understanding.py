"""What the engine makes of the words typed at it, in words that a page can show. Plain values, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Understanding:
    """The prompt state, told.

    Attributes:
        scene: what all prompts since the last cut ask for together, a phrase for each field that was said.
        heard: what the last prompt said of it by itself.
        similarity: cosine of the last prompt and of what was heard, as the text encoder sees them, 0 to 1. Low for
            prompts about things that the model does not know: what was heard is then the nearest it has.
    """

    scene: tuple[str, ...]
    heard: tuple[str, ...]
    similarity: float

    def to_json(self) -> Mapping[str, Any]:
        """As it is sent to pages."""
        return {"scene": list(self.scene), "heard": list(self.heard), "similarity": round(self.similarity, 3)}


NOTHING = Understanding((), (), 0.0)
"""Of an engine that reads no fields."""
