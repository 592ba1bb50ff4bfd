"""As much of JSON Schema as the protocol uses: what is wrong with a value, in words."""

from __future__ import annotations

from typing import Any

_KINDS: dict[str, tuple[type, ...]] = {
    "integer": (int,),
    "number": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}
_KNOWN = {
    "type", "properties", "required", "additionalProperties", "items", "prefixItems", "minItems", "maxItems", "enum",
    "const", "minimum", "maximum", "minLength", "maxLength", "anyOf", "oneOf", "$ref", "$defs", "$schema", "title",
    "description",
}  # fmt: skip


def problems(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str = "it") -> list[str]:
    """Nothing if `value` is as `schema` says."""
    assert schema.keys() <= _KNOWN, f"this validator does not know {schema.keys() - _KNOWN}"
    if "$ref" in schema:
        return problems(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, where)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            found = [problems(value, option, root, where) for option in schema[union]]
            return [] if found.count([]) >= 1 else min(found, key=len)
    kind = schema.get("type")
    if kind is not None and (not isinstance(value, _KINDS[kind]) or (isinstance(value, bool) and kind != "boolean")):
        return [f"{where} is {value!r}, not of type {kind}"]
    return [*_of_value(value, schema, where), *_of_parts(value, schema, root, where)]


def _of_value(value: Any, schema: dict[str, Any], where: str) -> list[str]:
    rules = {
        "const": lambda limit: value == limit,
        "enum": lambda limit: value in limit,
        "minimum": lambda limit: value >= limit,
        "maximum": lambda limit: value <= limit,
        "minLength": lambda limit: len(value) >= limit,
        "maxLength": lambda limit: len(value) <= limit,
        "minItems": lambda limit: len(value) >= limit,
        "maxItems": lambda limit: len(value) <= limit,
    }
    broken = [name for name, holds in rules.items() if name in schema and not holds(schema[name])]
    return [f"{where} is {value!r}; {name} is {schema[name]}" for name in broken]


def _of_parts(value: Any, schema: dict[str, Any], root: dict[str, Any], where: str) -> list[str]:
    if isinstance(value, list):
        ahead = schema.get("prefixItems", [])
        rest = schema.get("items")
        schemas = [*ahead, *([rest] * (len(value) - len(ahead)) if rest else [])]
        pairs = enumerate(zip(value, schemas, strict=False))
        return [problem for k, (item, each) in pairs for problem in problems(item, each, root, f"{where}[{k}]")]
    if not isinstance(value, dict):
        return []
    found = [f"{where} lacks {name}" for name in schema.get("required", []) if name not in value]
    others = schema.get("additionalProperties", True)
    for name, item in value.items():
        each = schema.get("properties", {}).get(name)
        if each is None and others is False:
            found.append(f"{where} has {name}, which nobody knows")
        elif each is not None or isinstance(others, dict):
            found += problems(item, each or others, root, f"{where}.{name}")
    return found
