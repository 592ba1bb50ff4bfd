"""Scenarios: a stream in a few lines, played again bit for bit; and what is no scenario."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lingen_live.engine.branch import MAX_EVENTS
from lingen_live.engine.engine import Engine
from lingen_live.engine.events import Event, Start, blend_of, words_of
from lingen_live.engine.movie import write_movie
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.record import Record
from lingen_live.engine.replay import options_for, replay
from lingen_live.engine.scenario import (
    MAX_SCENARIO_BYTES,
    MadeWith,
    Scenario,
    parse_scenario,
    read_scenario,
    scenario_from_json,
)
from lingen_live.errors import EngineError, ScenarioError

MakeEngine = Callable[..., Engine]


@pytest.fixture
def lived(make_engine: MakeEngine) -> Engine:
    engine = make_engine()
    engine.tick()
    engine.steer("a sea of ice", 3)
    engine.tick()
    engine.blend([("night", 1), ("a red desert", 2)], 2)
    for _ in range(3):
        engine.tick()
    engine.reanchor("night", 2)
    engine.tick()
    engine.cut("a meadow")
    engine.tick()
    return engine


def test_a_scenario_played_again_is_the_same_bit_for_bit(lived: Engine, make_engine: MakeEngine) -> None:
    scenario = parse_scenario(json.dumps(lived.scenario().to_json()))
    assert scenario == lived.scenario()
    engine = make_engine(seed=1, prompt="something else")
    frames = list(replay(engine, scenario, verify=True))
    assert len(frames) == 7
    assert engine.state.to_bytes() == lived.state.to_bytes()
    assert engine.scenario() == lived.scenario()


def test_told_for_a_film_it_leads_to_its_chunks_and_no_further(lived: Engine, make_engine: MakeEngine) -> None:
    whole = lived.scenario()
    part = parse_scenario(json.dumps(whole.showing(3, 2).to_json()))
    assert (part.n_chunks, part.shows, len(part.record)) == (5, (3, 2), 5)
    assert part.events == tuple(event for event in whole.events if event.chunk_index < 5)
    shown = list(replay(make_engine(), part, verify=True))
    for frames, same in zip(shown, list(replay(make_engine(), whole, verify=True))[3:5], strict=True):
        assert np.array_equal(frames, same)


def test_after_a_reset_the_scenario_begins_there(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    engine.steer("night", 3)
    engine.tick()
    engine.reset()
    engine.steer("a sea of ice", 2)  # at once: departs from where the reset began
    engine.tick()
    scenario = scenario_from_json(engine.scenario().to_json())
    other = make_engine()
    list(replay(other, scenario, verify=True))
    assert other.state.to_bytes() == engine.state.to_bytes()


def test_chunks_of_other_steps_are_replayed_with_those(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    plain = engine.mark()
    more = engine.tick(n_steps=5)
    engine.tick()
    scenario = parse_scenario(json.dumps(engine.scenario().to_json()))
    assert scenario.record.paths == ((0, "eager"), (1, "eager:5"), (2, "eager"))
    assert np.array_equal(list(replay(make_engine(), scenario, verify=True))[1], more.frames)
    engine.restore(plain)
    assert engine.tick().digest != more.digest


def test_a_link_is_short(lived: Engine) -> None:
    told = json.dumps(lived.scenario().to_json(has_digests=False), separators=(",", ":"))
    assert len(told) < 600
    assert parse_scenario(told).events == lived.scenario().events


def test_a_chunk_that_differs_is_named(lived: Engine, make_engine: MakeEngine) -> None:
    told = lived.scenario().to_json()
    digests = bytearray.fromhex(told["digests"])
    digests[3 * 8] ^= 1
    scenario = scenario_from_json({**told, "digests": digests.hex()})
    made: list[object] = []
    with pytest.raises(ScenarioError, match="Chunk 3 of 7 differs"):
        made.extend(replay(make_engine(), scenario, verify=True))
    with pytest.raises(ScenarioError, match="digests of 0 of its 7 chunks"):
        next(replay(make_engine(), scenario_from_json(lived.scenario().to_json(has_digests=False)), verify=True))
    other = {**told["made_with"], "dtype": "bfloat16"}
    with pytest.raises(ScenarioError, match="recorded with dtype bfloat16; here it is float32"):
        next(replay(make_engine(), scenario_from_json({**told, "made_with": other}), verify=True))


def test_a_path_that_is_not_here_is_named(lived: Engine, make_engine: MakeEngine) -> None:
    scenario = scenario_from_json({**lived.scenario().to_json(), "paths": [[0, "eager"], [2, "compiled"]]})
    made: list[object] = []
    with pytest.raises(EngineError, match="no compiled path here; there is eager"):
        made.extend(replay(make_engine(), scenario, verify=True))
    assert options_for(scenario, EngineOptions()).compile
    assert options_for(scenario, EngineOptions()).dtype == "float32"
    assert not options_for(lived.scenario(), EngineOptions()).compile


def test_a_branch_that_forgot_its_beginning_cannot_be_told(make_engine: MakeEngine) -> None:
    engine = make_engine()
    engine.tick()
    for _ in range(MAX_EVENTS + 1):
        engine.steer("night")
    assert len(engine.timeline.current.events) <= MAX_EVENTS
    engine.tick()
    with pytest.raises(ScenarioError, match=f"More than {MAX_EVENTS} words"):
        engine.scenario()


MADE_WITH = MadeWith("tiny", "0" * 64, "float32", "cpu", 2)
GOOD = Scenario(Start(7, (words_of("a"),)), (Event(1, "cut", words_of("b")),), 3, MADE_WITH)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": "x"}, "not a scenario"),
        ({"version": 2}, "of version 2; this program reads 1"),
        ({"version": None}, "of version None"),
        ({"more": 1}, "a field 'more'"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
        ({"seed": 2**32}, "integer of 0 to 4294967295"),
        ({"n_chunks": 10**7}, "n_chunks is 10000000"),
        ({"start": []}, "start is a list of 0"),
        ({"start": "a"}, "start is 'a'"),
        ({"start": [""]}, "start\\[0\\]: The prompt is empty"),
        ({"start": [[["a", "b"]]]}, "a list of \\[prompt, weight\\]"),
        ({"start": [[["a", -1]]]}, "weight of -1"),
        ({"events": [[9, "cut", "b", 1]]}, "events\\[0\\]\\[0\\] is 9; it must be an integer of 0 to 3"),
        ({"events": [[2, "cut", "b", 1], [1, "cut", "b", 1]]}, "events\\[1\\]\\[0\\] is 1"),
        ({"events": [[1, "jump", "b", 1]]}, "an event is"),
        ({"events": [1]}, "an event is"),
        ({"events": [[1, "steer", "b", 0]]}, "events\\[0\\]\\[3\\] is 0"),
        ({"events": [[1, "reanchor", "b", 2]]}, "tells 2 chunks anew at chunk 1, but its scene begins at 0"),
        ({"events": [[1, "cut", "b", 1], [3, "reanchor", "b", 2]]}, "its scene begins at 2"),
        ({"shows": 3}, "shows is 3; it must be a list of 2 to 2"),
        ({"shows": [3, 1]}, "shows\\[0\\] is 3; it must be an integer of 0 to 2"),
        ({"shows": [1, 3]}, "shows\\[1\\] is 3; it must be an integer of 1 to 2"),
        ({"shows": [1, True]}, "shows\\[1\\] is True"),
        ({"digests": "xy"}, "hexadecimal"),
        ({"digests": 3}, "hexadecimal"),
        ({"digests": "00" * 9}, "9 bytes"),
        ({"digests": "00" * 32}, "at most 3 chunks"),
        ({"digests": "00" * 8}, "paths has 0 entries"),
        ({"digests": "00" * 8, "paths": [[1, "eager"]]}, "paths\\[0\\]"),
        ({"digests": "00" * 8, "paths": [[0, "/etc"]]}, "paths\\[0\\]"),
        ({"digests": "00" * 8, "paths": [[0, "eager:99"]]}, "paths\\[0\\]"),
        ({"made_with": {}}, "made_with is {}"),
        ({"made_with": {"name": "a" * 200, "checkpoint_digest": "", "dtype": "", "device": "", "n_steps": 1}}, "name"),
        ({"made_with": {**MADE_WITH.to_json(), "weights": "borrowed"}}, "one of trained, random"),
        ({"made_with": {**MADE_WITH.to_json(), "more": 1}}, "and perhaps weights"),
    ],
)
def test_what_is_no_scenario(change: dict[str, Any], words: str) -> None:
    with pytest.raises(ScenarioError, match=words):
        scenario_from_json({**GOOD.to_json(), **change})


def test_what_was_made_with_random_weights_says_so() -> None:
    assert "weights" not in MADE_WITH.to_json()
    scenario = replace(GOOD, made_with=replace(MADE_WITH, weights="random"))
    assert scenario.to_json()["made_with"]["weights"] == "random"
    assert scenario_from_json(scenario.to_json()).made_with == scenario.made_with


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[]", "3", '{"seed": ' + "9" * 10_000 + "}"])
def test_what_is_no_json_object(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse_scenario(text)


def test_a_file_that_is_too_long_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    with path.open("wb") as file:
        file.truncate(10 * 2**30)
    with pytest.raises(ScenarioError, match=f"{10 * 2**30} bytes; a scenario has at most {MAX_SCENARIO_BYTES}"):
        read_scenario(path)


words = st.one_of(
    st.sampled_from(["a", "b c"]).map(words_of),
    st.lists(st.tuples(st.sampled_from(["a", "b c"]), st.floats(0.01, 9)), min_size=2, max_size=4).map(blend_of),
)


@settings(derandomize=True, database=None, deadline=None)
@given(
    asked=st.lists(words, min_size=1, max_size=3),
    said=st.lists(st.tuples(st.sampled_from(["steer", "cut"]), words, st.integers(1, 16)), max_size=5),
    seed=st.integers(0, 2**32 - 1),
    digests=st.binary(max_size=5),
)
def test_written_and_read_it_is_the_same(asked: list[Any], said: list[Any], seed: int, digests: bytes) -> None:
    events = tuple(Event(k, verb, words, n) for k, (verb, words, n) in enumerate(said))
    record = Record(digests * 8, ((0, "eager"),) if digests else ())
    scenario = Scenario(Start(seed, tuple(asked)), events, 5, MADE_WITH, record)
    assert parse_scenario(json.dumps(scenario.to_json())) == scenario


def test_a_film_plays_everywhere(tmp_path: Path) -> None:
    path = tmp_path / "out.mp4"
    red = np.full((8, 32, 64, 3), (200, 30, 30), np.uint8)
    assert write_movie(path, [red, red], 16.0) == 16
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    with av.open(str(path)) as film:
        stream = film.streams.video[0]
        context = stream.codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert stream.average_rate is not None
        assert float(stream.average_rate) == 16.0
        assert (context.color_range, context.colorspace, context.color_primaries, context.color_trc) == (1, 1, 1, 1)
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 16
    assert np.abs(frames[7].astype(int) - red[0]).max() < 8


def test_a_film_that_cannot_be_made_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="64 x 33 px"):
        write_movie(tmp_path / "out.mp4", [np.zeros((8, 33, 64, 3), np.uint8)], 16.0)
    with pytest.raises(EngineError, match="not one frame"):
        write_movie(tmp_path / "out.mp4", [], 16.0)
    with pytest.raises(EngineError, match=r"does not end with \.mp4"):
        write_movie(tmp_path / "out.avi", [], 16.0)
    with pytest.raises(FileNotFoundError):
        write_movie(tmp_path / "missing" / "out.mp4", [np.zeros((8, 32, 64, 3), np.uint8)], 16.0)
    assert list(tmp_path.iterdir()) == []
