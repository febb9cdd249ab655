"""Write docs/reference/ from the code: what a page there says is what the program does.

python tools/reference.py            write the pages
python tools/reference.py --check    say which are not current, and exit 1 if any is not
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from inspect import getdoc
from itertools import groupby
from pathlib import Path
from typing import Any, cast

import click
from fastapi import FastAPI
from starlette.routing import Route

from gatepost import Gatepost, errors
from gatepost.access import builtin_model
from gatepost.cli.commands import root
from gatepost.directory.permissions import PLATFORM_PERMISSIONS
from gatepost.directory.roles import BUILT_IN
from gatepost.server.app import create_app
from gatepost.server.edge import Edge
from gatepost.server.graphql import schema
from gatepost.settings import KeyDoc, reference

PAGES = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by tools/reference.py (make reference): change the code, not this page. -->"
MADE_SCHEMA = "# Made by tools/reference.py (make reference): change the code, not this file."
PROTOCOLS = ("/.well-known/", "/oauth2/", "/healthz", "/readyz", "/metrics", "/openapi.json", "/reference")
ACTIONS = ("view", "edit", "delete", "manage_access")
WITH_ERRORS = (errors.__name__, "gatepost.access.decision")

CONFIGURATION = """\
One TOML file (`--config`, else `GATEPOST_CONFIG`, else `./gatepost.toml`), and the environment over it. Lists and
tables in a variable are JSON. A secret is written in place, or as `{ env = "NAME" }` or `{ file = "PATH" }`. Whatever is
wrong is said at once, and stops the start: `gatepost config check FILE` says it beforehand."""
REST = """\
A running server shows this with every field's type at `/reference`, and as OpenAPI at `/openapi.json`. `?` marks what
may be left out. A request may carry `Gatepost-At-Least: REVISION` or `Gatepost-Consistency: higher`, and, with a
credential, `X-Gatepost-Role: NAME`. A field or parameter that an operation does not have is 422, but for
parameters that begin with `_`, which scripts add so that no cache answers."""
PERMISSIONS = """\
A role holds permissions, written `type:action`. On resources they count for every object of the type; `*` stands for
every resource type, or for every action. `*:view` opens every resource, and neither the directory nor the audit trail:
only `*:*` is everything. A token's scopes are written alike, and only ever narrow."""
ERRORS = """\
Over HTTP an error is `application/problem+json` (RFC 9457): `type`, `title`, `status`, `detail` and `code`, with
`errors` (each wrong field and what is allowed) on 422 and `items` (what stands in the way) on some 409. On `/oauth2` it
is RFC 6749's `error` and `error_description`. In Python it is the class, of `gatepost.errors` or `gatepost.access`."""
COMMANDS = """\
Exit codes: 0 done, or allowed; 1 denied, or a finding; 2 could not, with one sentence on standard error. `--json` is
for scripts. Which server: `--server` or `--context`, before the command or after it, else `GATEPOST_URL` or
`GATEPOST_CONTEXT`, else the context in use."""


def main() -> int:
    pages = {f"{name}.md": f"{MADE}\n\n{text.rstrip()}\n" for name, text in written().items()}
    pages["schema.graphql"] = f"{MADE_SCHEMA}\n\n{schema.text()}"
    if "--check" in sys.argv:
        old = [
            name for name, text in pages.items() if not (PAGES / name).exists() or (PAGES / name).read_text() != text
        ]
        for name in old:
            print(f"docs/reference/{name} is not current: make reference")
        return 1 if old else 0
    PAGES.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (PAGES / name).write_text(text)
    return 0


def written() -> dict[str, str]:
    """Every page by its name."""
    return {
        "configuration": configuration(),
        "rest": rest(),
        "permissions": permissions(),
        "errors": error_tree(),
        "cli": command_line(),
    }


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in lines)


def first_sentences(text: str | None) -> str:
    """The first paragraph of a docstring, on one line."""
    return re.sub(r"\s+", " ", (text or "").partition("\n\n")[0]).strip()


# -- configuration ------------------------------------------------------------------------------------------------------


def configuration() -> str:
    parts = [
        "# Configuration",
        CONFIGURATION,
    ]
    for section, keys in groupby(reference(), key=lambda key: key.key.rpartition(".")[0]):
        shown = re.sub(r"^(.*)\[\]$", r"[[\1]]", section) if section.endswith("[]") else f"[{section}]"
        head = ("key", "type and what is allowed", "default", "what it is")
        parts += [f"## `{shown}`", table(head, (_key_row(key) for key in keys))]
    return "\n\n".join(parts)


def _key_row(key: KeyDoc) -> tuple[str, ...]:
    name = f"`{key.key.rpartition('.')[2]}`" + (f"<br>`{key.variable}`" if key.variable else "")
    default = "**required**" if key.required else f"`{key.default}`" if key.default else ""
    return name, f"{key.type}: {key.allowed}", default, key.doc


# -- REST ---------------------------------------------------------------------------------------------------------------


