"""One stream between its chunks: its timeline, and all that can be asked of it.

What a verb changes takes effect in the timeline at once and last: one that fails changes nothing. Knows how words and
states add up. Does not know how chunks are made, nor wall-clock time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from lingen_live.checkpoint import Bundle
from lingen_live.engine.branch import MAX_EVENTS, Branch
from lingen_live.engine.events import DEFAULT_STRETCH, Event, Start, Words, blend_of, words_of
from lingen_live.engine.generate import Made
from lingen_live.engine.prompt_state import PromptState
from lingen_live.engine.sampler import Denoiser
from lingen_live.engine.scenario import MadeWith, Scenario
from lingen_live.engine.schedule import added, cancelled, moved, next_due
from lingen_live.engine.snapshot import Moment, Snapshot
from lingen_live.engine.timeline import Timeline, TimelineLimits
from lingen_live.engine.transition import Transition
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.words import Reading, WordReader
from lingen_live.errors import ScenarioError, TimelineError
from lingen_live.model.state import StreamState


class Stream:
    """A stream that can be steered, turned back and branched.

    Args:
        bundle: weights on their device, in their dtype.
        words: reads for the same bundle.
        seed: 0 to 2^32 - 1.
        prompt: what the first chunk shows.
        limits: how much of the past is kept; None for the usual.
        keep: puts a moment where moments are kept; by default it stays where it is.

    Raises:
        PromptError: the words cannot be a prompt.
        ConfigError: the limits are too tight for this model.
    """

    def __init__(
        self,
        bundle: Bundle,
        words: WordReader,
        *,
        seed: int,
        prompt: str,
        limits: TimelineLimits | None = None,
        keep: Callable[[Moment], Moment] = lambda moment: moment,
    ) -> None:
        self.bundle = bundle
        self.denoiser: Denoiser = bundle.model
        self.words = words
        self.keep = keep
        weight = bundle.model.latent_in.weight
        self.device, self.dtype = weight.device, weight.dtype
        start = Start(seed, (words_of(prompt),))
        moment = self._begin(start)
        limits = TimelineLimits.for_state(moment.state.n_bytes) if limits is None else limits
        self.timeline = Timeline(limits, start, moment)

    # Where the stream is.

    @property
    def moment(self) -> Moment:
        """All that decides what comes next."""
        return self.timeline.current.head

    @property
    def state(self) -> StreamState:
        """What the stream remembers."""
        return self.moment.state

    @property
    def transition(self) -> Transition:
        """The way to the last words."""
        return self.moment.transition

    @property
    def prompt(self) -> str:
        """The last words."""
        return self.moment.prompt

    @property
    def seed(self) -> int:
        """Of the noise."""
        return self.moment.seed

    @property
    def chunk_index(self) -> int:
        """Of the chunk that comes next."""
        return self.moment.chunk_index

    @property
    def understanding(self) -> Understanding:
        """What is made of the prompts."""
        return self.moment.reading.understanding

    # What can be asked of it.

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        """Blend towards a prompt over the next `n_chunks` chunks; what it does not speak of stays.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "steer", words_of(prompt), n_chunks))

    def blend(self, parts: Sequence[tuple[str, float]], n_chunks: int = 1) -> None:
        """Steer towards several prompts at once, each with a weight.

        Raises:
            PromptError: the words or weights cannot be a blend; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "steer", blend_of(parts), n_chunks))

    def cut(self, prompt: str) -> None:
        """Forget the past: the next chunk begins a new scene.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "cut", words_of(prompt)), is_stale=True)

    def reanchor(self, prompt: str, n_chunks: int = DEFAULT_STRETCH) -> None:
        """Go to a prompt at once, with the last chunks remembered as if they had been made under it.

        Args:
            prompt: what it does not speak of stays.
            n_chunks: how many, 1 to `MAX_STRETCH`, of the present scene.

        Raises:
            PromptError: the words cannot be a prompt; the stream goes on as it was.
            TimelineError: so many chunks are not at hand; the stream goes on as it was.
        """
        self._tell(Event(self.chunk_index, "reanchor", words_of(prompt), n_chunks))

    def reset(self) -> None:
        """Begin this branch again from chunk 0 with all that is asked for now; its past is gone."""
        self.reseed(self.seed)

    def reseed(self, seed: int) -> None:
        """Begin this branch again from chunk 0 with other noise."""
        start = Start(seed, tuple(one.words for one in self.moment.reading.asked))
        self.timeline.restart(start, self._begin(start))

    def seek(self, chunk_index: int) -> None:
        """Go back (or forward again) to the moment before a chunk; what was said after it is replayed.

        Raises:
            TimelineError: that moment is not kept; the stream goes on as it was.
        """
        self.timeline.seek(chunk_index)

    def fork(self, chunk_index: int | None = None, name: str | None = None) -> int:
        """Go on from a moment of this branch, by default from here, on a branch of its own; returns its id.

        Raises:
            TimelineError: the moment is not kept, or there are too many branches; the stream goes on as it was.
        """
        return self.timeline.fork(chunk_index, name)

    def switch(self, branch_id: int) -> None:
        """Go on with another branch, where it was left.

        Raises:
            TimelineError: there is no such branch; the stream goes on as it was.
        """
        self.timeline.switch(branch_id)

    def delete(self, branch_id: int) -> None:
        """Forget a branch that the stream is not on.

        Raises:
            TimelineError: there is no such branch, or the stream is on it.
        """
        self.timeline.delete(branch_id)

    @property
    def made_with(self) -> MadeWith:
        """What has to be the same elsewhere for a replay to be exact."""
        config = self.bundle.config
        dtype = str(self.dtype).removeprefix("torch.")
        return MadeWith(
            config.name, self.bundle.digest, dtype, self.device.type, config.sampler.n_steps, self.bundle.weights
        )

    def plan(self, verb: Literal["steer", "cut"], words: Words, chunk_index: int, n_chunks: int = 1) -> int:
        """Say words when a later chunk comes; returns the id of the plan.

        Raises:
            TimelineError: the chunk was made already, or there are too many plans.
        """
        branch, id = added(self.timeline.current, Event(chunk_index, verb, words, n_chunks))
        self.timeline.put(branch)
        return id

    def move_plan(self, plan_id: int, chunk_index: int) -> None:
        """Have a plan come true with another chunk.

        Raises:
            TimelineError: there is no such plan, or the chunk was made already.
        """
        self.timeline.put(moved(self.timeline.current, plan_id, chunk_index))

    def cancel_plan(self, plan_id: int) -> None:
        """Forget a plan.

        Raises:
            TimelineError: there is no such plan.
        """
        self.timeline.put(cancelled(self.timeline.current, plan_id))

    @torch.inference_mode()
    def turn_back(self, chunk_index: int, epoch: int) -> bool:
        """Make anew what was made but not shown, so that the next words count from there.

        What was typed since is said again there, at once.

        Args:
            chunk_index: of the first chunk that was not shown.
            epoch: of that chunk.

        Returns:
            Whether it was possible; if not, nothing was changed.
        """
        branch = self.timeline.current
        snapshot = branch.kept(chunk_index)
        if epoch != self.timeline.epoch or chunk_index >= branch.head.chunk_index or snapshot is None:
            return False
        branch, typed = branch.turned_back(snapshot)
        try:
            for event in typed:
                again = replace(event, chunk_index=chunk_index)
                branch = branch.told(again, self._apply(branch, again))
        except TimelineError:  # what was told anew cannot be from here
            return False
        self.timeline.put(branch, is_stale=True)
        return True

    def scenario(self, branch: Branch | None = None) -> Scenario:
        """A branch from its start to its head, to be played again; None for the current one.

        Raises:
            ScenarioError: so much was said that the beginning is forgotten.
        """
        branch = branch or self.timeline.current
        if not branch.is_whole:
            raise ScenarioError(f"More than {MAX_EVENTS} words were said on this branch; its beginning is forgotten.")
        events, index = branch.events[: branch.n_applied + len(branch.due)], branch.head.chunk_index
        return Scenario(branch.start, events, index, self.made_with, branch.record.before(index))

    def load_scenario(self, scenario: Scenario, name: str = "scenario") -> int:
        """Go to the beginning of a scenario, on a branch of its own, and replay it; returns the branch's id.

        Raises:
            TimelineError: there are too many branches; the stream goes on as it was.
        """
        id, name = self.timeline.reserve(name)
        return self.timeline.adopt(Branch.grown(id, name, scenario, self._begin(scenario.start)))

    def read_again(self, asked: tuple[Words, ...], state: PromptState) -> Reading:
        """The reading of words that once gave `state`."""
        return replace(self.words.read_all(asked), state=state)

    # One chunk more.

    def arrived(self) -> Branch:
        """The current branch with all that is due before its next chunk; nothing is changed yet."""
        branch = self.timeline.current
        for event in branch.due:
            branch = branch.taken(self._apply(branch, event))
        while planned := next_due(branch):
            event = replace(planned.event, chunk_index=branch.head.chunk_index)
            branch = cancelled(branch, planned.id)
            branch = branch.told(event, self._apply(branch, event))
        return branch

    def stepped(self, branch: Branch, made: Made, thumbnail: NDArray[np.uint8], path: str) -> Branch:
        """The branch after a chunk that was made of its head; nothing is changed yet."""
        snapshot = Snapshot(self.keep(branch.head.advanced(made.following)), thumbnail)
        return branch.pushed(snapshot, made.digest, path)

    @torch.inference_mode()
    def _tell(self, event: Event, *, is_stale: bool = False) -> None:
        """Take new words now."""
        branch = self.timeline.current
        self.timeline.put(branch.told(event, self._apply(branch, event)), is_stale=is_stale)

    def _apply(self, branch: Branch, event: Event) -> Moment:
        """The head of a branch after words are said."""
        head = branch.head
        match event.verb:
            case "steer":
                reading = self.words.read(event.words, head.reading)
                return head.turned(reading, Transition(head.transition.reached, reading.state, event.n_chunks))
            case "cut":
                reading = self.words.read(event.words)
                return head.turned(reading, Transition(reading.state, reading.state), self._empty_state())
            case "reanchor":
                stretch = branch.stretch(event.n_chunks)
                reading = self.words.read(event.words, head.reading)
                state = self._told_anew(stretch, reading)
                return head.turned(reading, Transition(reading.state, reading.state), state)

    def _told_anew(self, stretch: Sequence[Snapshot], reading: Reading) -> StreamState:
        """What the stream would remember of its last chunks had they been made under other words."""
        state = stretch[0].moment.state
        text = self.words.context(reading.state)
        for after in stretch[1:]:
            latents = after.moment.state.latents[0]
            state = self.denoiser.commit(latents, text, state).scaled(self.bundle.config.sampler.state_keep)
        return state

    def _begin(self, start: Start) -> Moment:
        """The moment before chunk 0."""
        reading = self.words.read_all(start.asked)
        moment = Moment(self._empty_state(), 0, start.seed, reading, Transition(reading.state, reading.state))
        return self.keep(moment)

    def _empty_state(self) -> StreamState:
        return StreamState.allocate(self.bundle.config.model, 1, device=self.device, dtype=self.dtype)
