"""The compiled path for real: made by the child while a stream runs, equal to the eager one, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from compiling import Compiling
from fake_text import FakeText

from lingen_live.checkpoint import Bundle, load_bundle
from lingen_live.engine import upgrade
from lingen_live.engine.compile_cache import PackageFolder, package_key
from lingen_live.engine.compile_child import find_compiler
from lingen_live.engine.compiled import CompiledBlock, load_compiled
from lingen_live.engine.engine import Engine
from lingen_live.engine.trial import Trial, difference
from lingen_live.engine.upgrade import seek_compiled
from lingen_live.model.lingen import LinGen
from lingen_live.model.state import StreamState

pytestmark = pytest.mark.skipif(find_compiler() is None, reason="needs a C++ compiler")
PATIENCE_S = 900.0


@dataclass
class Upgraded:
    """An engine after its upgrade, and what was seen on the way."""

    engine: Engine
    paths: list[str]
    root: Path


def engine_of(bundle: Bundle, *, seeks: bool) -> Engine:
    text = FakeText(bundle.config.model.text_tokens)
    return Engine(bundle, text, seed=7, prompt="a meadow", upgrade=seek_compiled(bundle.model) if seeks else None)


@pytest.fixture(scope="module")
def upgraded(compiling: Compiling | None) -> Iterator[Upgraded]:
    """One engine that starts without packages and is asked until its path is decided; the child really compiles."""
    assert compiling is not None
    engine = compiling.engine
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LINGEN_CACHE", str(compiling.cache))
        # Which is faster is left out here: it would depend on what else the machine does.
        patch.setattr(Trial, "time_s", lambda trial, model: 1.0 if isinstance(model.blocks[0], CompiledBlock) else 2.0)
        paths: list[str] = [engine.info.path]
        deadline_s = time.monotonic() + PATIENCE_S
        while engine.seek_upgrade():
            assert time.monotonic() < deadline_s
            if paths[-1] != engine.info.path:
                paths.append(engine.info.path)
            time.sleep(0.05)
        yield Upgraded(engine, paths, compiling.cache / "compiled")


def test_the_first_chunk_does_not_wait_for_it(upgraded: Upgraded) -> None:
    assert upgraded.paths == ["eager", "compiled"]
    assert upgraded.engine.info.path == "compiled"


def test_the_packages_are_all_that_is_left(upgraded: Upgraded) -> None:
    (folder,) = upgraded.root.iterdir()
    assert sorted(path.name for path in folder.iterdir()) == [
        "block-shift0.pt2",
        "block-shift1.pt2",
        "manifest.json",
    ]


def test_it_computes_what_the_eager_path_computes(upgraded: Upgraded) -> None:
    compiled, eager = upgraded.engine.denoiser, upgraded.engine.bundle.model
    assert isinstance(compiled, LinGen)
    assert all(isinstance(block, CompiledBlock) for block in compiled.blocks)
    assert not any(isinstance(block, CompiledBlock) for block in eager.blocks)
    trial = Trial.draw(eager)
    assert difference(trial.run(compiled), trial.run(eager)) < 1e-5


def test_a_stream_looks_the_same(upgraded: Upgraded, tiny_bundle: Path) -> None:
    compiled, eager = upgraded.engine, engine_of(load_bundle(tiny_bundle), seeks=False)
    compiled.reset()
    for _ in range(4):
        ours, theirs = compiled.tick().frames.astype(int), eager.tick().frames.astype(int)
        assert np.abs(ours - theirs).max() <= 1
    assert difference([compiled.state.ssm, compiled.state.tesa], [eager.state.ssm, eager.state.tesa]) < 1e-4


def test_it_repeats_bit_by_bit(upgraded: Upgraded) -> None:
    engine = upgraded.engine
    runs = []
    for _ in range(2):
        engine.reset()
        runs.append(np.stack([engine.tick().frames for _ in range(3)]))
    assert np.array_equal(runs[0], runs[1])


def test_a_pass_does_not_write_into_the_state_it_reads(upgraded: Upgraded) -> None:
    trial = Trial.draw(upgraded.engine.bundle.model)
    before = trial.state.to_bytes()
    trial.run(upgraded.engine.denoiser)
    assert trial.state.to_bytes() == before


def test_the_next_engine_takes_it_before_its_first_chunk(
    upgraded: Upgraded, tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "CompileChild", never)
    engine = engine_of(load_bundle(tiny_bundle), seeks=True)
    engine.warm_up(lambda stage, fraction: None)
    assert engine.info.path == "compiled"
    assert engine.chunk_index == 0
    upgraded.engine.reset()
    assert np.array_equal(engine.tick().frames, upgraded.engine.tick().frames)


def test_other_weights_use_the_same_packages(upgraded: Upgraded, tiny_bundle: Path) -> None:
    model = load_bundle(tiny_bundle).model
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(0.9)
    (folder,) = upgraded.root.iterdir()
    trial = Trial.draw(model)
    theirs = trial.run(upgraded.engine.bundle.model)
    ours = trial.run(model)
    assert difference(trial.run(load_compiled(model, folder)), ours) < 1e-5
    assert difference(theirs, ours) > 1e-2


def test_loading_leaves_no_unpacked_code(upgraded: Upgraded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (folder,) = upgraded.root.iterdir()
    before = sorted(folder.iterdir())
    compiled = load_compiled(upgraded.engine.bundle.model, folder)
    assert sorted(folder.iterdir()) == before
    assert list(tmp_path.iterdir()) == []
    del compiled
    assert sorted(folder.iterdir()) == before


def test_a_batch_is_refused(upgraded: Upgraded) -> None:
    trial = Trial.draw(upgraded.engine.bundle.model)
    with pytest.raises(ValueError, match="batch of 2, a compiled block takes 1"):
        upgraded.engine.denoiser.denoise(
            trial.latents.repeat(2, 1, 1, 1, 1),
            trial.sigma.repeat(2),
            trial.text.repeat(2),
            StreamState.stack([trial.state] * 2),
        )


def damage_end(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def damage_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("damage", [damage_end, damage_bit])
def test_a_damaged_package_is_ignored_and_made_again(
    upgraded: Upgraded,
    tiny_bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[Path], None],
) -> None:
    monkeypatch.setenv("LINGEN_CACHE", str(tmp_path))
    started: list[object] = []

    def start(*args: object) -> None:
        started.append(args)
        raise OSError("this test compiles nothing")

    monkeypatch.setattr(upgrade, "CompileChild", start)
    bundle = load_bundle(tiny_bundle)
    key = package_key(bundle.config.model, torch.float32)
    (tmp_path / "compiled").mkdir(mode=0o700)
    folder = PackageFolder(tmp_path / "compiled", key)
    made = folder.begin()
    for package in (upgraded.root / key).glob("*.pt2"):
        (made / package.name).write_bytes(package.read_bytes())
    folder.publish(made)
    damage(folder.path / "block-shift1.pt2")
    engine = engine_of(bundle, seeks=True)
    engine.warm_up(lambda stage, fraction: None)
    assert "damaged" in caplog.text
    assert len(started) == 1
    assert engine.info.path == "eager"
    assert engine.tick().chunk_index == 0


def never(*args: object) -> None:
    raise AssertionError("a child was started")
