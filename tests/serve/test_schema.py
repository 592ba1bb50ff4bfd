"""The schema against the parser, and against what a server really sends."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from json_schema import problems
from served import Live, Talk

from lingen_live.serve.errors import ProtocolError
from lingen_live.serve.parse import parse_control
from lingen_live.serve.protocol import VERSION
from lingen_live.serve.schema import client_messages, protocol_schema
from lingen_live.serve.schema_files import REFERENCE_FILE, generated, stale, write

ROOT = Path(__file__).parents[2]
SCHEMA = protocol_schema()


def what_is_wrong(message: dict[str, Any], direction: str) -> list[str]:
    return problems(message, SCHEMA["$defs"][direction], SCHEMA)


def accepts(message: dict[str, Any]) -> bool:
    try:
        parse_control(json.dumps(message))
    except ProtocolError:
        return False
    return True


def example(name: str) -> dict[str, Any]:
    """A message that takes every field, at the lower edge of each."""
    definition = SCHEMA["$defs"][name]
    message = {field: smallest(schema) for field, schema in definition["properties"].items()}
    if name == "ScenarioControl":
        message["scenario"] = None
    if "prompt" in message and "parts" in message:
        del message["parts"]
    return message


def smallest(schema: dict[str, Any]) -> Any:
    match schema:
        case {"const": value}:
            return value
        case {"enum": [first, *_]}:
            return first
        case {"type": "integer"}:
            return schema.get("minimum", 0)
        case {"type": "number"}:
            return 1.0
        case {"type": "string"}:
            return "a" * max(1, schema.get("minLength", 1))
        case {"type": "array", "prefixItems": items}:
            return [smallest(item) for item in items]
        case {"type": "array"}:
            return [smallest(schema["items"])]
        case _:
            return {}


CONTROLS = [cls.__name__ for kind, cls in client_messages().items() if kind not in ("hello", "scenario")]


@pytest.mark.parametrize("name", CONTROLS)
def test_what_the_schema_allows_is_accepted_and_what_it_forbids_is_not(name: str) -> None:
    message = example(name)
    assert what_is_wrong(message, "client") == []
    assert accepts(message)
    for field, schema in SCHEMA["$defs"][name]["properties"].items():
        if field == "type" or field not in message:
            continue
        for value in beyond(schema):
            wrong = {**message, field: value}
            assert what_is_wrong(wrong, "client"), wrong
            assert not accepts(wrong), wrong
        for value in edges(schema):
            right = {**message, field: value}
            assert what_is_wrong(right, "client") == []
            assert accepts(right), right
    for field in set(SCHEMA["$defs"][name]["required"]) - {"type"}:
        lacking = {key: value for key, value in message.items() if key != field}
        assert what_is_wrong(lacking, "client")
        assert not accepts(lacking), lacking
    assert what_is_wrong({**message, "colour": 1}, "client")
    assert not accepts({**message, "colour": 1})


def beyond(schema: dict[str, Any]) -> list[Any]:
    """Values just outside."""
    values: list[Any] = [True, [[]]]
    if "maximum" in schema:
        values += [schema["maximum"] + 1, schema["minimum"] - 1]
    if "maxLength" in schema:
        values += ["a" * (schema["maxLength"] + 1)]
    if "enum" in schema:
        values += ["dance"]
    if "maxItems" in schema:
        values += [[["a", 1.0]] * (schema["maxItems"] + 1), []]
    return values


def edges(schema: dict[str, Any]) -> list[Any]:
    """Values just inside."""
    if "maximum" in schema:
        return [schema["minimum"], schema["maximum"]]
    if "maxLength" in schema:
        return ["a" * schema["maxLength"]]
    return list(schema.get("enum", []))


async def test_what_a_server_sends_is_what_the_schema_says(live: Live) -> None:
    said: list[dict[str, Any]] = [
        {"type": "steer", "id": 1, "prompt": "night", "chunks": 1},
        {"type": "steer", "id": 2, "prompt": "refuse this"},
        {"type": "dance"},
        {"type": "pause", "id": 3},
        {"type": "resume", "id": 4},
        {"type": "record", "id": 5, "action": "start"},
    ]
    kinds: set[str] = set()
    async with live.socket() as socket:
        talk = Talk(socket)
        await talk.say(type="hello", version=VERSION)
        for message in said:
            await talk.say(**message)
        async with asyncio.timeout(10):
            while kinds < {"state", "received", "applied", "chunk", "timeline", "error", "recording"}:
                message = json.loads(await socket.recv())
                assert what_is_wrong(message, "server") == []
                kinds.add(message["type"])


def test_what_was_generated_is_fresh() -> None:
    """Else: `lingen_live protocol --write`."""
    assert stale(ROOT) == []


def test_stale_files_are_written_and_prose_is_kept(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "web").mkdir()
    (tmp_path / REFERENCE_FILE).write_text("# Prose\n", encoding="utf-8")
    assert len(write(tmp_path)) == 3
    assert stale(tmp_path) == []
    assert write(tmp_path) == []
    (tmp_path / REFERENCE_FILE).write_text(f"# Other prose\n{generated(tmp_path)[REFERENCE_FILE][8:]}x", "utf-8")
    assert stale(tmp_path) == [REFERENCE_FILE]
    write(tmp_path)
    assert (tmp_path / REFERENCE_FILE).read_text(encoding="utf-8").startswith("# Other prose\n<!--")
