"""Imports point one way only: the house plan of the project, read from the source without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Who may import whom inside the project. `base` is the modules that know neither tensors nor networks.
BASE = {"config", "digest", "errors", "prompt", "strict_json"}
MODELS = {"model", "codec", "text"}
MAY_IMPORT: dict[str, set[str]] = {
    "base": set(),
    "lingen_kernels": set(),
    "profile": {"base"},
    "world": {"base"},
    "model": {"base", "lingen_kernels"},
    "codec": {"base", "lingen_kernels"},
    "vocabulary": {"base"},
    "text": {"base", "vocabulary"},
    "checkpoint": {"base", "model", "codec"},
    "engine": {"base", "profile", "checkpoint", "lingen_kernels", *MODELS},
    "serve": {"base", "profile", "engine"},
    "train": {"base", "profile", "checkpoint", "engine", "world", "lingen_kernels", "vocabulary", *MODELS},
    "paper": {"base", "profile", "checkpoint", "engine", "lingen_kernels", *MODELS},
    "client": {"base", "serve"},
    "studio": {"base", "profile", "engine", "serve"},
    "cluster": {"base", "profile", "engine", "serve"},
}
ENTRY_POINTS = {"bench_cli", "cli", "cli_options", "run_live"}  # may import everything; nothing imports them

# Modules that must load without a tensor library or a media stack, also through what they import.
LIGHT = {
    "lingen_live.config",
    "lingen_live.digest",
    "lingen_live.engine.options",
    "lingen_live.errors",
    "lingen_live.prompt",
    "lingen_live.serve.errors",
    "lingen_live.serve.pacer",
    "lingen_live.serve.parse",
    "lingen_live.serve.protocol",
    "lingen_live.strict_json",
}
HEAVY = {"torch", "aiortc", "av", "transformers", "numpy"}

# Third-party packages that only some layers may know.
ONLY_IN: dict[str, set[str]] = {
    "fastapi": {"serve", "studio"},
    "starlette": {"serve", "studio"},
    "uvicorn": {"serve", "studio", *ENTRY_POINTS},
    "websockets": {"serve", "client"},
    "aiortc": {"serve", "client"},
    "transformers": {"text", "paper"},
    "diffusers": {"paper"},
    "matplotlib": {"paper", "studio"},
    "gradio": {"studio"},
    "ray": {"cluster"},
    "mamba_ssm": {"lingen_kernels"},
    "sentence_transformers": set(),
}


def module_name(path: Path) -> str:
    """The dotted name of a source file; a package is named by its `__init__`."""
    source_root = ROOT / "kernels" if path.is_relative_to(ROOT / "kernels") else ROOT
    return ".".join(path.relative_to(source_root).with_suffix("").parts).removesuffix(".__init__")


def imports_in(source: str) -> Iterator[str]:
    """Every module named by an import anywhere in the source; `from a import b` names a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module}: write the whole name"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer_of(module: str) -> str | None:
    """The layer a module of this project belongs to; None for other packages."""
    package, _, rest = module.partition(".")
    if package in {"lingen_kernels", "run_live"}:
        return package
    if package != "lingen_live":
        return None
    first = rest.split(".")[0] or "__init__"
    return "base" if first in BASE or first.startswith("__") else first


def read_sources() -> dict[str, set[str]]:
    """Every module of the project with the modules it imports."""
    paths = [*(ROOT / "lingen_live").rglob("*.py"), *(ROOT / "kernels" / "lingen_kernels").rglob("*.py")]
    if (ROOT / "run_live.py").exists():
        paths.append(ROOT / "run_live.py")
    return {module_name(path): set(imports_in(path.read_text(encoding="utf-8"))) for path in paths}


SOURCES = read_sources()