def rest() -> str:
    with tempfile.TemporaryDirectory() as folder, Gatepost.open(f"sqlite:///{folder}/gatepost.db") as gate:
        app = cast("FastAPI", cast("Edge", create_app(gate)).app)
        document = app.openapi()
        others = sorted(_others(app))
    head = ("", "does", "takes", "answers")
    operations = [(o["tags"][0], m, p, o) for p, methods in document["paths"].items() for m, o in methods.items()]
    common = frozenset[str].intersection(*(frozenset(o["responses"]) for *_, o in operations))
    parts = [
        "# REST API",
        f"{REST} Every operation may also answer {', '.join(sorted(common))}, as a problem: see [errors](errors.md).",
    ]
    for tag in dict.fromkeys(tag for tag, *_ in operations):
        rows = (_operation(document, common, m, p, o) for t, m, p, o in operations if t == tag)
        parts += [f"## {tag}", table(head, rows)]
    parts += ["## Protocols, health and this reference", table(("", "does"), others)]
    return "\n\n".join(parts)


def _others(app: FastAPI) -> Iterator[tuple[str, str]]:
    for route in app.router.routes:
        if isinstance(route, Route) and route.path.startswith(PROTOCOLS):
            methods = ", ".join(sorted((route.methods or set()) - {"HEAD"}))
            does = (
                first_sentences(getdoc(route.endpoint)) if not route.path.startswith("/openapi") else "The description."
            )
            yield f"`{methods} {route.path}`", does


def _operation(
    document: dict[str, Any], common: frozenset[str], method: str, path: str, operation: dict[str, Any]
) -> tuple[str, ...]:
    given = operation.get("parameters", [])
    query = [f"?{p['name']}=" for p in given if p["in"] == "query"]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    takes = ([f"`{_fields(document, body)}`"] if body else []) + ([f"`{' '.join(query)}`"] if query else [])
    answers = []
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            schema = answer.get("content", {}).get("application/json", {}).get("schema")
            answers.append(status + (f" `{_fields(document, schema)}`" if schema else ""))
        elif status not in common:
            answers.append(status)
    return (
        f"`{method.upper()} {path}`",
        first_sentences(operation.get("description")),
        " ".join(takes),
        ", ".join(answers),
    )


def _fields(document: dict[str, Any], schema: dict[str, Any], depth: int = 2) -> str:
    """Write a schema as its members' names."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if schema.get("type") == "array":
        return f"[{_fields(document, schema['items'], depth)}]"
    if "properties" not in schema or depth == 0:
        return "…"
    needed = schema.get("required", ())
    is_body = schema.get("additionalProperties") is False
    members = []
    for name, of in schema["properties"].items():
        inner = f": {_fields(document, of, depth - 1)}" if of.get("type") == "array" and "$ref" in of["items"] else ""
        members.append(f"{name}{'?' if is_body and name not in needed else ''}{inner}")
    return "{" + ", ".join(members) + "}"


# -- permissions and errors ---------------------------------------------------------------------------------------------


def permissions() -> str:
    kinds = builtin_model().resource_types
    return "\n\n".join(
        [
            "# Permissions",
            PERMISSIONS,
            "## On resources",
            "Of the built-in model; a model of your own brings its own types and actions.",
            table(
                ("type", "permissions"),
                ((f"`{kind}`", " ".join(f"`{kind}:{action}`" for action in (*ACTIONS, "create"))) for kind in kinds),
            ),
            "## On the platform itself",
            table(("permission", "lets one"), ((f"`{name}`", says) for name, says in PLATFORM_PERMISSIONS.items())),
            "## Built-in roles",
            table(
                ("role", "permissions", "for"),
                ((f"`{n}`", " ".join(f"`{p}`" for p in held), says) for n, (says, held) in BUILT_IN.items()),
            ),
        ]
    )


def error_tree() -> str:
    rows = [
        (f"`{error.code}`", str(error.status), f"`{_imported_as(error)}`", first_sentences(getdoc(error)))
        for error in _below(errors.GatepostError)
    ]
    return "\n\n".join(
        [
            "# Errors",
            ERRORS,
            table(("code", "status", "class", "means"), sorted(set(rows), key=lambda row: (row[1], row[0]))),
            "`ConfigurationError` stops the start and never reaches HTTP; its `problems` are all that is wrong.",
        ]
    )


def _below(kind: type[errors.GatepostError]) -> Iterator[type[errors.GatepostError]]:
    for child in kind.__subclasses__():
        if child.__module__ in WITH_ERRORS:
            yield child
            yield from _below(child)


def _imported_as(error: type[errors.GatepostError]) -> str:
    return error.__name__ if error.__module__ == errors.__name__ else f"access.{error.__name__}"


# -- command line -------------------------------------------------------------------------------------------------------


def command_line() -> str:
    parts = [
        "# Command line",
        COMMANDS,
    ]
    for context, command in _commands(click.Context(root, info_name="gatepost")):
        formatter = click.HelpFormatter(width=100)
        command.format_options(context, formatter)
        usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
        said = first_sentences(command.help)
        parts += [f"## `{context.command_path}`", said, f"```text\n{usage}\n\n{formatter.getvalue().strip()}\n```"]
    return "\n\n".join(parts)


def _commands(context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    """Every command that does something, in the order of the help."""
    group = context.command
    if not isinstance(group, click.Group):
        yield context, group
        return
    for name in group.list_commands(context):
        command = cast("click.Command", group.get_command(context, name))
        yield from _commands(click.Context(command, info_name=name, parent=context))


if __name__ == "__main__":
    sys.exit(main())
