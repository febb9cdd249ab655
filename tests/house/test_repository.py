"""What every file of the repository keeps to, whatever it is about."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import ROOT, modules

PLACES = ("src", "tests", "tools", "benchmarks", "deploy", "docs", "frontend", "requirements", ".ci")
MADE = frozenset({"__pycache__", "node_modules", "vendor", ".venv"})
LONGEST = 400
LONGEST_OF_TESTS = 600  # a table of cases reads well where as much code would not
NOT_A_NOUN = frozenset({"utils", "util", "helpers", "helper", "manager", "managers", "base", "common", "misc", "stuff"})

# The names are put together here so that this file passes its own test.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("proxy", "golang", "org"),
        ("static", "crates", "io"),
        ("repo1", "maven", "org"),
        ("deb", "debian", "org"),
    )
)
MACHINE_PATH = re.compile(r"(?<![\w.~])/(?:work|root|home/\w+|Users/\w+)/")


@cache
def texts() -> tuple[tuple[Path, str], ...]:
    """Read every text file that is somebody's work: nothing that a build made."""
    candidates = [path for path in ROOT.iterdir() if path.is_file()]
    candidates += [path for place in PLACES for path in (ROOT / place).rglob("*") if path.is_file()]
    found = []
    for path in sorted(candidates):
        if not MADE.intersection(path.relative_to(ROOT).parts):
            try:
                found.append((path.relative_to(ROOT), path.read_text(encoding="utf-8")))
            except UnicodeDecodeError:
                continue
    return tuple(found)


def lines_with(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path}:{number}: {line.strip()[:100]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if pattern.search(line)
    ]


def test_the_rules_see_the_repository() -> None:
    names = {str(path) for path, _ in texts()}

    assert {
        "pyproject.toml",
        "Makefile",
        ".ci/run",
        "src/gatepost/errors.py",
        "tests/house/test_repository.py",
    } <= names


def test_no_path_of_somebodys_machine() -> None:
    assert lines_with(MACHINE_PATH) == []


@pytest.mark.parametrize(
    ("text", "bad"),
    [
        (" ".join(("cd", "/home" + "/ann/gatepost")), True),
        ("open('/" + "root/x')", True),
        ("https://gatepost.example/home/sales", False),
        ("GET /work", False),
        ("src/work/x", False),
    ],
)
def test_the_path_rule_tells_a_machine_from_an_address(text: str, bad: bool) -> None:
    assert bool(MACHINE_PATH.search(text)) is bad


def test_no_host_of_a_package_registry() -> None:
    assert lines_with(re.compile("|".join(map(re.escape, REGISTRY_HOSTS)))) == []


def test_no_private_key_or_token() -> None:
    assert (
        lines_with(re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----$|\bgh[pousr]_\w{36}\b|\bAKIA[0-9A-Z]{16}\b"))
        == []
    )


def test_files_say_their_noun() -> None:
    wrong = [str(module.path.relative_to(ROOT)) for module in modules() if module.path.stem in NOT_A_NOUN]

    assert wrong == []


def test_python_files_fit_in_a_head() -> None:
    long = {str(path): len(text.splitlines()) for path, text in texts() if path.suffix == ".py"}

    bound = {path: LONGEST_OF_TESTS if path.startswith("tests/") else LONGEST for path in long}
    assert {path: lines for path, lines in long.items() if lines > bound[path]} == {}


def test_every_module_says_what_it_is_for() -> None:
    silent = [module.name for module in modules() if module.tree.body and not ast.get_docstring(module.tree)]

    assert silent == []


def dead_links(path: Path, text: str) -> Iterator[str]:
    """Say each relative link of a Markdown file that leads nowhere, its `#heading` included."""
    without_code = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", without_code):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, heading = target.partition("#")
        linked = (ROOT / path.parent / name).resolve() if name else ROOT / path
        if not linked.exists():
            yield f"{path}: {target}"
        elif heading and linked.suffix == ".md" and heading not in headings(linked.read_text(encoding="utf-8")):
            yield f"{path}: {target} (no such heading)"


def headings(text: str) -> set[str]:
    """Make the anchors of a Markdown file's headings as code hosts do: lower case, spaces to hyphens."""
    found = re.findall(r"^#+ +(.+?) *$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in found}


def test_links_in_the_documents_lead_somewhere() -> None:
    assert [link for path, text in texts() if path.suffix == ".md" for link in dead_links(path, text)] == []


def test_the_link_rule_sees_a_dead_link() -> None:
    text = "[a](no-such-file.md) [b](README.md#no-such-heading) [c](LICENSE) `[d](in-code.md)` [e](https://x.example/y)"

    assert list(dead_links(Path("README.md"), text)) == [
        "README.md: no-such-file.md",
        "README.md: README.md#no-such-heading (no such heading)",
    ]


def test_every_decision_is_in_the_index() -> None:
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    decisions = [path.name for path in (ROOT / "docs/adr").glob("[0-9]*.md")]

    assert decisions
    assert [name for name in decisions if f"({name})" not in index] == []
