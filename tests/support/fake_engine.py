"""A small deterministic engine for tests of everything that hosts one; where a worker can import it.

Frames are one flat colour that tells the prompt. Certain prompts make it misbehave.
"""

from __future__ import annotations

import mmap
import os
import signal
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lingen_live.engine.carry import Carried
from lingen_live.engine.events import Start, Words, tell, words_of
from lingen_live.engine.info import EngineInfo
from lingen_live.engine.interface import AbandonedError, OnProgress
from lingen_live.engine.kept import KeptTimeline
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import MadeWith, Scenario
from lingen_live.engine.understanding import Understanding
from lingen_live.engine.view import BranchView, TimelineView
from lingen_live.errors import CheckpointError, PromptError, SessionFileError, TimelineError
from lingen_live.profile.spans import ChunkProfile, SpanRecorder

N_STEPS = 4
HEIGHT_PX, WIDTH_PX, FRAMES_PER_CHUNK = 64, 64, 8

REFUSE, RAISE, KILL, HANG = "refuse this", "raise now", "kill yourself", "hang for ever"
GET_FASTER = "get faster"


@dataclass(frozen=True)
class FakeChunk:
    frames: NDArray[np.uint8]
    chunk_index: int
    prompt: str
    blend: float
    seed: int
    profile: ChunkProfile
    understanding: Understanding
    epoch: int
    thumbnail: NDArray[np.uint8]


class FakeEngine:
    is_resumed = False

    def __init__(self, options: EngineOptions, tick_s: float = 0.0) -> None:
        self.prompt = options.prompt
        self.seed = options.seed
        self.chunk_index = 0
        self.epoch = 0
        self.branch_id = 0
        self.branch_names = ["main"]
        self.log: list[str] = []
        self._tick_s = tick_s
        self._recorder = SpanRecorder()
        self.info = EngineInfo(
            name="fake",
            checkpoint_digest="0" * 64,
            weights="random",
            n_parameters=3,
            state_bytes=4,
            device="cpu",
            dtype="float32",
            fps=options.fps or 16.0,
            width_px=WIDTH_PX,
            height_px=HEIGHT_PX,
            frames_per_chunk=FRAMES_PER_CHUNK,
            n_steps=1,
            compute_threads=options.n_threads,
            path="eager",
        )

    def steer(self, prompt: str, n_chunks: int = 1) -> None:
        if prompt == REFUSE:
            raise PromptError("This engine refuses that.")
        self.log.append(f"steer {prompt} {n_chunks}")
        self.prompt = prompt

    def cut(self, prompt: str) -> None:
        self.log.append(f"cut {prompt}")
        self.prompt = prompt

    def reset(self) -> None:
        self.log.append("reset")
        self.chunk_index = 0

    def reseed(self, seed: int) -> None:
        self.log.append(f"reseed {seed}")
        self.seed = seed

    def blend(self, parts: Sequence[tuple[str, float]], n_chunks: int = 1) -> None:
        self.steer(" + ".join(prompt for prompt, _ in parts), n_chunks)

    def reanchor(self, prompt: str, n_chunks: int) -> None:
        self.log.append(f"reanchor {n_chunks}")
        self.prompt = prompt

    def seek(self, chunk_index: int) -> None:
        if chunk_index > self.chunk_index:
            raise TimelineError(f"The moment before chunk {chunk_index} is not kept.")
        self.log.append(f"seek {chunk_index}")
        self.chunk_index = chunk_index
        self.epoch += 1

    def fork(self, chunk_index: int | None = None, name: str | None = None) -> int:
        self.log.append(f"fork {chunk_index} {name}")
        self.branch_names.append(name or f"branch {len(self.branch_names)}")
        self.branch_id = len(self.branch_names) - 1
        self.chunk_index = self.chunk_index if chunk_index is None else chunk_index
        self.epoch += 1
        return self.branch_id

    def switch(self, branch_id: int) -> None:
        self.log.append(f"switch {branch_id}")
        self.branch_id = branch_id
        self.epoch += 1

    def delete(self, branch_id: int) -> None:
        self.log.append(f"delete {branch_id}")

    def plan(self, verb: str, words: Words, chunk_index: int, n_chunks: int = 1) -> int:
        self.log.append(f"plan {verb} {tell(words)} {chunk_index} {n_chunks}")
        return 1

    def move_plan(self, plan_id: int, chunk_index: int) -> None:
        self.log.append(f"move {plan_id} {chunk_index}")

    def cancel_plan(self, plan_id: int) -> None:
        self.log.append(f"cancel {plan_id}")

    def turn_back(self, chunk_index: int, epoch: int) -> bool:
        if epoch != self.epoch or chunk_index >= self.chunk_index:
            return False
        self.log.append(f"turn back {chunk_index}")
        self.chunk_index = chunk_index
        self.epoch += 1
        return True

    def scenario(self) -> Scenario:
        made_with = MadeWith("fake", "0" * 64, "float32", "cpu", 1)
        return Scenario(Start(self.seed, (words_of(self.prompt),)), (), self.chunk_index, made_with)

    def load_scenario(self, scenario: Scenario) -> int:
        self.prompt = tell(scenario.start.asked[-1])
        self.seed = scenario.start.seed
        return self.fork(0, "scenario")

    def save_session(self, chunk_index: int | None = None) -> bytes:
        raise SessionFileError("A fake has no session.")

    def load_session(self, data: bytes) -> int:
        if data != b"a fake session":
            raise SessionFileError("This is no fake session.")
        return self.fork(0, "loaded")

    def view(self) -> TimelineView:
        branches = tuple(BranchView(k, name, None, 0, self.chunk_index) for k, name in enumerate(self.branch_names))
        moments = tuple((index, index) for index in range(self.chunk_index + 1))
        return TimelineView(self.branch_id, self.chunk_index, self.epoch, branches, 8, moments, ())

    def mark(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in ("seed", "chunk_index", "epoch", "branch_id")}

    def restore(self, mark: dict[str, object]) -> None:
        vars(self).update(mark)

    def kept(self) -> None:
        return None

    def tick(self, is_unwanted: Callable[[], bool] = lambda: False) -> FakeChunk:
        with self._recorder.span("denoise"):
            for _ in range(N_STEPS):
                if is_unwanted():
                    raise AbandonedError
                time.sleep(self._tick_s / N_STEPS)
            if self.prompt == RAISE:
                self.prompt = "after the exception"
                raise RuntimeError("told to raise")
            if self.prompt == KILL:
                os.kill(os.getpid(), signal.SIGKILL)
            if self.prompt == GET_FASTER:
                self.info = replace(self.info, path="compiled")
            if self.prompt == HANG:
                time.sleep(3600)
            colour = colour_of(self.prompt)
            frames = np.broadcast_to(np.array(colour, np.uint8), (FRAMES_PER_CHUNK, HEIGHT_PX, WIDTH_PX, 3)).copy()
        chunk = FakeChunk(
            frames,
            self.chunk_index,
            self.prompt,
            1.0,
            self.seed,
            self._recorder.finish(self.chunk_index),
            Understanding(("a fake",), (self.prompt,), 0.5),
            self.epoch,
            frames[-1, ::8, ::8],
        )
        self.chunk_index += 1
        return chunk


