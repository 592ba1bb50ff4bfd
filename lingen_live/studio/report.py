"""The evaluation report that lies beside weights, taken only if it is of these weights. Knows files; knows no Gradio.

`lingen_live eval --out CHECKPOINT/evaluation` leaves it there: `eval.json` names the digest of the bundle and of each
picture, so that no other checkpoint's numbers and no exchanged picture are ever shown.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from lingen_live.errors import LingenError

FOLDER = "evaluation"
_MAX_BYTES = 4 * 2**20


class ReportError(LingenError):
    """There is no report of these weights, or it cannot be read; the message says which."""

    code = "no_report"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a report.

    Attributes:
        png: its bytes.
        legend: rows of cells that say what is in it, in its order.
    """

    png: bytes
    legend: list[list[str]]


@dataclass(frozen=True, slots=True)
class Report:
    """What `eval` left of a checkpoint.

    Attributes:
        numbers: of `eval.json`.
        pictures: by name, such as "grid.png".
    """

    numbers: Mapping[str, Any]
    pictures: Mapping[str, Picture]


def folder_of(checkpoint: Path | None) -> Path:
    """Where the report of a bundle lies; None for the bundled one."""
    bundled = Path(str(resources.files("lingen_live"))) / "checkpoints" / "vista"
    return (checkpoint or bundled) / FOLDER


def read_report(folder: Path, digest: str) -> Report:
    """The report in `folder`, which must be of the bundle with this digest.

    Raises:
        ReportError: there is none, it is of another bundle, or it is damaged.
    """
    try:
        numbers = json.loads(_bytes_of(folder / "eval.json"))
    except FileNotFoundError as error:
        raise ReportError("These weights have not been evaluated: no report lies beside them.") from error
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError("The report beside these weights cannot be read: it is damaged.") from error
    of = numbers.get("digest") if isinstance(numbers, dict) else None
    if of != digest:
        raise ReportError(
            "These weights have not been evaluated: the report beside them is of others "
            f"({str(of)[:16]}, these are {digest[:16]})."
        )
    return Report(numbers, _pictures(folder, numbers.get("pictures", {})))


def _pictures(folder: Path, told: Any) -> dict[str, Picture]:
    """Those whose content is what the report says; a name is a plain file name of the folder."""
    found = {}
    for name, entry in told.items() if isinstance(told, dict) else ():
        if Path(name).name != name or Path(name).suffix != ".png" or not isinstance(entry, dict):
            raise ReportError(f"The report beside these weights names a picture {name!r:.40}, which is none.")
        try:
            png = _bytes_of(folder / name)
        except OSError as error:
            raise ReportError(f"The picture {name} of the report cannot be read.") from error
        if hashlib.sha256(png).hexdigest() != entry.get("sha256"):
            raise ReportError(f"The picture {name} is not the one that the report was made with.")
        found[name] = Picture(png, [[str(cell) for cell in row] for row in entry.get("legend", [])])
    return found


def _bytes_of(path: Path) -> bytes:
    """The content of a file of bounded size."""
    with path.open("rb") as file:
        data = file.read(_MAX_BYTES + 1)
    if len(data) > _MAX_BYTES:
        raise ReportError(f"{path.name} of the report has more than {_MAX_BYTES} bytes.")
    return data
