"""Films of storyboards: whole, exact, and the same whether or not a kill came between."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

from lingen_live.engine.engine import Engine
from lingen_live.engine.events import Event, Start, blend_of, words_of
from lingen_live.engine.movie import join_movies, write_movie
from lingen_live.engine.replay import replay
from lingen_live.engine.scenario import Scenario, read_scenario
from lingen_live.errors import EngineError, ScenarioError
from lingen_live.studio.reel import PART_CHUNKS, Reel
from lingen_live.studio.render import render

MakeEngine = Callable[..., Engine]

N_CHUNKS = 2 * PART_CHUNKS + 5
N_FRAMES = 8 * N_CHUNKS

_RENDERS = """
import sys
from pathlib import Path
import torch
from fake_text import FakeText
from lingen_live.checkpoint import load_bundle
from lingen_live.engine.engine import Engine
from lingen_live.engine.scenario import read_scenario
from lingen_live.studio.reel import Reel
from lingen_live.studio.render import render

torch.set_num_threads(1)
bundle = load_bundle(sys.argv[1])
engine = Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=1, prompt="another")
say = lambda n: print(n, flush=True)
print(render(engine, read_scenario(Path(sys.argv[2])), Reel(Path(sys.argv[3])), say))
"""


@pytest.fixture
def scenario(make_engine: MakeEngine) -> Scenario:
    """Of three parts, with words in each and one across an edge."""
    events = (
        Event(3, "steer", blend_of([("night", 1), ("a red desert", 2)]), 2),
        Event(PART_CHUNKS - 1, "steer", words_of("a sea of ice"), 4),
        Event(PART_CHUNKS + 2, "cut", words_of("a meadow")),
        Event(2 * PART_CHUNKS + 2, "reanchor", words_of("night"), 2),
    )
    return Scenario(Start(7, (words_of("a meadow"),)), events, N_CHUNKS, make_engine().made_with)


def start(bundle: Path, scenario: Scenario, film: Path) -> subprocess.Popen[str]:
    told = film.with_suffix(".json")
    told.write_text(json.dumps(scenario.to_json()), encoding="utf-8")
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", _RENDERS, bundle, told, film],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_killed_render_goes_on_and_gives_the_same_film(
    tiny_bundle: Path, make_engine: MakeEngine, scenario: Scenario, tmp_path: Path
) -> None:
    film, unbroken = tmp_path / "film.mp4", tmp_path / "unbroken.mp4"
    dying = start(tiny_bundle, scenario, film)
    with dying:
        assert dying.stdout is not None
        while dying.stdout.readline() != f"{PART_CHUNKS + 3}\n":
            assert dying.poll() is None
        dying.send_signal(signal.SIGKILL)
    assert not film.exists()
    going_on = start(tiny_bundle, scenario, film)
    counts = going_on.communicate(timeout=300)[0].split()
    assert going_on.returncode == 0
    assert counts == [*map(str, range(PART_CHUNKS, N_CHUNKS + 1)), str(N_FRAMES)]

    engine = make_engine(seed=3)
    assert render(engine, scenario, Reel(unbroken), lambda n: None) == N_FRAMES
    assert film.read_bytes() == unbroken.read_bytes()
    told = [read_scenario(path.with_suffix(".scenario.json")) for path in (film, unbroken)]
    assert told[0] == told[1]
    assert told[0].events == scenario.events
    assert len(list(replay(make_engine(seed=5), told[0], verify=True))) == N_CHUNKS
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == []


def test_the_film_plays_everywhere(make_engine: MakeEngine, scenario: Scenario, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    render(make_engine(), scenario, Reel(film), lambda n: None)
    with av.open(str(film)) as container:
        (video,) = container.streams.video
        context = video.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        assert video.average_rate == 16
        times = [frame.time for frame in container.decode(video)]
    assert times == [pytest.approx(index / 16) for index in range(N_FRAMES)]
    atoms = film.read_bytes()
    assert atoms.index(b"moov") < atoms.index(b"mdat")


def test_parts_are_joined_frame_by_frame(tmp_path: Path) -> None:
    levels = np.arange(16, 240, 4, dtype=np.uint8)  # every frame has its own
    frames = np.broadcast_to(levels[:, None, None, None], (len(levels), 32, 32, 3))
    parts = [tmp_path / f"{k}.mp4" for k in range(4)]
    for part, some in zip(parts, np.split(frames, [1, 20, 41]), strict=True):
        write_movie(part, [some], 16)
    assert join_movies(tmp_path / "film.mp4", parts) == len(levels)
    with av.open(str(tmp_path / "film.mp4")) as container:
        seen = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert np.abs(np.stack(seen).astype(int) - frames).max() <= 1


def test_what_is_half_written_is_made_again(make_engine: MakeEngine, scenario: Scenario, tmp_path: Path) -> None:
    reel = Reel(tmp_path / "film.mp4")
    stop = RuntimeError("stop")

    def end_at(n_chunks: int) -> Callable[[int], None]:
        def on_chunk(n: int) -> None:
            if n == n_chunks:
                raise stop

        return on_chunk

    with pytest.raises(RuntimeError, match="stop"):
        render(make_engine(), scenario, reel, end_at(2 * PART_CHUNKS))
    assert {path.name for path in reel.folder.iterdir()} == {
        "storyboard.json",
        f"0000000-{PART_CHUNKS:07}.mp4",
        f"{PART_CHUNKS:07}.lgs",
    }
    # As after a kill between the film of a part and the stream after it.
    reel.part(PART_CHUNKS, 2 * PART_CHUNKS).write_bytes(b"half")
    (reel.folder / "0000060.lgs.partial").write_bytes(b"half")
    made: list[int] = []
    assert render(make_engine(), scenario, Reel(reel.film), made.append) == N_FRAMES
    assert made[0] == PART_CHUNKS


def test_the_beginning_of_another_film_is_not_gone_on_with(
    make_engine: MakeEngine, scenario: Scenario, tmp_path: Path
) -> None:
    reel = Reel(tmp_path / "film.mp4")
    assert reel.dtype() is None
    reel.open(scenario)
    assert reel.dtype() == "float32"
    other = replace(scenario, start=replace(scenario.start, seed=8))
    with pytest.raises(ScenarioError, match=r"film\.mp4\.parts holds the beginning of another film.* --anew"):
        render(make_engine(), other, Reel(reel.film), lambda n: None)
    reel.discard()
    assert Reel(reel.film).open(other) == 0


def test_only_films_of_some_length_are_made(make_engine: MakeEngine, scenario: Scenario, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"film\.avi does not end with \.mp4"):
        Reel(tmp_path / "film.avi")
    reel = Reel(tmp_path / "film.mp4")
    with pytest.raises(ScenarioError, match=r"The film is 0 s long; it must be 0\.5 to 3600 s"):
        render(make_engine(), replace(scenario, events=(), n_chunks=0), reel, lambda n: None)
    with pytest.raises(ScenarioError, match=r"The film is 3600\.5 s long"):
        render(make_engine(), replace(scenario, n_chunks=7201), reel, lambda n: None)
    assert list(tmp_path.iterdir()) == []


def test_films_that_do_not_fit_are_not_joined(tmp_path: Path) -> None:
    small, large = tmp_path / "small.mp4", tmp_path / "large.mp4"
    write_movie(small, [np.zeros((4, 32, 32, 3), np.uint8)], 16)
    write_movie(large, [np.zeros((4, 64, 64, 3), np.uint8)], 16)
    with pytest.raises(EngineError, match=r"large\.mp4 was encoded in another way"):
        join_movies(tmp_path / "both.mp4", [small, large])
    with pytest.raises(EngineError, match="not one frame"):
        join_movies(tmp_path / "none.mp4", [])
    assert {path.name for path in tmp_path.iterdir()} == {"small.mp4", "large.mp4"}
