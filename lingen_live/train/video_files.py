"""Captioned videos, found in folders and in WebDataset shards; what becomes of each is counted.

Opens lists, captions and the tables of archives, never a video.
"""

from __future__ import annotations

import json
import os
import tarfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from lingen_live.errors import ConfigError

SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"))
_CAPTION_BYTES = 64 << 10
_N_EXAMPLES = 20


@dataclass(frozen=True, slots=True)
class Video:
    """One that has been found.

    Attributes:
        name: absolute path; in a tar, with the member's name behind the tar's.
        path: of the file, or of the tar.
        member: in the tar; None for a file.
        caption: one line; empty if there is none.
    """

    name: str
    path: Path
    member: tarfile.TarInfo | None
    caption: str


@dataclass(slots=True)
class Summary:
    """What became of the videos of a folder.

    Attributes:
        n_videos: in the shards, those of earlier runs included.
        n_clips: made in this run.
        skipped: names by reason.
    """

    n_videos: int = 0
    n_clips: int = 0
    skipped: dict[str, list[str]] = field(default_factory=dict)

    def skip(self, reason: str, name: str) -> None:
        """Count one that was not used."""
        self.skipped.setdefault(reason, []).append(name)

    def to_json(self) -> dict[str, object]:
        """Counts, and the first few names for each reason."""
        counts = {reason: len(names) for reason, names in sorted(self.skipped.items())}
        examples = {reason: names[:_N_EXAMPLES] for reason, names in sorted(self.skipped.items())}
        return {"n_videos": self.n_videos, "n_clips": self.n_clips, "skipped": counts, "examples": examples}

    def __str__(self) -> str:
        counts = Counter({reason: len(names) for reason, names in self.skipped.items()})
        reasons = ", ".join(f"{reason}: {count}" for reason, count in counts.most_common())
        return f"{self.n_videos} videos used, {self.n_clips} new clips; {counts.total()} skipped ({reasons or 'none'})."


def find_videos(root: Path, summary: Summary) -> Iterator[Video]:
    """Every video under a folder, or in one tar, in the order of their names; unreadable tars and lists are counted.

    Raises:
        ConfigError: there is no such place.
    """
    if not root.exists():
        raise ConfigError(f"{root} is not there; --videos takes a folder of videos or of tar shards, or one tar.")
    root = root.resolve()
    listed: dict[Path, str] = {}
    for path in sorted(root.rglob("captions.jsonl")):
        listed |= _read_list(path, summary)
    for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
        if path.suffix.lower() == ".tar":
            yield from _in_tar(path, summary)
        elif path.suffix.lower() in SUFFIXES and path.is_file():
            beside = path.with_suffix(".txt")
            caption = listed.get(path, "")
            if not caption and beside.is_file():
                with beside.open("rb") as file:
                    caption = _read_caption(file)
            yield Video(str(path), path, None, caption)


def _read_caption(file: IO[bytes] | None) -> str:
    """One line of text; empty if it is none."""
    try:
        return " ".join(file.read(_CAPTION_BYTES).decode("utf-8").split()) if file else ""
    except (OSError, UnicodeDecodeError, tarfile.TarError):
        return ""


def _read_list(path: Path, summary: Summary) -> dict[Path, str]:
    """The captions of a `captions.jsonl`, whose files are named from its own folder."""
    captions: dict[Path, str] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            captions[Path(os.path.normpath(path.parent / row["file"]))] = " ".join(row["caption"].split())
        except (ValueError, KeyError, TypeError, AttributeError):
            summary.skip("not a line of captions", f"{path}:{number}")
    return captions


def _in_tar(path: Path, summary: Summary) -> Iterator[Video]:
    """The videos of a WebDataset shard; a key ends at the first dot of the file's name."""
    try:
        with tarfile.open(path, "r:") as tar:  # "r:" reads no compressed archive, which could be a bomb
            members = [member for member in tar if member.isfile()]
            captions = {}
            for member in members:
                if member.name.lower().endswith(".txt"):
                    captions[_key(member)] = _read_caption(tar.extractfile(member))
    except (OSError, tarfile.TarError):
        summary.skip("damaged archive", str(path))
        return
    for member in members:
        if Path(member.name).suffix.lower() in SUFFIXES:
            yield Video(f"{path}/{member.name}", path, member, captions.get(_key(member), ""))


def _key(member: tarfile.TarInfo) -> str:
    folder, slash, name = member.name.rpartition("/")
    return folder + slash + name.partition(".")[0]
