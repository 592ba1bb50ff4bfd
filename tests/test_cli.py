"""The command line: what it prints, and that every mistake is one clear sentence and an exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_text import FakeText

from lingen_live import cli
from lingen_live.checkpoint import load_bundle
from lingen_live.engine import build
from lingen_live.engine.engine import Engine
from lingen_live.engine.options import EngineOptions
from lingen_live.serve.h264 import HARDWARE
from lingen_live.train import jobs


@pytest.fixture
def complaint(capsys: pytest.CaptureFixture[str]) -> Callable[[list[str], int], str]:
    """Runs a command that must fail: nothing on stdout, one line on stderr, which it returns."""

    def run(argv: list[str], code: int) -> str:
        assert cli.main(argv) == code
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        return captured.err

    return run


def test_info_says_what_a_checkpoint_holds(tiny_bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", "--checkpoint", str(tiny_bundle)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    facts = json.loads(captured.out)
    bundle = load_bundle(tiny_bundle)
    assert facts["digest"] == bundle.digest
    assert facts["h264_encoder"] in ("libx264", *HARDWARE)
    assert facts["config"] == json.loads(json.dumps(bundle.config.to_json()))
    assert facts["parameters"] == {
        "model": sum(p.numel() for p in bundle.model.parameters()),
        "codec": sum(p.numel() for p in bundle.codec.parameters()),
    }
    assert facts["state_bytes"] == Engine(bundle, FakeText(16), seed=0, prompt="a").state.n_bytes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[EngineOptions]:
    """Engines are built without the pretrained text encoder; the options that were asked for."""
    options_seen: list[EngineOptions] = []

    def build_engine(options: EngineOptions, on_progress: Callable[[str, float], None]) -> Engine:
        options_seen.append(options)
        bundle = load_bundle(options.checkpoint)
        return Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=0, prompt="anything")

    monkeypatch.setattr(build, "build_engine", build_engine)
    return options_seen


def test_bench_prints_a_table_and_writes_its_numbers(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    numbers_path = tmp_path / "bench.json"
    argv = ["bench", "--checkpoint", str(tiny_bundle), "--chunks", "18", "--threads", "2", "--dtype", "float32"]
    assert cli.main([*argv, "--json", str(numbers_path)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    (options,) = asked
    assert (options.checkpoint, options.n_threads, options.dtype) == (str(tiny_bundle), 2, "float32")
    numbers = json.loads(numbers_path.read_text(encoding="utf-8"))
    assert numbers["n_chunks"] == 18
    assert numbers["frames_per_second"] > 0
    for stage in numbers["stages_ms"]:
        assert f"\n{stage} " in captured.out
    assert f"{numbers['frames_per_second']:.1f} frames/s" in captured.out


def test_bench_sessions_prints_a_row_for_each_number_of_streams(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    numbers_path = tmp_path / "sessions.json"
    argv = ["bench", "sessions", "--checkpoint", str(tiny_bundle), "--chunks", "2", "--json", str(numbers_path)]
    assert cli.main(argv) == 0
    rows = json.loads(numbers_path.read_text(encoding="utf-8"))["sessions"]
    assert [row["n_streams"] for row in rows] == [1, 2, 4, 8]
    printed = capsys.readouterr().out
    for row in rows:
        assert f"{row['batched_chunks_per_s']:.2f}" in printed


def test_bench_hour_prints_draws_and_writes(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    numbers_path, picture = tmp_path / "hour.json", tmp_path / "hour.svg"
    argv = ["bench", "hour", "--checkpoint", str(tiny_bundle), "--minutes", "0.1"]
    assert cli.main([*argv, "--json", str(numbers_path), "--picture", str(picture)]) == 0
    numbers = json.loads(numbers_path.read_text(encoding="utf-8"))
    assert (numbers["n_chunks"], numbers["n_frames"]) == (12, 96)
    assert "96 frames in 12 chunks" in capsys.readouterr().out
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_bench_steer_prints_a_row_for_each_way(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    numbers_path = tmp_path / "steer.json"
    argv = ["bench", "steer", "--checkpoint", str(tiny_bundle), "--changes", "1", "--json", str(numbers_path)]
    assert cli.main(argv) == 0
    ways = json.loads(numbers_path.read_text(encoding="utf-8"))["ways"]
    printed = capsys.readouterr().out
    for way in ways:
        assert f"| {way} |" in printed


def test_replay_makes_a_film_and_verifies_it(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = load_bundle(tiny_bundle)
    engine = Engine(bundle, FakeText(bundle.config.model.text_tokens), seed=5, prompt="a meadow")
    for _ in range(3):
        engine.tick()
    engine.steer("night", 2)
    engine.tick()
    recorded, film = tmp_path / "recorded.json", tmp_path / "out.mp4"
    recorded.write_text(json.dumps(engine.scenario().to_json()), encoding="utf-8")
    argv = ["replay", str(recorded), str(film), "--checkpoint", str(tiny_bundle)]
    assert cli.main([*argv, "--verify"]) == 0
    assert capsys.readouterr() == (
        f"{film}: 32 frames, 2.0 s\nAll 4 chunks are what they were, bit for bit.\n",
        "",
    )
    assert (asked[0].dtype, asked[0].compile) == ("float32", False)
    assert film.stat().st_size > 0
    told = engine.scenario().to_json()
    recorded.write_text(json.dumps({**told, "digests": "00" * 32}), encoding="utf-8")
    film.unlink()
    assert cli.main([*argv, "--verify"]) == 1
    assert capsys.readouterr().err.startswith("Chunk 0 of 4 differs")
    assert not film.exists()
    assert cli.main(argv) == 0


def test_bench_needs_two_chunks(complaint: Callable[[list[str], int], str]) -> None:
    assert complaint(["bench", "--chunks", "1"], 2) == "chunks is 1; it must be 2 or more.\n"
    assert complaint(["bench", "steer", "--changes", "0"], 2) == "changes is 0; it must be 1 or more.\n"


def test_numbers_that_cannot_be_written_are_one_sentence(
    tiny_bundle: Path, tmp_path: Path, asked: list[EngineOptions], capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "nowhere" / "bench.json"
    assert cli.main(["bench", "--checkpoint", str(tiny_bundle), "--chunks", "2", "--json", str(path)]) == 1
    assert capsys.readouterr().err == f"{path}: No such file or directory.\n"


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["info", "--checkpoint", "{tmp}/none"], "There is no checkpoint directory {tmp}/none."),
        (["bench", "--checkpoint", "{tmp}/none"], "There is no checkpoint directory {tmp}/none."),
        (["bench", "--threads", "0"], "n_threads is 0; it must be 1 or more."),
        (["bench", "--device", "abacus"], "The device 'abacus' cannot be used"),
        (["replay", "{tmp}/none.json", "{tmp}/out.mp4"], "{tmp}/none.json: No such file or directory."),
        (["train", "codec", "--config", "{tmp}/none.toml"], "{tmp}/none.toml is not a readable TOML recipe: "),
        (["train", "codec", "--device", "abacus"], "device is 'abacus'; training takes cpu or cuda."),
        (["train", "bundle", "--run", "{tmp}"], "`train bundle` needs --out DIR"),
        (["train", "probe", "--run", "{tmp}"], "{tmp}/codec.safetensors is not there yet; make it with"),
        (["eval", "--captions", "0"], "captions is 0; it must be 1 or more."),
        (["eval", "--probe", "{tmp}/none"], "{tmp}/none is not there yet; make it with"),
    ],
)
def test_a_mistake_is_one_sentence(
    argv: list[str], sentence: str, tmp_path: Path, complaint: Callable[[list[str], int], str]
) -> None:
    said = complaint([part.format(tmp=tmp_path) for part in argv], 1)
    assert said.startswith(sentence.format(tmp=tmp_path))


def test_a_pickle_is_refused_unopened(tmp_path: Path, complaint: Callable[[list[str], int], str]) -> None:
    (tmp_path / "model.pt").write_bytes(b"\x80\x04.")
    assert "is a pickle" in complaint(["info", "--checkpoint", str(tmp_path)], 1)


@pytest.mark.parametrize(
    "argv",
    [[], ["sing"], ["train"], ["train", "cook"], ["bench", "--chunks", "many"], ["bench", "--dtype", "int8"]],
)
def test_a_command_that_cannot_be_parsed_ends_with_2(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(argv)
    assert caught.value.code == 2
    assert "usage: lingen_live" in capsys.readouterr().err


def test_ctrl_c_ends_quietly_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "run_job", interrupted)
    assert cli.main(["train", "codec"]) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("command", ["live", "bench", "train", "eval", "info"])
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([command, "--help"])
    assert caught.value.code == 0
    assert f"usage: lingen_live {command}" in capsys.readouterr().out
