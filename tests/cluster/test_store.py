"""Session files in a folder or behind a URL; a store that is slow or fails holds up nothing."""

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


@pytest.mark.parametrize("scheme", ["", "file://"])
async def test_the_last_of_each_is_kept_until_it_ends(tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "deep" / "kept"
    store = Store(open_shelf(f"{scheme}{folder}"))
    for data in (b"one", b"two"):
        store.put("a", data)
    store.put("b", b"three")
    await store.settled()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a.lgs": b"two", "b.lgs": b"three"}
    store.forget("a")
    store.forget("never there")
    await store.settled()
    assert [path.name for path in folder.iterdir()] == ["b.lgs"]


async def test_what_waits_is_one_a_session() -> None:
    shelf = StubbornShelf()
    store = Store(shelf)
    for index in range(50):
        store.put("a", b"%d" % index)
        store.put("b", b"%d" % index)
    shelf.may_write.set()
    await store.settled()
    assert shelf.files == {"a.lgs": b"49", "b.lgs": b"49"}
    assert shelf.n_writes == 2


async def test_a_full_store_is_told_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    shelf = StubbornShelf(n_failures=2)
    shelf.may_write.set()
    store = Store(shelf)
    with caplog.at_level(logging.WARNING):
        for data in (b"1", b"2", b"3"):
            store.put("a", data)
            await store.settled()
    assert [record.message for record in caplog.records] == [
        "A session cannot be kept: [Errno 28] No space left on device. Streams go on; it is tried again."
    ]
    assert shelf.files == {"a.lgs": b"3"}
    assert store.n_written == 1


def test_what_is_no_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ClusterError, match=r"cannot be kept in '.*file'"):
        open_shelf(str(tmp_path / "file"))
    with pytest.raises(ClusterError, match="'nosuch://place'"):
        open_shelf("nosuch://place")


def test_only_its_owner_reads_what_lies_in_a_folder(tmp_path: Path) -> None:
    FolderShelf(tmp_path / "kept").write("a.lgs", b"x")
    assert (tmp_path / "kept").stat().st_mode & 0o077 == 0
    assert (tmp_path / "kept" / "a.lgs").stat().st_mode & 0o077 == 0
