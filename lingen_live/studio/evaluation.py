"""`Evaluation`: the quick evaluation of the loaded checkpoint, one at a time, in a child at the lowest priority.

It belongs to the server's event loop and outlives the page that asked for it. Knows processes; knows no Gradio.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from lingen_live.engine.options import EngineOptions
from lingen_live.errors import LingenError
from lingen_live.studio.child import end_child, start_child

MIN_CAPTIONS, MAX_CAPTIONS = 4, 40
_MODULE = "lingen_live.train.quick"


class EvaluationError(LingenError):
    """An evaluation that cannot be begun."""

    code = "no_evaluation"


class Evaluation:
    """What runs, and what the last one found.

    Attributes:
        n_done: captions judged of the one that runs or ran last.
        n_captions: of all.
        result: the last that came to its end, as the child told it; None if there is none.
        problem: why the last one did not come to its end; None if it did, or if it still runs.
    """

    def __init__(self, module: str = _MODULE) -> None:
        self._module = module
        self._task: asyncio.Task[None] | None = None
        self.n_done = 0
        self.n_captions = 0
        self.result: dict[str, Any] | None = None
        self.problem: str | None = None
        self._digest = ""

    @property
    def is_running(self) -> bool:
        """Whether there is one to wait for."""
        return self._task is not None and not self._task.done()

    def start(self, options: EngineOptions, digest: str, n_captions: int) -> None:
        """Begin.

        Args:
            options: how the engine is built.
            digest: of the loaded bundle; what is found of another is not kept.
            n_captions: 4 to 40.

        Raises:
            EvaluationError: one runs already, or the number of captions is out of its range.
        """
        if self.is_running:
            raise EvaluationError(f"An evaluation runs already: {self.n_done} of {self.n_captions} captions are done.")
        if not MIN_CAPTIONS <= n_captions <= MAX_CAPTIONS:
            raise EvaluationError(f"{n_captions} captions were asked for; it takes {MIN_CAPTIONS} to {MAX_CAPTIONS}.")
        self.n_done, self.n_captions = 0, n_captions
        self.problem, self._digest = None, digest
        plan = {
            "n_captions": n_captions,
            "checkpoint": options.checkpoint,
            "device": options.device,
            "dtype": options.dtype,
        }
        self._task = asyncio.create_task(self._run(json.dumps(plan)))

    async def cancel(self) -> None:
        """End the one that runs; nothing of it is kept. Idempotent."""
        if self._task is None or self._task.done():
            return
        self._task.cancel()
        # Before it is over, for others look at it then.
        self.problem = f"It was cancelled after {self.n_done} of {self.n_captions} captions."
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self, plan: str) -> None:
        try:
            await self._listen(plan)
        except OSError as error:
            self.problem = f"The process that evaluates cannot be started: {error.strerror or error}."

    async def _listen(self, plan: str) -> None:
        process = await start_child(self._module, plan)
        try:
            assert process.stdout is not None
            async for line in process.stdout:
                if self._hear(json.loads(line)):
                    return
            self.problem = f"The process that evaluates ended with exit code {await process.wait()}."
        except ValueError:
            self.problem = "The process that evaluates said what nobody understands."
        finally:
            await end_child(process)

    def _hear(self, told: dict[str, Any]) -> bool:
        """Whether that was the last word."""
        if "n_done" in told:
            self.n_done = told["n_done"]
            return False
        if "error" in told:
            self.problem = told["error"]
        elif told["digest"] != self._digest:
            self.problem = "The weights on the disk are not those that are loaded; start the server again."
        else:
            self.result = told
        return True
