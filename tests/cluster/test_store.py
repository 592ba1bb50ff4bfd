"""Files in a folder or behind a URL; a store that is slow or fails holds up nothing."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from lingen_live.cluster.store import FolderShelf, Store, open_shelf
from lingen_live.errors import ClusterError


class StubbornShelf:
    """Waits until it may write, and fails with the first `n_failures`."""

    def __init__(self, n_failures: int = 0) -> None:
        self.may_write = threading.Event()
        self.n_failures = n_failures
        self.files: dict[str, bytes] = {}
        self.n_writes = 0

    def write(self, name: str, data: bytes) -> None:
        assert self.may_write.wait(10)
        self.n_writes += 1
        if self.n_writes <= self.n_failures:
            raise OSError(28, "No space left on device")
        self.files[name] = data

    def remove(self, name: str) -> None:
        self.files.pop(name, None)

    def names(self) -> list[str]:
        return list(self.files)

    def read(self, name: str) -> bytes:
        return self.files[name]


def put(store: Store, name: str, data: bytes) -> None:
    store.put(name, lambda: data)


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_the_last_of_each_is_kept_until_it_ends(tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "deep" / "kept"
    store = Store(open_shelf(f"{scheme}{folder}"))
    assert store.kept() == {}
    for data in (b"one", b"two"):
        put(store, "a", data)
    put(store, "b", b"three")
    await store.settled()
    assert files_in(folder) == {"a.lgk": b"two", "b.lgk": b"three"}
    assert store.kept() == {"a": b"two", "b": b"three"}
    store.forget("a")
    store.forget("never there")
    await store.settled()
    (folder / "holiday.jpg").touch()
    assert store.kept() == {"b": b"three"}


async def test_what_waits_is_one_a_session() -> None:
    shelf = StubbornShelf()
    store = Store(shelf)
    for index in range(50):
        put(store, "a", b"%d" % index)
        put(store, "b", b"%d" % index)
    shelf.may_write.set()
    await store.settled()
    assert shelf.files == {"a.lgk": b"49", "b.lgk": b"49"}
    assert shelf.n_writes == 2


async def test_a_full_store_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    shelf = StubbornShelf(n_failures=2)
    shelf.may_write.set()
    store = Store(shelf)
    with caplog.at_level(logging.WARNING):
        for data in (b"1", b"2", b"3"):
            put(store, "a", data)
            await store.settled()
    assert [record.message for record in caplog.records] == [
        "A session cannot be kept: [Errno 28] No space left on device. Streams go on; it is tried again."
    ]
    assert shelf.files == {"a.lgk": b"3"}


def test_what_is_no_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match=r"cannot be kept in '.*file'"):
        open_shelf(str(tmp_path / "file"))
    with pytest.raises(ClusterError, match="'nosuch://place'"):
        open_shelf("nosuch://place")


def test_what_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.lgk").mkdir()
    with pytest.raises(ClusterError, match=r"cannot be read: .*Is a directory"):
        Store(FolderShelf(tmp_path)).kept()


def test_a_folder_belongs_to_one_gateway_at_a_time(tmp_path: Path) -> None:
    first = FolderShelf(tmp_path)
    with pytest.raises(ClusterError, match="another gateway keeps its own there"):
        FolderShelf(tmp_path)
    first.close()
    FolderShelf(tmp_path).close()


def test_only_its_owner_reads_what_lies_in_a_folder(tmp_path: Path) -> None:
    FolderShelf(tmp_path / "kept").write("a.lgk", b"x")
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
    assert (tmp_path / "kept" / "a.lgk").stat().st_mode & 0o077 == 0
