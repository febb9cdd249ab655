"""`gatepost context`: servers by name."""

from __future__ import annotations

import os

import click

from gatepost.cli import show
from gatepost.cli.contexts import Contexts
from gatepost.cli.kept import directory
from gatepost.cli.secret import line_from_stdin
from gatepost.client.environment import is_external
from gatepost.client.server import parse_server

json_option = click.option("--json", "wants_json", is_flag=True, help="Answer in JSON.")


def _contexts() -> Contexts:
    return Contexts(directory(os.environ))


@click.group("context")
def contexts() -> None:
    """Servers by name.  A command takes one with --context NAME or GATEPOST_CONTEXT, else the one in use."""


@contexts.command("list")
@json_option
def list_contexts(wants_json: bool) -> None:
    """List the contexts and say which one is in use."""
    current = _contexts().current
    rows = [
        {"name": each.name, "server": each.url, "resource": each.resource, "username": each.username or None}
        | {"current": each.name == current}
        for each in _contexts().all()
    ]
    if wants_json:
        show.as_json(rows)
    else:
        show.as_table(rows, ("current", "name", "server", "username", "resource"))


@contexts.command("add")
@click.argument("name")
@click.argument("spec")
@json_option
def add(name: str, spec: str, wants_json: bool) -> None:
    """Keep a server under a NAME; the first one is in use at once.

    SPEC is a URL or host:port[s][/type:id].  With user:secret@ before it, it comes from standard input: give - then.
    """
    from_stdin = spec == "-"
    server = parse_server(line_from_stdin("SPEC") if from_stdin else spec, external=is_external(os.environ))
    if not from_stdin and not server.is_anonymous:
        raise click.UsageError(
            "a secret on the command line can be read by others: write - for SPEC and give it on standard input"
        )
    _contexts().add(name, server)
    _say({"name": name, "server": server.url}, f"context {name} is {server.url}", wants_json)


@contexts.command("use")
@click.argument("name")
@json_option
def use(name: str, wants_json: bool) -> None:
    """Have commands speak with this server when none is named."""
    found = _contexts().use(name)
    _say({"name": name, "server": found.url}, f"commands speak with {found.url} now", wants_json)


@contexts.command("remove")
@click.argument("name")
@json_option
def remove(name: str, wants_json: bool) -> None:
    """Forget a context, its credential and its sign-in here; `logout` ends that sign-in at the server too."""
    _contexts().remove(name)
    _say({"name": name}, f"forgot context {name}", wants_json)


@contexts.command("current")
@json_option
@click.pass_context
def current(ctx: click.Context, wants_json: bool) -> None:
    """Print the name of the context in use.  Exit code 1 if there is none."""
    name = os.environ.get("GATEPOST_CONTEXT") or _contexts().current
    if wants_json:
        show.as_json({"name": name})
    elif name:
        click.echo(name)
    ctx.exit(0 if name else 1)


def _say(value: dict[str, str], sentence: str, wants_json: bool) -> None:
    if wants_json:
        show.as_json(value)
    else:
        click.echo(sentence)
