"""OpenFGA's own suites: the cases that its module carries for check and both lists, read from where Go keeps it.

Nothing of them is in this repository: they are read from the module that `make .cache/peers/openfga.made` built.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.peers.programs import CACHE, made

SOURCE = Path(__file__).parent / "openfga"
MODULE = "github.com/openfga/openfga"
FILES = ("consolidated_1_1_tests.yaml", "abac_tests.yaml")
CODES = {
    2000: "validation_error",
    2002: "authorization_model_resolution_too_complex",
    2021: "type_not_found",
    2022: "relation_not_found",
    2027: "invalid_tuple",
}
MOST_CONTEXTUAL = 100

Json = dict[str, Any]


@dataclass(frozen=True)
class Stage:
    """One model, the tuples that are written under it, and what is then asked."""

    model: str
    tuples: list[Json]
    asked: list[Asked]


@dataclass(frozen=True)
class Asked:
    """One question: to `check`, `list-objects` or `list-users`, what is expected, or the number of an error."""

    verb: str
    body: Json
    contextual: list[Json]
    context: Json | None
    expected: Any
    error: int

    @property
    def code(self) -> str:
        return CODES[self.error] if self.error else ""


@dataclass(frozen=True)
class Case:
    name: str
    stages: list[Stage]


def names() -> list[str]:
    """The names of the cases; one that says what is missing where the module is not on this machine."""
    return list(cases()) or ["OpenFGA is not on this machine"]


def may_be_contextual(name: str) -> bool:
    """OpenFGA asks a case of one stage a second time, with its tuples beside the question instead of stored."""
    case = cases().get(name)
    if case is None:
        return True
    return len(case.stages) == 1 and all(len(stage.tuples) <= MOST_CONTEXTUAL for stage in case.stages)


def case_of(name: str) -> Case:
    """Skips where OpenFGA was not built, and fails where it was and its cases are not found."""
    made("openfga")
    found = cases().get(name)
    if found is None:
        pytest.fail("OpenFGA was built, and its module is not where Go keeps modules")
    return found


@cache
def cases() -> Mapping[str, Case]:
    folder = module_folder()
    if folder is None:
        return {}
    found: dict[str, Case] = {}
    for file in FILES:
        for each in yaml.safe_load((folder / "assets/tests" / file).read_text("utf-8"))["tests"]:
            name = each["name"] if each["name"] not in found else f"{each['name']}, again"
            found[name] = Case(name, list(_stages(each)))
    return found


@cache
def module_folder() -> Path | None:
    """Where Go keeps OpenFGA's module, asked of the machine's Go or of the wheel that tools/peers.py brings."""
    if not (CACHE / "openfga.made").exists():
        return None
    environment = {**os.environ, "GOTOOLCHAIN": "local", "GOPROXY": "off"}  # it is there, or it is not
    command = ("list", "-m", "-f", "{{.Dir}}", MODULE)
    for go in (shutil.which("go"), shutil.which("go", path=str(Path(sys.executable).parent))):
        if go is not None:
            done = subprocess.run(
                [go, *command], cwd=SOURCE, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode == 0 and done.stdout.strip():
                return Path(done.stdout.strip())
    return None


def _stages(case: Json) -> Iterator[Stage]:
    for stage in case["stages"]:
        asked = [
            *_asked("check", stage.get("checkAssertions"), "tuple"),
            *_asked("list-objects", stage.get("listObjectsAssertions"), "request"),
            *_asked("list-users", stage.get("listUsersAssertions"), "request"),
        ]
        yield Stage(stage["model"], stage.get("tuples") or [], asked)


def _asked(verb: str, assertions: list[Json] | None, member: str) -> Iterator[Asked]:
    for each in assertions or ():
        wanted = bool(each.get("expectation")) if verb == "check" else sorted(each.get("expectation") or [])
        contextual = each.get("contextualTuples") or []
        body = dict(each.get(member) or {})
        if verb != "check" and body.pop("expectation", None):
            wanted = []  # written one step too deep, where OpenFGA's own reader passes over it too
        yield Asked(verb, body, contextual, each.get("context"), wanted, each.get("errorCode") or 0)