def forbidden_arrows(sources: dict[str, set[str]]) -> list[str]:
    """Every import that points against the plan."""
    arrows = []
    for module, imports in sorted(sources.items()):
        layer = layer_of(module)
        if layer in ENTRY_POINTS:
            continue
        assert layer in MAY_IMPORT, f"{module} has no place in the plan of tests/test_imports.py"
        for target in sorted(imports):
            # `from lingen_live.config import X` also reads as lingen_live.config.X: same layer, no harm.
            other = layer_of(target)
            if other is not None and other != layer and other not in MAY_IMPORT[layer]:
                arrows.append(f"{module} -> {target}")
    return arrows


def forbidden_packages(sources: dict[str, set[str]]) -> list[str]:
    """Every third-party import outside the layers that may know the package."""
    found = []
    for module, imports in sorted(sources.items()):
        for package in sorted({target.partition(".")[0] for target in imports}):
            if package in ONLY_IN and layer_of(module) not in ONLY_IN[package]:
                found.append(f"{module} -> {package}")
            if package == "triton" and not module.rpartition(".")[2].startswith("triton"):
                found.append(f"{module} -> triton")
    return found


def reachable(module: str, sources: dict[str, set[str]]) -> set[str]:
    """Everything that importing `module` may import, parents of packages included."""
    seen: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if "." in name:
            waiting.append(name.rpartition(".")[0])
        waiting.extend(sources.get(name, ()))
    return seen


def test_the_arrows_point_one_way() -> None:
    assert forbidden_arrows(SOURCES) == []


def test_packages_stay_where_they_belong() -> None:
    assert forbidden_packages(SOURCES) == []


@pytest.mark.parametrize("module", sorted(LIGHT))
def test_light_modules_load_nothing_heavy(module: str) -> None:
    assert module in SOURCES
    assert {name.partition(".")[0] for name in reachable(module, SOURCES)} & HEAVY == set()


def test_the_live_server_of_one_machine_imports_no_ray() -> None:
    reached = reachable("run_live", SOURCES)
    assert "lingen_live.engine.worker" in reached
    assert {name for name in reached if name.partition(".")[0] == "ray" or "cluster" in name} == set()


def test_no_source_root_is_a_package() -> None:
    """A package `kernels` would hide the one that transformers looks for; tests import by path."""
    assert not (ROOT / "kernels" / "__init__.py").exists()
    assert not list((ROOT / "tests").rglob("__init__.py"))


@pytest.mark.parametrize(
    ("module", "source", "arrow"),
    [
        ("lingen_kernels.ssd.reference", "import lingen_live.config", "lingen_live.config"),
        ("lingen_live.model.mate", "from lingen_live.engine import engine", "lingen_live.engine"),
        ("lingen_live.serve.app", "def f():\n    import lingen_live.train.loop", "lingen_live.train.loop"),
        ("lingen_live.config", "from lingen_live import text", "lingen_live.text"),
        ("lingen_live.engine.engine", "import lingen_live.cli", "lingen_live.cli"),
    ],
)
def test_a_wrong_arrow_is_found(module: str, source: str, arrow: str) -> None:
    assert f"{module} -> {arrow}" in forbidden_arrows({module: set(imports_in(source))})


@pytest.mark.parametrize(
    ("module", "source", "package"),
    [
        ("lingen_live.engine.worker", "from fastapi import FastAPI", "fastapi"),
        ("lingen_live.engine.engine", "import aiortc.mediastreams", "aiortc"),
        ("lingen_kernels.ssd.torch_ssd", "import triton.language as tl", "triton"),
        ("lingen_live.text", "import sentence_transformers", "sentence_transformers"),
    ],
)
def test_a_package_out_of_place_is_found(module: str, source: str, package: str) -> None:
    assert forbidden_packages({module: set(imports_in(source))}) == [f"{module} -> {package}"]


def test_triton_may_live_in_its_own_files() -> None:
    assert forbidden_packages({"lingen_kernels.ssd.triton_ssd": {"triton"}}) == []


def test_reach_goes_through_parents_and_neighbours() -> None:
    sources = {"a": {"torch"}, "a.b": {"c.d"}, "c.d": {"numpy"}}
    assert reachable("a.b", sources) == {"a", "a.b", "torch", "c", "c.d", "numpy"}
