"""A button that reads a file in the browser: its text comes as a value, and no file is ever uploaded or opened here."""

from __future__ import annotations

from html import escape
from typing import Any

import gradio as gr

_ON_LOAD = """
element.addEventListener("change", async (event) => {
  const file = event.target.files?.[0];
  if (!file) return;
  const isSmall = file.size <= props.max_bytes;
  const text = isSmall ? await file.text() : "";
  props.value = { name: file.name.slice(0, 80), n_bytes: file.size, text };
  trigger("change");
});
"""


def text_file(label: str, accept: str, max_bytes: int) -> gr.HTML:
    """A place for a file; its value is None, or as `picked` takes it.

    Args:
        label: above it.
        accept: suffixes, with commas between.
        max_bytes: of larger files, the text does not come.
    """
    return gr.HTML(
        value=None,
        html_template=f'<label class="pick">{escape(label)}<input type="file" accept="{escape(accept)}"></label>',
        js_on_load=_ON_LOAD,
        max_bytes=max_bytes,
    )


def picked(value: Any, max_bytes: int) -> tuple[str, str] | None:
    """Name and text of the file that was picked; None if none was.

    Raises:
        ValueError: it is too large, or no value of such a button; the message is for the person.
    """
    if not value:
        return None
    match value:
        case {"name": str(name), "n_bytes": int(n_bytes), "text": str(text)}:
            if max(n_bytes, len(text)) > max_bytes:
                n_bytes = max(n_bytes, len(text))
                raise ValueError(f"{name[:80]} has {n_bytes:,} bytes; at most {max_bytes:,} are read.")
            return name[:80], text
    raise ValueError("What came is no file.")
