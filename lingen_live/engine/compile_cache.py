"""Where compiled packages are kept: a private folder of the user, one subfolder for each thing that code depends on.

A package is machine code, so the folder must belong to the user alone, and every file is checked against the digest
written beside it before it is loaded. Knows files. Does not know what is in them.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
import platform
import shutil
import stat
import tempfile
import time
from pathlib import Path

import torch

import lingen_kernels
import lingen_live.model
from lingen_live.config import ModelConfig
from lingen_live.digest import sha256_of

_MANIFEST = "manifest.json"
_PARTIAL_PREFIX = ".partial-"
_N_KEPT = 4
_ABANDONED_S = 3600.0

logger = logging.getLogger(__name__)


class PackageFolder:
    """The packages of one model shape, dtype, number of threads, torch, processor and source.

    Args:
        root: from `private_root`.
        key: from `package_key`.
    """

    def __init__(self, root: Path, key: str) -> None:
        self._root = root
        self.path = root / key

    def is_valid(self) -> bool:
        """Whether everything that was published is there, unchanged. A damaged folder is removed."""
        if not self.path.exists():
            return False
        try:
            manifest = json.loads((self.path / _MANIFEST).read_text(encoding="utf-8"))
            if all(sha256_of(self.path / name) == digest for name, digest in manifest.items()):
                return True
        except (OSError, ValueError, AttributeError):  # no manifest, no JSON, no object, or a file is missing
            pass
        logger.warning("The compiled path in %s is damaged; it is made again.", self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        return False

    def begin(self) -> Path:
        """An empty folder in which to make packages; the caller removes it in the end."""
        self._sweep()
        return Path(tempfile.mkdtemp(prefix=_PARTIAL_PREFIX, dir=self._root))

    def publish(self, made: Path) -> None:
        """Turn a folder of packages into this one, in one step.

        Raises:
            OSError: there is no room, or no right.
        """
        manifest = {path.name: sha256_of(path) for path in made.iterdir()}
        (made / _MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
        if not self.path.exists():  # else another engine has made the same meanwhile
            made.rename(self.path)

    def _sweep(self) -> None:
        """Remove what nobody uses: all but the latest few, and what a killed process left behind."""
        folders = sorted((p for p in self._root.iterdir() if p.is_dir()), key=lambda p: -p.stat().st_mtime)
        finished = [folder for folder in folders if not folder.name.startswith(_PARTIAL_PREFIX)]
        abandoned = [
            folder
            for folder in folders
            if folder not in finished and time.time() - folder.stat().st_mtime > _ABANDONED_S
        ]
        for folder in (*finished[_N_KEPT - 1 :], *abandoned):
            shutil.rmtree(folder, ignore_errors=True)


def private_root() -> Path | None:
    """The folder for packages, made if missing, readable by the user alone.

    LINGEN_CACHE names it, else it is `lingen_live` in XDG_CACHE_HOME, else in ~/.cache. None where there can be
    no such folder: no home, no right to write, or it belongs to somebody else.
    """
    try:
        root = _base() / "compiled"
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
        if status.st_uid != os.getuid():
            logger.warning("%s belongs to somebody else; there is no compiled path.", root)
            return None
        if stat.S_IMODE(status.st_mode) != 0o700:
            root.chmod(0o700)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home
        logger.warning("There is no place for a compiled path: %s", error)
        return None
    return root


def package_key(config: ModelConfig, dtype: torch.dtype) -> str:
    """A digest of everything that the code of a package depends on; weights are not part of it."""
    facts = {
        "config": dataclasses.asdict(config),
        "dtype": str(dtype),
        "n_threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "processor": _processor(),
        "sources": _sources_digest(),
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:32]


def _base() -> Path:
    if named := os.environ.get("LINGEN_CACHE"):
        return Path(named)
    caches = os.environ.get("XDG_CACHE_HOME")
    return (Path(caches) if caches else Path.home() / ".cache") / "lingen_live"


def _processor() -> str:
    """What the compiler may use of this processor: code for another one could stop on an unknown instruction."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        flags = ""
    return f"{platform.machine()} {platform.processor()} {torch.backends.cpu.get_cpu_capability()} {flags}"


def _sources_digest() -> str:
    """Over all source that becomes part of a package."""
    digest = hashlib.sha256()
    folders = [Path(next(iter(package.__path__))) for package in (lingen_live.model, lingen_kernels)]
    for path in (*(p for f in folders for p in sorted(f.rglob("*.py"))), Path(__file__).with_name("compiled.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
