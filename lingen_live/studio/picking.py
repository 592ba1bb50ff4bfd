"""A file that a person picked on a page, as the page tells of it. Trusts nothing; knows no Gradio."""

from __future__ import annotations

from lingen_live.errors import ScenarioError

_MAX_NAME = 80


def picked(told: object, max_bytes: int) -> tuple[str, bytes]:
    """The name and the content of a file.

    Args:
        told: what `pick_file` of `transfer.py` sends; of a file that is too large, the size alone.
        max_bytes: of the file.

    Raises:
        ScenarioError: it is too large, or no page of ours told this.
    """
    match told:
        case {"file_name": str(name), "n_bytes": int(n_bytes), "text": str(text)}:
            data = text.encode("utf-8", "replace")
            n_bytes = max(n_bytes, len(data))
            if n_bytes > max_bytes:
                raise ScenarioError(f"{name[:_MAX_NAME]} has {n_bytes} bytes; at most {max_bytes} are accepted.")
            return name, data
        case _:
            raise ScenarioError("This is no file that was picked on this page.")
