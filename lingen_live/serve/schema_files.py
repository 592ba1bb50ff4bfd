"""What is made from the protocol's schema: the schema itself, types for JavaScript, and the reference. Pure text.

Written by `lingen_live protocol --write`; a test fails when a file is not what would be written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lingen_live.serve.schema import Schema, protocol_schema

SCHEMA_FILE = Path("docs/protocol.schema.json")
TYPES_FILE = Path("web/protocol-types.js")
REFERENCE_FILE = Path("docs/protocol.md")
MARKER = "<!-- what follows is written by `lingen_live protocol --write` -->\n"

_HEAD = """// @ts-check
// Written by `lingen_live protocol --write` from lingen_live/serve/protocol.py; not to be edited.

"""


def generated(root: Path) -> dict[Path, str]:
    """Every file, relative to `root`, as it should be; of the reference, what stands above the marker is kept."""
    schema = protocol_schema()
    prose = (root / REFERENCE_FILE).read_text(encoding="utf-8").partition(MARKER)[0]
    return {
        SCHEMA_FILE: json.dumps(schema, indent=2) + "\n",
        TYPES_FILE: to_javascript(schema),
        REFERENCE_FILE: prose + MARKER + to_markdown(schema),
    }


def stale(root: Path) -> list[Path]:
    """Files that are not as they should be."""
    return [path for path, text in generated(root).items() if _read(root / path) != text]


def write(root: Path) -> list[Path]:
    """Write what is stale; what was written."""
    texts = generated(root)
    written = stale(root)
    for path in written:
        (root / path).write_text(texts[path], encoding="utf-8")
    return written


def to_javascript(schema: Schema) -> str:
    """A JSDoc typedef for every message, and the unions of both directions."""
    lines = []
    for name, definition in schema["$defs"].items():
        if "oneOf" in definition:
            union = " | ".join(ref["$ref"].rpartition("/")[2] for ref in definition["oneOf"])
            lines.append(f"/** @typedef {{{union}}} {name.capitalize()}Message */")
        else:
            lines.append(f"/** @typedef {{{_js(definition)}}} {name} */")
    return _HEAD + "\n".join(lines) + "\n\nexport {};\n"


def _js(schema: Schema) -> str:
    """A type of TypeScript for a schema."""
    match schema:
        case {"const": value}:
            return json.dumps(value)
        case {"enum": values}:
            return " | ".join(json.dumps(value) for value in values)
        case {"anyOf": options}:
            return " | ".join(_js(option) for option in options)
        case {"type": "array", "prefixItems": items}:
            return f"readonly [{', '.join(_js(item) for item in items)}]"
        case {"type": "array", "items": item}:
            return f"readonly ({_js(item)})[]"
        case {"type": "object", "properties": properties}:
            optional = {name: "" if name in schema["required"] else "?" for name in properties}
            return "{" + ", ".join(f"{name}{optional[name]}: {_js(value)}" for name, value in properties.items()) + "}"
        case {"type": "object", "additionalProperties": {} as value}:
            return f"Record<string, {_js(value)}>"
        case {"type": kind}:
            names: dict[str, str] = {"integer": "number", "object": "object", "null": "null"}
            return names.get(kind, str(kind))
        case _:
            raise TypeError(f"There is no type for {schema}.")


def to_markdown(schema: Schema) -> str:
    """The reference: a heading and a table for every message."""
    groups = {"What clients say": "client", "What the server says": "server"}
    lines = []
    for title, direction in groups.items():
        lines += [f"\n## {title}\n"]
        for ref in schema["$defs"][direction]["oneOf"]:
            lines += _section(schema["$defs"][ref["$ref"].rpartition("/")[2]])
    return "\n".join(lines) + "\n"


def _section(definition: Mapping[str, Any]) -> list[str]:
    properties = definition["properties"]
    summary, _, attributes = definition["description"].partition("\n\nAttributes:\n")
    meanings = _attributes(attributes)
    lines = [f"### {properties['type']['const']}\n", summary.replace("\n", " ") + "\n"]
    if len(properties) > 1:
        lines += ["| field | type | |", "|---|---|---|"]
    for name, schema in properties.items():
        if name != "type":
            mark = "" if name in definition["required"] else ", may be left out"
            lines.append(f"| `{name}` | {_words(schema)}{mark} | {meanings.get(name, '')} |")
    return [*lines, ""]


def _attributes(text: str) -> dict[str, str]:
    """The entries of a docstring's list of attributes."""
    entries: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        head, colon, rest = line.strip().partition(": ")
        if colon and head.isidentifier():
            name = head
            entries[name] = rest
        elif name:
            entries[name] += f" {line.strip()}"
    return entries


def _words(schema: Schema) -> str:
    """A schema for people."""
    match schema:
        case {"type": "integer", "minimum": low, "maximum": high}:
            return f"integer, {low} to {high}"
        case {"type": "integer", "minimum": low}:
            return f"integer, {low} or more"
        case {"type": "number", "minimum": low, "maximum": high}:
            return f"number, {low} to {high}"
        case {"type": "string", "maxLength": longest}:
            return f"text, at most {longest} characters"
        case {"type": "string"}:
            return "text"
        case {"const": value}:
            return f"`{json.dumps(value)}`"
        case {"enum": values}:
            return " or ".join(f"`{json.dumps(value)}`" for value in values)
        case _:
            return f"`{_js(schema)}`".replace("|", "\\|")


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None
