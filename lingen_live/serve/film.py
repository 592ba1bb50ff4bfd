"""A film on disk, written fragment by fragment. Blocks, so it belongs on a thread; knows files and the muxer."""

from __future__ import annotations

import os
from pathlib import Path

from lingen_live.serve.coded import Codec
from lingen_live.serve.mp4 import Fragment, Mp4Writer


class FilmFile:
    """The file at `path`, which must not exist yet; only this user may read it.

    Args:
        path: of the file.
        codec: of the frames.
        width_px: of the picture.
        height_px: of the picture.
    """

    def __init__(self, path: Path, codec: Codec, width_px: int, height_px: int) -> None:
        self.path = path
        self._settings = (codec, width_px, height_px)
        self._writer: Mp4Writer | None = None
        self._file: int | None = None

    def append(self, fragment: Fragment) -> None:
        """Write `fragment`, so that it outlives this process.

        Raises:
            OSError: the disk is full, gone, or not ours; what was written before still plays.
            ValueError: the first frame is no keyframe.
        """
        data = b""
        if self._writer is None:
            self._writer = Mp4Writer(*self._settings, fragment.samples[0])
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            data = self._writer.header
        assert self._file is not None
        whole_bytes = self._writer.n_bytes if not data else 0
        data += self._writer.fragment(fragment.samples, fragment.end_pts)
        try:
            self._write(data)
        except OSError:
            os.ftruncate(self._file, whole_bytes)
            raise

    def finish(self, *, is_whole: bool) -> None:
        """Add length and index if all of it `is_whole`, and close; idempotent.

        Raises:
            OSError: the disk is gone.
        """
        if self._file is None:
            return
        file, self._file = self._file, None
        try:
            if is_whole and self._writer is not None:
                for offset, patch in self._writer.patches():
                    os.pwrite(file, patch, offset)
        finally:
            os.close(file)

    def _write(self, data: bytes) -> None:
        assert self._file is not None
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]
