"""What a gateway keeps of its sessions, and what the next one makes of it."""

from __future__ import annotations

import asyncio
import errno
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from cluster_watch import Watch, ignore_progress
from local_link import LocalCluster
from tiny_engine import make_tiny

from lingen_live.cluster.host import ClusterHost
from lingen_live.cluster.keeping import Keeper
from lingen_live.cluster.store import SUFFIX, FolderShelf, Store
from lingen_live.engine.client import Returning
from lingen_live.engine.control import Fork, Plan, Steer
from lingen_live.engine.events import words_of
from lingen_live.engine.kept_file import read_kept, write_kept
from lingen_live.engine.options import EngineOptions
from lingen_live.errors import LingenError


class Gateway:
    """A host over one device of this process, with a store."""

    def __init__(self, folder: Path, options: EngineOptions) -> None:
        self.shelf = FolderShelf(folder)
        self._cluster = LocalCluster(options, make_tiny, snapshot_chunks=3)
        keeper = Keeper.of(Store(self.shelf))
        self.host = ClusterHost(["a"], self._cluster.connect, dtype="float32", keeper=keeper)

    async def __aenter__(self) -> ClusterHost:
        await self.host.start(ignore_progress)
        return self.host

    async def __aexit__(self, *_: object) -> None:
        await self.host.close()
        await self._cluster.close()
        self.shelf.close()


@pytest.fixture
def options(tiny_bundle: Path) -> EngineOptions:
    return EngineOptions(checkpoint=str(tiny_bundle), seed=7, prompt="a meadow", dtype="float32", n_sessions=2)


async def test_another_gateway_goes_on_with_all_branches_words_and_plans(
    options: EngineOptions, tmp_path: Path
) -> None:
    async with Gateway(tmp_path, options) as host:
        assert host.returning == ()
        straight, watch = await Watch.open(host, "a meadow"), await Watch.open(host, "a meadow", name="xyz")
        for one in (straight, watch):
            await one.client.control(Plan(1, "cut", words_of("night"), 4))
            await one.client.control(Steer(2, "a red desert", 4))
            await one.chunks(2)
            await one.client.control(Fork(3, None, "other"))
            await one.chunk()  # 2: a snapshot goes with it, for it obeys
        ahead = await straight.chunks(4)
        assert await watch.chunks(1) == ahead[:1]
        await watch.client.close()
    async with Gateway(tmp_path, options) as host:
        assert host.returning == (Returning("xyz", "a red desert", 7),)
        again = await Watch.open(host, "never shown", name="xyz")
        chunk = await again.chunk()
        assert chunk.chunk_index == 3
        assert [branch.name for branch in chunk.timeline.branches] == ["main", "other"]
        assert await again.chunks(3) == ahead[1:]  # through the plan
        assert not host.returning
        host.forget("xyz")
        await again.chunks(4)
    assert Gateway(tmp_path, options).host.returning == ()


async def test_what_is_of_other_weights_is_left_for_others(options: EngineOptions, tmp_path: Path) -> None:
    async with Gateway(tmp_path, options) as host:
        await (await Watch.open(host, name="xyz")).chunk()
    file = tmp_path / f"xyz{SUFFIX}"
    kept = read_kept(file.read_bytes())
    file.write_bytes(write_kept(replace(kept, carried=replace(kept.carried, digest="f" * 64))))
    async with Gateway(tmp_path, options) as host:
        client = host.open(prompt="a day", seed=7, name="xyz")
        with pytest.raises(LingenError, match=r"weights ffffffffffff in float32; these are \w{12} in float32"):
            await client.start(ignore_progress)
        host.forget("xyz")
        assert (await (await Watch.open(host, name="abc")).chunk()).chunk_index == 0
    assert file.exists()


async def test_a_damaged_file_is_left_and_costs_nobody_else_anything(
    options: EngineOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Gateway(tmp_path, options) as host:
        for name in ("whole", "cut"):
            await (await Watch.open(host, name=name)).chunk()
    cut = tmp_path / f"cut{SUFFIX}"
    cut.write_bytes(cut.read_bytes()[:-7])
    with caplog.at_level(logging.WARNING):
        async with Gateway(tmp_path, options) as host:
            assert [one.name for one in host.returning] == ["whole"]
    assert "kept as 'cut' does not come back: The snapshot file of" in caplog.text
    assert cut.exists()


async def test_a_full_store_costs_a_warning_and_no_chunk(
    options: EngineOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(shelf: FolderShelf, name: str, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with caplog.at_level(logging.WARNING):
        async with Gateway(tmp_path, options) as host:
            watch = await Watch.open(host, name="xyz")
            with monkeypatch.context() as full:
                full.setattr(FolderShelf, "write", refuse)
                assert [index for index, _ in await watch.chunks(7)] == list(range(7))
                await asyncio.sleep(0.05)
            await watch.chunks(3)  # there is room again
    assert (
        caplog.text.count("cannot be kept: [Errno 28] No space left on device. Streams go on; it is tried again.") == 1
    )
    ((name, data),) = Store(FolderShelf(tmp_path)).kept().items()
    assert (name, read_kept(data).carried.chunk_index) == ("xyz", 10)
