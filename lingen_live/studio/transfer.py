"""Files between a person and a tab without any file on the server: read and written by the browser, sent as text.

pick_file("Load...", ".json,.csv", MAX_BYTES).upload(load, None, [...])  # event: `picked(event._data, MAX_BYTES)`
button.click(save, inputs, text).then(None, text, None, js=save_file("board.csv"))
"""

from __future__ import annotations

import html
import json

import gradio as gr

# A file that is too large is not read: the name and the size are told in its place.
_PICK = """
element.addEventListener("change", async (event) => {
  const file = event.target.files[0];
  if (!file) return;
  const text = file.size <= props.max_bytes ? await file.text() : "";
  event.target.value = "";
  trigger("upload", { file_name: file.name, n_bytes: file.size, text });
});
"""


def pick_file(label: str, accept: str, max_bytes: int) -> gr.HTML:
    """A button that lets a person pick a file; its `upload` event carries the text, which `picked` reads.

    Args:
        label: on the button.
        accept: endings, such as ".json,.csv".
        max_bytes: of the file; a larger one is not sent.
    """
    template = f'<label>{html.escape(label)}<input type="file" accept="{html.escape(accept)}"></label>'
    return gr.HTML(html_template=template, js_on_load=_PICK, max_bytes=max_bytes, padding=False, elem_classes="ll-pick")


def save_file(name: str, media_type: str = "application/octet-stream") -> str:
    """JavaScript that has the browser save the text that it is given; nothing if there is none."""
    return f"""(text) => {{
  if (!text) return;
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], {{ type: {json.dumps(media_type)} }}));
  link.download = {json.dumps(name)};
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}}"""
