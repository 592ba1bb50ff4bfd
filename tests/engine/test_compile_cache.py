"""A folder for machine code: private, checked before use, bounded, and of one key each."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import stat
from pathlib import Path

import pytest
import torch

from lingen_live.config import BundleConfig
from lingen_live.engine import compile_cache
from lingen_live.engine.compile_cache import PackageFolder, package_key, private_root


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LINGEN_CACHE", str(tmp_path / "cache"))
    found = private_root()
    assert found is not None
    return found


def published(root: Path, key: str) -> PackageFolder:
    folder = PackageFolder(root, key)
    made = folder.begin()
    (made / "a.pt2").write_bytes(b"code of a")
    (made / "b.pt2").write_bytes(b"code of b")
    folder.publish(made)
    return folder


def test_what_is_published_is_valid(root: Path) -> None:
    folder = PackageFolder(root, "key")
    assert not folder.is_valid()
    folder = published(root, "key")
    assert folder.is_valid()
    assert (folder.path / "a.pt2").read_bytes() == b"code of a"
    assert not PackageFolder(root, "other key").is_valid()


def break_content(path: Path) -> None:
    (path / "a.pt2").write_bytes(b"code of c")


def break_presence(path: Path) -> None:
    (path / "b.pt2").unlink()


def break_manifest(path: Path) -> None:
    (path / "manifest.json").write_text("{", encoding="utf-8")


def break_kind(path: Path) -> None:
    (path / "manifest.json").write_text("[]", encoding="utf-8")


def break_all(path: Path) -> None:
    (path / "manifest.json").unlink()


@pytest.mark.parametrize("damage", [break_content, break_presence, break_manifest, break_kind, break_all])
def test_what_is_damaged_is_told_and_removed(root: Path, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    folder = published(root, "key")
    assert callable(damage)
    damage(folder.path)
    assert not folder.is_valid()
    assert "damaged" in caplog.text
    assert not folder.path.exists()
    assert published(root, "key").is_valid()


def test_the_first_of_two_who_made_the_same_wins(root: Path) -> None:
    slow = PackageFolder(root, "key")
    made = slow.begin()
    (made / "a.pt2").write_bytes(b"slow")
    published(root, "key")
    slow.publish(made)
    assert (slow.path / "a.pt2").read_bytes() == b"code of a"
    assert slow.is_valid()


def test_old_packages_and_abandoned_work_are_swept(root: Path) -> None:
    for age, key in enumerate(["newest", "newer", "old", "older", "oldest"]):
        folder = published(root, key)
        os.utime(folder.path, (1e9 - age, 1e9 - age))
    abandoned, busy = PackageFolder(root, "x").begin(), PackageFolder(root, "y").begin()
    os.utime(abandoned, (1e9, 1e9))
    PackageFolder(root, "z").begin()
    left = {path.name for path in root.iterdir()}
    assert {"newest", "newer", "old", busy.name} <= left
    assert left.isdisjoint({"older", "oldest", abandoned.name})


def test_the_root_is_the_users_alone(root: Path) -> None:
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    root.chmod(0o755)
    assert private_root() == root
    assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_the_root_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LINGEN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert private_root() == tmp_path / "home" / ".cache" / "lingen_live" / "compiled"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert private_root() == tmp_path / "xdg" / "lingen_live" / "compiled"
    monkeypatch.setenv("LINGEN_CACHE", str(tmp_path / "mine"))
    assert private_root() == tmp_path / "mine" / "compiled"


def test_a_folder_of_somebody_else_is_not_trusted(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(os, "getuid", lambda: root.stat().st_uid + 1)
    assert private_root() is None
    assert "belongs to somebody else" in caplog.text


def test_where_there_can_be_no_folder_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("LINGEN_CACHE", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert private_root() is None
    assert "no place for a compiled path" in caplog.text


def test_the_key_depends_on_all_that_the_code_depends_on(
    tiny_config: BundleConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tiny_config.model
    key = package_key(config, torch.float32)
    assert package_key(config, torch.float32) == key
    others = [
        package_key(dataclasses.replace(config, d_state=16), torch.float32),
        package_key(config, torch.bfloat16),
    ]
    for function, other in (
        ("_processor", "another one"),
        ("_sources_digest", "other sources"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(compile_cache, function, lambda other=other: other)
            others.append(package_key(config, torch.float32))
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 2)
        others.append(package_key(config, torch.float32))
    with monkeypatch.context() as patch:
        patch.setattr(torch, "__version__", "1.0")
        others.append(package_key(config, torch.float32))
    assert len({key, *others}) == 7


def test_the_manifest_names_every_package(root: Path) -> None:
    folder = published(root, "key")
    manifest = json.loads((folder.path / "manifest.json").read_text(encoding="utf-8"))
    assert sorted(manifest) == ["a.pt2", "b.pt2"]
