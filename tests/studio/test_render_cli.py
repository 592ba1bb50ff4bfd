"""`lingen_live render` on the shell: films, tables and scenarios, and every mistake in one sentence."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_text import FakeText

from lingen_live import cli
from lingen_live.checkpoint import load_bundle
from lingen_live.engine import build
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.engine.scenario import read_scenario

TABLE = "start s,prompt,how,transition s,weight\n0,a meadow\n4,night,soft,1\n8,a sea,cut\n"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[EngineOptions]:
    """Engines are built without the pretrained text encoder; the options that were asked for."""
    seen: list[EngineOptions] = []

    def build_engine(options: EngineOptions, on_progress: Callable[[str, float], None]) -> Engine:
        seen.append(options)
        bundle = load_bundle(options.checkpoint)
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")

    monkeypatch.setattr(build, "build_engine", build_engine)
    return seen


@pytest.fixture
def run(tiny_bundle: Path, asked: list[EngineOptions]) -> Callable[..., int]:
    def render(*argv: object) -> int:
        return cli.main(["render", "--checkpoint", str(tiny_bundle), *map(str, argv)])

    return render


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "board.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def test_a_table_becomes_a_film_and_its_scenario_the_same_film(
    run: Callable[..., int], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], asked: list[EngineOptions]
) -> None:
    film, again = tmp_path / "film.mp4", tmp_path / "again.mp4"
    assert run(table, film, "--seed", 3, "--seconds", 12) == 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "12.0 of 12.0 s" in captured.err
    assert "film.mp4: 192 frames, 12.0 s; film.scenario.json beside it" in captured.err
    assert asked[-1].compile
    assert not (tmp_path / "film.mp4.parts").exists()
    scenario = read_scenario(tmp_path / "film.scenario.json")
    assert (scenario.start.seed, scenario.n_chunks, len(scenario.record)) == (3, 24, 24)
    assert run(tmp_path / "film.scenario.json", again, "--no-compile") == 0
    assert again.read_bytes() == film.read_bytes()
    assert not asked[-1].compile


def test_a_scenario_becomes_a_table_and_that_the_scenario(
    run: Callable[..., int], table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told, edited, back = tmp_path / "told.json", tmp_path / "edited.csv", tmp_path / "back.json"
    assert run(table, told, "--seed", 9, "--seconds", 10) == 0
    assert run(told, edited) == 0
    assert "edited.csv: 3 rows, for --seed 9 --seconds 10" in capsys.readouterr().err
    assert run(edited, back, "--seed", 9, "--seconds", 10) == 0
    assert read_scenario(back) == read_scenario(told)
    told.write_text(json.dumps({**json.loads(told.read_text()), "shows": [12, 8]}), encoding="utf-8")
    assert run(told, back, "--seconds", 5, "--seed", 1) == 0
    shorter = read_scenario(back)
    assert shorter.shows is None  # of a recording's script all is made
    assert (shorter.n_chunks, shorter.start.seed, [event.chunk_index for event in shorter.events]) == (10, 1, [8])


def test_steps_are_told_with_the_film_and_asked_for_again(run: Callable[..., int], table: Path, tmp_path: Path) -> None:
    film, again, plain = (tmp_path / f"{name}.mp4" for name in ("film", "again", "plain"))
    assert run(table, film, "--seconds", 8, "--steps", 5) == 0
    scenario = read_scenario(tmp_path / "film.scenario.json")
    assert (scenario.n_steps, scenario.record.paths, scenario.made_with.n_steps) == (5, ((0, "eager:5"),), 2)
    assert run(tmp_path / "film.scenario.json", again) == 0
    assert run(table, plain, "--seconds", 8, "--steps", 2) == 0  # the model's own
    assert read_scenario(tmp_path / "plain.scenario.json").n_steps is None
    assert again.read_bytes() == film.read_bytes() != plain.read_bytes()


def test_it_goes_on_in_the_number_format_that_it_began_in(
    run: Callable[..., int], table: Path, tmp_path: Path, asked: list[EngineOptions]
) -> None:
    film = tmp_path / "film.mp4"
    folder = tmp_path / "film.mp4.parts"
    assert run(table, tmp_path / "told.json", "--seconds", 10) == 0
    folder.mkdir()
    shutil.copy(tmp_path / "told.json", folder / "storyboard.json")
    assert run(table, film, "--seconds", 10) == 0
    assert asked[-1].dtype == "float32"


@pytest.mark.parametrize(
    ("said", "argv", "message"),
    [
        ("start s,prompt,how,transition s,weight\n", ["out.mp4"], "board.csv is empty; its first row says"),
        (TABLE.replace("\n8,", "\n3,"), ["out.mp4"], "Row 3 starts at 3 s, but row 2 above it at 4 s"),
        (TABLE + "9,a\n" * 1000, ["out.mp4"], "The table has 1003 rows; at most 200 are accepted."),
        (TABLE, ["out.mp4", "--seconds", "-5"], "The film is -5 s long"),
        (TABLE, ["out.mp4", "--seconds", "4000"], "The film is 4000 s long"),
        (TABLE, ["out.mp4", "--seed", "-1"], "The seed is -1; it must be 0 to 4294967295."),
        (TABLE, ["out.mp4", "--steps", "17"], "The film has 17 steps; it must be a whole number of 1 to 16."),
        (TABLE, ["out.avi"], "out.avi ends with '.avi'; .mp4, .csv and .json are written."),
        (TABLE, ["no/such/out.csv"], "No such file or directory"),
        ("{", ["out.mp4"], "The first line of the table is '{'"),
    ],
)
def test_a_mistake_is_one_sentence(
    run: Callable[..., int],
    table: Path,
    tmp_path: Path,
    said: str,
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    table.write_text(said, encoding="utf-8")
    assert run(table, tmp_path / argv[0], *argv[1:]) == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["board.csv"]


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ("{", "The scenario is not JSON"),
        ("{}", "This is not a scenario"),
        ({"n_chunks": -1}, "n_chunks is -1; it must be an integer of 0"),
        ({"events": [[3, "steer", "a", 1], [2, "cut", "b", 1]]}, "events[1][0] is 2; it must be an integer of 3"),
        ({"events": [[3, "dance", "a", 1]]}, "events[0] is [3, 'dance', 'a', 1]"),
        ({"start": []}, "start is a list of 0; it must be a list of 1"),
    ],
)
def test_a_broken_scenario_is_one_sentence(
    run: Callable[..., int],
    table: Path,
    tmp_path: Path,
    told: str | dict[str, object],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "told.json"
    assert run(table, path, "--seconds", 10) == 0
    capsys.readouterr()
    if isinstance(told, dict):
        told = json.dumps({**json.loads(path.read_text(encoding="utf-8")), **told})
    path.write_text(told, encoding="utf-8")
    assert run(path, tmp_path / "out.mp4") == 1
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.err.count("\n") == 1
    assert not (tmp_path / "out.mp4.parts").exists()
