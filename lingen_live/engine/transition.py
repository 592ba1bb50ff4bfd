"""How a stream goes from one prompt to the next: a blend of prompt states over a number of chunks. Knows no model."""

from __future__ import annotations

from dataclasses import dataclass

from lingen_live.engine.prompt_state import PromptState, blend


@dataclass(frozen=True, slots=True)
class Transition:
    """From what conditioned the last chunk to the target.

    The first chunk of a transition already moves, the last is exactly the target.

    Attributes:
        start: what the stream was conditioned on when it was steered.
        target: where it goes.
        n_chunks: length; 1 is at once.
        n_done: chunks made since.
    """

    start: PromptState
    target: PromptState
    n_chunks: int = 1
    n_done: int = 0

    @property
    def weight(self) -> float:
        """Weight of the target in the next chunk, in (0, 1]."""
        return min(1.0, (self.n_done + 1) / self.n_chunks)

    @property
    def reached(self) -> PromptState:
        """What conditioned the last chunk, from where a new transition departs."""
        if self.n_done == 0:
            return self.start
        return Transition(self.start, self.target, self.n_chunks, self.n_done - 1).prompt()

    def prompt(self) -> PromptState:
        """What conditions the next chunk."""
        return blend(self.start, self.target, self.weight)

    def soon(self) -> PromptState:
        """What conditions the chunk after the next: a camera goes ahead, as it takes a chunk to show where it goes."""
        return self.advanced().prompt()

    def advanced(self) -> Transition:
        """The transition after one more chunk."""
        return Transition(self.start, self.target, self.n_chunks, min(self.n_done + 1, self.n_chunks))
