"""Frozen dataclasses from decoded JSON, strictly: a field that is missing, unknown or of another type is an error.

Knows no dataclass of the project.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from typing import Any, TypeVar

from lingen_live.errors import ConfigError

T = TypeVar("T")


def from_json(cls: type[T], data: object, where: str) -> T:
    """Build the frozen dataclass `cls` from decoded JSON, strictly.

    Args:
        cls: a dataclass of int, float, str, bool, tuples of those, optionals and nested dataclasses.
        data: what `json.loads` returned.
        where: path shown in errors, e.g. "config.model".

    Raises:
        ConfigError: a field is missing, unknown, or of another type.
    """
    if not isinstance(data, dict):
        raise ConfigError(f"{where} is {type(data).__name__}; it must be an object.")
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(typing.cast(Any, cls))}
    if unknown := sorted(set(data) - set(fields)):
        raise ConfigError(f"{where} has unknown field {unknown[0]!r}; known are {', '.join(fields)}.")
    values: dict[str, Any] = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _convert(hints[name], data[name], f"{where}.{name}")
        elif field.default is dataclasses.MISSING:
            raise ConfigError(f"{where} lacks field {name!r}.")
    return cls(**values)


def _convert(hint: Any, value: object, where: str) -> Any:
    """One field from JSON to the type its annotation names."""
    if dataclasses.is_dataclass(hint):
        return from_json(typing.cast(type, hint), value, where)
    if isinstance(hint, types.UnionType):
        inner = [arg for arg in typing.get_args(hint) if arg is not type(None)]
        return None if value is None else _convert(inner[0], value, where)
    if typing.get_origin(hint) is tuple:
        if not isinstance(value, list | tuple):
            raise ConfigError(f"{where} is {type(value).__name__}; it must be a list.")
        return tuple(_convert(typing.get_args(hint)[0], item, f"{where}[{i}]") for i, item in enumerate(value))
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (hint is int and isinstance(value, bool)):
        raise ConfigError(f"{where} is {value!r}; it must be {hint.__name__}.")
    return value


def require_positive(config: object, *names: str) -> None:
    """Refuse a configuration in which a named number is not above 0 or not finite.

    Raises:
        ConfigError: the first one that is not.
    """
    for name in names:
        value = getattr(config, name)
        if not 0 < value < math.inf:
            raise ConfigError(f"{name} of {type(config).__name__} is {value}; it must be above 0 and finite.")