class FakeHost:
    """Makes the chunks of fakes, one after the other."""

    def __init__(self, options: EngineOptions, tick_s: float = 0.0, costs_s: tuple[float, ...] = ()) -> None:
        self._options = options
        self._tick_s = tick_s
        self.costs_s = costs_s
        self.info = FakeEngine(options).info
        self.streams: list[FakeEngine] = []
        self.batches: list[int] = []

    def pool_bytes(self, n_streams: int) -> int:
        return 0

    def attach(self, memory: mmap.mmap, kept: Iterable[KeptTimeline]) -> None:
        raise AssertionError("a fake has no pool")

    def carry(self, kept: KeptTimeline) -> Carried:
        raise AssertionError("a fake keeps nothing")

    def open(self, *, seed: int, prompt: str, kept: KeptTimeline | None, carried: Carried | None = None) -> FakeEngine:
        stream = FakeEngine(replace(self._options, seed=seed, prompt=prompt), self._tick_s)
        self.streams.append(stream)
        return stream

    def tick(
        self, streams: Sequence[FakeEngine], is_unwanted: Callable[[], bool], n_steps: int | None = None
    ) -> list[FakeChunk]:
        self.batches.append(len(streams))
        chunks = [stream.tick(is_unwanted) for stream in streams]
        self.info = streams[0].info
        return chunks

    def settle(self) -> None:
        pass


def colour_of(prompt: str) -> tuple[int, int, int]:
    """Bright for a prompt with "day", dark for one with "night", else grey."""
    level = 220 if "day" in prompt else 30 if "night" in prompt else 128
    return level, level, level


def make_fake(options: EngineOptions, on_progress: OnProgress) -> FakeHost:
    if options.checkpoint == "missing":
        raise CheckpointError("There is no checkpoint at 'missing'.")
    if options.checkpoint == "broken":
        raise RuntimeError("a bug while building")
    on_progress("loading", 0.5)
    on_progress("warming up", 1.0)
    return FakeHost(options)


def make_slow_fake(options: EngineOptions, on_progress: OnProgress) -> FakeHost:
    return FakeHost(options, tick_s=0.1)


def report_environment(options: EngineOptions, on_progress: OnProgress) -> FakeHost:
    """Says through its progress in what surroundings the worker runs."""
    ignores_ctrl_c = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    is_unblocked = signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
    on_progress(f"OMP_NUM_THREADS={os.environ.get('OMP_NUM_THREADS')}", 1.0)
    on_progress(f"OMP_WAIT_POLICY={os.environ.get('OMP_WAIT_POLICY')}", 1.0)
    on_progress(f"ctrl-c ignored={ignores_ctrl_c and is_unblocked}", 1.0)
    return FakeHost(options)
