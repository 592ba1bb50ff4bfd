"""Whether a compiled model is taken: only one that loads, is right and is faster. No compiler runs here."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Self

import pytest
import torch

import lingen_kernels
from lingen_live.checkpoint import Bundle
from lingen_live.engine import upgrade
from lingen_live.engine.compile_cache import PackageFolder, package_key
from lingen_live.engine.trial import Trial, difference
from lingen_live.engine.upgrade import seek_compiled
from lingen_live.model.lingen import LinGen


class ChildDouble:
    """Makes a package of two letters in two looks, or complains."""

    started: list[ChildDouble]
    complaint = ""

    def __init__(self, config: object, dtype: str, n_threads: int, directory: Path, compiler: str) -> None:
        self.started.append(self)
        self.scratch, self.n_looks, self.is_ended = directory, 0, False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *args: object) -> None:
        self.is_ended = True

    @property
    def is_running(self) -> bool:
        self.n_looks += 1
        return self.n_looks <= 2

    def finish(self) -> Path:
        if self.complaint:
            raise RuntimeError(self.complaint)
        made = self.scratch / "packages"
        made.mkdir()
        (made / "a.pt2").write_bytes(b"ok")
        return made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINGEN_CACHE", str(tmp_path))
    return tmp_path / "compiled"


@pytest.fixture(autouse=True)
def child(root: Path, monkeypatch: pytest.MonkeyPatch) -> type[ChildDouble]:
    """In place of a compiler."""
    double = type("Double", (ChildDouble,), {"started": []})
    monkeypatch.setattr(upgrade, "CompileChild", double)
    monkeypatch.setattr(upgrade, "find_compiler", lambda: "c++")
    return double


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch, bundle: Bundle) -> Callable[[LinGen, float], None]:
    """Have a load give `compiled`, which takes `cost` of the time of the model."""

    def loads(compiled: LinGen, cost: float) -> None:
        monkeypatch.setattr(upgrade, "load_compiled", lambda model, directory: compiled)
        monkeypatch.setattr(Trial, "time_s", lambda trial, denoiser: cost if denoiser is compiled else 1.0)

    return loads


def folder_of(bundle: Bundle, root: Path) -> PackageFolder:
    return PackageFolder(root, package_key(bundle.config.model, torch.float32))


def test_made_then_offered(
    bundle: Bundle, root: Path, child: type[ChildDouble], loads: Callable[[LinGen, float], None]
) -> None:
    twin = copy.deepcopy(bundle.model)
    loads(twin, 0.5)
    seek = seek_compiled(bundle.model)
    assert child.started == []  # not before it is asked
    offers = list(seek)
    assert offers[-1] is twin
    assert offers[:-1] == [None] * (len(offers) - 1)
    assert len(offers) > 5
    assert [one.is_ended for one in child.started] == [True]
    assert [path.name for path in root.iterdir()] == [folder_of(bundle, root).path.name]


def test_cached_is_offered_at_once(
    bundle: Bundle, child: type[ChildDouble], loads: Callable[[LinGen, float], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = copy.deepcopy(bundle.model)
    loads(twin, 0.5)
    list(seek_compiled(bundle.model))
    monkeypatch.setattr(upgrade, "find_compiler", lambda: None)  # running it takes no compiler
    assert list(seek_compiled(bundle.model)) == [twin]
    assert len(child.started) == 1


def test_damaged_is_made_again(
    bundle: Bundle, root: Path, child: type[ChildDouble], loads: Callable[[LinGen, float], None]
) -> None:
    twin = copy.deepcopy(bundle.model)
    loads(twin, 0.5)
    list(seek_compiled(bundle.model))
    (folder_of(bundle, root).path / "a.pt2").write_bytes(b"ko")
    assert list(seek_compiled(bundle.model))[-1] is twin
    assert len(child.started) == 2


def test_slower_is_not_taken_and_not_made_again(
    bundle: Bundle, child: type[ChildDouble], loads: Callable[[LinGen, float], None]
) -> None:
    loads(copy.deepcopy(bundle.model), 1.5)
    assert set(seek_compiled(bundle.model)) == {None}
    assert list(seek_compiled(bundle.model)) == [None]
    assert len(child.started) == 1


@pytest.mark.parametrize("part", ["latent_out.bias", "blocks.3.mate.mamba.out_proj.weight"])
def test_wrong_results_are_not_taken(
    bundle: Bundle, loads: Callable[[LinGen, float], None], caplog: pytest.LogCaptureFixture, part: str
) -> None:
    wrong = copy.deepcopy(bundle.model)
    with torch.no_grad():
        wrong.get_parameter(part).mul_(1.01)
    loads(wrong, 0.5)
    assert set(seek_compiled(bundle.model)) == {None}
    assert "results differ by" in caplog.text


def test_a_package_that_does_not_load_is_not_taken(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    assert set(seek_compiled(bundle.model)) == {None}  # the package of two letters, for real
    assert "no compiled path; the stream goes on without it" in caplog.text


def test_a_compiler_that_fails_leaves_nothing(
    bundle: Bundle, root: Path, child: type[ChildDouble], caplog: pytest.LogCaptureFixture
) -> None:
    child.complaint = "fatal error: no such header\nand more"
    assert set(seek_compiled(bundle.model)) == {None}
    assert caplog.messages[-1].endswith("without it: fatal error: no such header")
    assert list(root.iterdir()) == []


def test_closing_ends_the_child_and_clears_its_scratch(bundle: Bundle, root: Path, child: type[ChildDouble]) -> None:
    seek = seek_compiled(bundle.model)
    assert next(seek) is None
    assert child.started[0].scratch.exists()
    seek.close()  # type: ignore[attr-defined]
    assert child.started[0].is_ended
    assert list(root.iterdir()) == []


def test_without_a_compiler_nothing_is_waited_for(
    bundle: Bundle, child: type[ChildDouble], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upgrade, "find_compiler", lambda: None)
    assert list(seek_compiled(bundle.model)) == []
    assert child.started == []


def test_only_the_kernels_made_for_it_are_compiled(bundle: Bundle, child: type[ChildDouble]) -> None:
    before = lingen_kernels.implementation()
    lingen_kernels.use("reference")
    try:
        assert list(seek_compiled(bundle.model)) == []
    finally:
        lingen_kernels.use(before)
    assert child.started == []


def test_a_full_disk_does_not_stop_the_stream(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def publish(folder: PackageFolder, made: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(PackageFolder, "publish", publish)
    assert set(seek_compiled(bundle.model)) == {None}
    assert "No space left on device" in caplog.text


def test_a_trial_is_the_same_every_time_and_touches_nothing(bundle: Bundle) -> None:
    first, second = (Trial.draw(bundle.model) for _ in range(2))
    before = first.state.to_bytes()
    assert difference(first.run(bundle.model), second.run(bundle.model)) == 0.0
    assert first.time_s(bundle.model) > 0.0
    assert first.state.to_bytes() == before
    assert all(tensor.any() for tensor in first.run(bundle.model))


@pytest.mark.parametrize(
    ("got", "expected"), [([1.0, 2.0], 0.0), ([1.0, 2.5], 0.25), ([0.0, 2.0], 0.5), ([1.0, float("nan")], float("inf"))]
)
def test_the_difference_is_relative_to_the_largest_value(got: list[float], expected: float) -> None:
    fixed = [torch.tensor([1.0, 2.0]), torch.tensor([3.0])]
    assert difference([torch.tensor(got), fixed[1]], fixed) == expected
