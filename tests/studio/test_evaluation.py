"""The quick evaluation: one at a time, told as it goes, gone when it is cancelled, and never of other weights."""

from __future__ import annotations

import asyncio
import importlib.util
import os
from collections.abc import Callable

import fake_engine
import pytest

from lingen_live.engine.inprocess import InProcessHost
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.annexe import Backstage
from lingen_live.serve.house import House
from lingen_live.studio import context
from lingen_live.studio.annexe import Studio
from lingen_live.studio.evaluation import Evaluation, EvaluationError


async def until(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110 (another process decides)
        await asyncio.sleep(0.01)


async def run(checkpoint: str, digest: str = "abc") -> Evaluation:
    evaluation = Evaluation("fake_quick")
    evaluation.start(EngineOptions(checkpoint), digest, 4)
    await until(lambda: not evaluation.is_running)
    return evaluation


async def test_what_was_found_is_kept_if_it_is_of_the_loaded_weights() -> None:
    evaluation = await run("abc")
    assert evaluation.problem is None
    assert evaluation.result is not None
    assert evaluation.result["digest"] == "abc"

    other = await run("def")
    assert other.result is None
    assert other.problem == "The weights on the disk are not those that are loaded; start the server again."


@pytest.mark.parametrize(
    ("ending", "problem"),
    [
        ("fails", "There is no checkpoint directory."),
        ("babbles", "The process that evaluates said what nobody understands."),
        ("dies", "The process that evaluates ended with exit code 3."),
    ],
)
async def test_how_it_failed_is_told(ending: str, problem: str) -> None:
    evaluation = await run(ending)
    assert (evaluation.problem, evaluation.result) == (problem, None)


async def test_one_at_a_time_and_gone_when_cancelled() -> None:
    evaluation = Evaluation("fake_quick")
    for n_captions in (3, 41):
        with pytest.raises(EvaluationError, match=f"^{n_captions} captions were asked for; it takes 4 to 40"):
            evaluation.start(EngineOptions(), "abc", n_captions)
    evaluation.start(EngineOptions("waits"), "abc", 4)
    await until(lambda: evaluation.n_done > 3)
    with pytest.raises(EvaluationError, match="runs already"):
        evaluation.start(EngineOptions("waits"), "abc", 4)
    pid = evaluation.n_done  # what it tells last
    await evaluation.cancel()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert not evaluation.is_running
    assert evaluation.problem is not None
    assert evaluation.problem.startswith("It was cancelled")
    await evaluation.cancel()


@pytest.mark.skipif(importlib.util.find_spec("gradio") is None, reason="needs the extra studio")
async def test_it_ends_with_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    evaluation = Evaluation("fake_quick")
    monkeypatch.setattr(context, "Evaluation", lambda: evaluation)
    host = InProcessHost(EngineOptions(), fake_engine.make_fake)
    house = House(host, prompt="a day", seed=0, transition_chunks=2, max_sessions=1)
    studio = Studio()
    studio.open(Backstage(host, house, EngineOptions()))
    serving = asyncio.create_task(studio.run())
    await asyncio.sleep(0)
    evaluation.start(EngineOptions("waits"), "abc", 4)
    await until(lambda: evaluation.n_done > 3)
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)
    with pytest.raises(ProcessLookupError):
        os.kill(evaluation.n_done, 0)
