"""Reads Gatepost's own source for the house rules: modules, what they import, and the names they use."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src"


@dataclass(frozen=True)
class Module:
    """One file of the package, parsed."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def part(self) -> str:
        """The first name below `gatepost`: `store` for `gatepost.store.tables`, nothing for the package itself."""
        return self.name.split(".")[1] if "." in self.name else ""

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and the line it stands on."""

    target: str
    line: int


def parse(name: str, text: str, path: Path | None = None) -> Module:
    """Make a module of a text, so that a rule can be tried on code that breaks it."""
    return Module(name, path or Path(f"{name.replace('.', '/')}.py"), ast.parse(text))


@cache
def modules() -> tuple[Module, ...]:
    """Read every module of the package, in the order of their names."""
    found = []
    for path in sorted((SRC / "gatepost").rglob("*.py")):
        parts = path.relative_to(SRC).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found.append(parse(name, path.read_text(encoding="utf-8"), path))
    return tuple(found)


def imports(module: Module, known: frozenset[str]) -> Iterator[Import]:
    """List what a module imports, wherever the statement stands; `known` are the modules that exist.

    `from gatepost import errors` imports the module `gatepost.errors`, not only the package, where there is such a one.
    """
    package = module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(alias.name, node.lineno)
        elif isinstance(node, ast.ImportFrom):
            base = _base(node, package)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield Import(inner if inner in known else base, node.lineno)


def _base(node: ast.ImportFrom, package: str) -> str:
    if not node.level:
        return node.module or ""
    parents = package.split(".")
    start = parents[: len(parents) - node.level + 1]
    return ".".join([*start, node.module] if node.module else start)


def runtime_imports(module: Module, known: frozenset[str]) -> Iterator[Import]:
    """List what is imported when the module itself is: neither inside functions nor for the type checker alone."""
    body = [node for node in module.tree.body if not _is_type_checking(node)]
    yield from imports(Module(module.name, module.path, ast.Module(list(_outside_functions(body)), [])), known)


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def _outside_functions(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node


def dotted_names(module: Module) -> Iterator[tuple[str, int]]:
    """List the full dotted name of everything that is used, through its import: `datetime.datetime.now`.

    `import datetime as d; d.datetime.now()` and `from datetime import datetime; datetime.now()` give the same name.
    """
    origins: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                origins[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                origins[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Name | ast.Attribute):
            first, _, rest = _chain(node).partition(".")
            if first in origins:
                yield (f"{origins[first]}.{rest}" if rest else origins[first]), node.lineno


def _chain(node: ast.AST) -> str:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = _chain(node.value)
        return f"{inner}.{node.attr}" if inner else ""
    return ""
