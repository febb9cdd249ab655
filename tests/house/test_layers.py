"""Imports point down, edges do not know one another, and keys, clock and environment have their places."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator

import pytest

from tests.house.layers import (
    AMBIENT,
    AMBIENT_HOLDERS,
    AUDIT_VALUES,
    CRYPTOGRAPHERS,
    CRYPTOGRAPHY,
    EDGE_PAIRS,
    EDGES,
    FLOORS,
    NAMES,
    UPWARD,
    WORDS,
    floor,
    within,
)
from tests.house.source import Module, dotted_names, imports, modules, parse, runtime_imports


def every_module() -> list[Module]:
    return [module for module in modules() if module.part]


def ours(found: Iterable[Module]) -> dict[str, set[str]]:
    """Map each module to the modules of ours that it imports."""
    found = tuple(found)
    known = frozenset(module.name for module in found) | {"gatepost"}
    return {
        module.name: {each.target for each in imports(module, known) if each.target.split(".")[0] == "gatepost"}
        for module in found
    }


def below_the_gate(graph: dict[str, set[str]]) -> frozenset[str]:
    """The modules of tokens/ from which neither the gate nor an operation outside tokens/ can be reached."""
    operations = next(parts for name, parts in FLOORS if name == "operations")
    above = {"gate", *operations} - {"tokens"}

    def reachable(start: str) -> set[str]:
        seen, ahead = {start}, [start]
        while ahead:
            news = graph.get(ahead.pop(), set()) - seen - AUDIT_VALUES
            seen |= news
            ahead.extend(news)
        return seen

    return frozenset(
        name
        for name in graph
        if within(name, ("gatepost.tokens",)) and not any(part_of(each) in above for each in reachable(name))
    )


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


def wrong_imports(found: Iterable[Module]) -> Iterator[str]:
    """Say every import that does not point down, a sentence each."""
    found = tuple(found)
    graph = ours(found)
    ground = below_the_gate(graph)
    for name, targets in sorted(graph.items()):
        here = floor(name, ground)
        part = part_of(name)
        for target in sorted(targets - {"gatepost"}):
            there, other = floor(target, ground), part_of(target)
            if here is None or there is None or other == part or (name, target) in UPWARD:
                continue
            if part in WORDS:
                yield f"{name} imports {target}: the words import nothing of ours"
            elif there > here:
                yield f"{name} ({NAMES[here]}) imports {target} ({NAMES[there]}), which is above it"
            elif part in EDGES and other in EDGES and (part, other) not in EDGE_PAIRS:
                yield f"{name} imports {target}: edges do not know one another"


def wrong_cryptography(module: Module) -> Iterator[str]:
    if not within(module.name, CRYPTOGRAPHERS):
        for each in imports(module, frozenset()):
            if each.target.split(".")[0] in CRYPTOGRAPHY:
                yield f"{module.name}:{each.line} imports {each.target}"


def wrong_ambience(module: Module) -> Iterator[str]:
    if not within(module.name, AMBIENT_HOLDERS):
        for name, line in dotted_names(module):
            if name in AMBIENT or name.split(".")[0] in AMBIENT:
                yield f"{module.name}:{line} uses {name}"


def wrong_async(module: Module) -> Iterator[str]:
    if module.part not in EDGES:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.AsyncFunctionDef | ast.AsyncFor | ast.AsyncWith | ast.Await):
                yield f"{module.name}:{node.lineno} is asynchronous"


def cycles(found: Iterable[Module]) -> list[str]:
    """Find the circles among modules that importing one would walk."""
    found = tuple(found)
    known = frozenset(module.name for module in found)
    graph = {m.name: {i.target for i in runtime_imports(m, known) if i.target in known} - {m.name} for m in found}
    done: set[str] = set()
    answer: list[str] = []

    def walk(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            answer.append(" -> ".join([*path[path.index(name) :], name]))
        elif name not in done:
            for target in sorted(graph[name]):
                walk(target, (*path, name))
            done.add(name)

    for name in sorted(graph):
        walk(name, ())
    return answer


def test_every_part_of_the_package_has_a_floor() -> None:
    unknown = {module.part for module in every_module()} - {part for _, parts in FLOORS for part in parts}

    assert not unknown, f"give {sorted(unknown)} a line in tests/house/layers.py"


def test_imports_point_down() -> None:
    assert list(wrong_imports(every_module())) == []


def test_no_module_imports_itself_through_others() -> None:
    assert cycles(every_module()) == []


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(wrong_cryptography, id="JOSE, Argon2 and secrets in tokens and sso.keys"),
        pytest.param(wrong_ambience, id="clock, randomness and environment in gate, settings and the local edges"),
        pytest.param(wrong_async, id="a synchronous core"),
    ],
)
def test_keys_clock_and_concurrency_have_their_places(rule: Callable[[Module], Iterator[str]]) -> None:
    assert [sentence for module in every_module() for sentence in rule(module)] == []


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        pytest.param("gatepost.errors", "import gatepost.store", "the words import nothing of ours", id="words"),
        pytest.param("gatepost.store.x", "from gatepost.gate import Gatepost", "above it", id="store to gate"),
        pytest.param("gatepost.access.x", "from gatepost.store import tables", "above it", id="access to store"),
        pytest.param(
            "gatepost.directory.x", "def f():\n    from gatepost.server import y", "above it", id="late import"
        ),
        pytest.param("gatepost.server.x", "from gatepost.client import Client", "do not know", id="edge to edge"),
        pytest.param("gatepost.client.x", "from ..cli import main", "do not know", id="relative import"),
        pytest.param("gatepost.gate", "from gatepost.tokens import api_tokens", "above it", id="gate to an operation"),
    ],
)
def test_the_rule_sees_an_import_that_points_up(name: str, text: str, expected: str) -> None:
    others = [parse("gatepost.tokens.api_tokens", "from gatepost.gate import Gatepost")]

    (sentence,) = wrong_imports([parse(name, text), *others])

    assert expected in sentence


@pytest.mark.parametrize(
    ("name", "text"),
    [
        pytest.param(
            "gatepost.cli.x", "from gatepost.client import Client\nimport gatepost.demo", id="the named pairs"
        ),
        pytest.param("gatepost.gate", "from gatepost.tokens.signing import sign", id="gate to signing"),
        pytest.param("gatepost.tokens.api_tokens", "from gatepost.gate import Gatepost", id="operation to gate"),
        pytest.param("gatepost.store.x", "from gatepost import errors", id="a word through the package"),
    ],
)
def test_the_rule_lets_downward_imports_pass(name: str, text: str) -> None:
    others = [parse("gatepost.tokens.signing", "import joserfc"), parse("gatepost.errors", "")]

    assert list(wrong_imports([parse(name, text), *others])) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from datetime import datetime\nx = datetime.now()", "datetime.datetime.now"),
        ("import datetime as d\nx = d.datetime.now(d.UTC)", "datetime.datetime.now"),
        ("from time import time\nx = time()", "time.time"),
        ("from os import environ as e\nx = e['A']", "os.environ"),
        ("import random\nx = random.choice([1])", "random"),
        ("import uuid\nx = uuid.uuid4()", "uuid.uuid4"),
    ],
)
def test_the_rule_sees_the_clock_and_its_like_under_any_name(text: str, expected: str) -> None:
    assert any(f"uses {expected}" in sentence for sentence in wrong_ambience(parse("gatepost.store.x", text)))
    assert not list(wrong_ambience(parse("gatepost.settings.environment", text)))


def test_the_rule_sees_a_circle() -> None:
    circle = [parse("gatepost.store.a", "import gatepost.store.b"), parse("gatepost.store.b", "from .a import x")]

    assert cycles(circle) == ["gatepost.store.a -> gatepost.store.b -> gatepost.store.a"]
    assert cycles([circle[0], parse("gatepost.store.b", "def f():\n    from .a import x")]) == []
