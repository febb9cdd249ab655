"""`gatepost doctor` says what is wrong with a server, or with a configuration before there is one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests
from gatepost.client.errors import Forbidden, NotFound, Unauthenticated, Unavailable
from gatepost.errors import ConfigurationError

FAIL = "fail"
NOT_ASKED = "sign in as an administrator to have the database, the keys and the providers examined"


@click.command()
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Examine this configuration, without a server: nothing is started or changed.",
)
@remote
@click.pass_context
def doctor(context: click.Context, at: Remote, config: Path | None) -> None:
    """Examine the database, the signing keys, each provider's discovery and keys, and the clocks.

    Exit code 0: nothing is wrong, or only to be warned of; 1: something is; 2: the server could not be asked.
    """
    if config is not None:
        context.exit(_shown(at, _of_configuration(config)))
    try:
        ready = at.ask(requests.readiness())
    except Unavailable as error:
        if at.wants_json:
            show.as_json(dict(error.problem.members))
        else:
            click.echo(f"{at.server.url} is not ready")
            show.as_card(dict(error.problem.members))
        context.exit(1)
    revision = ready.get("revision") if isinstance(ready, dict) else None
    checks = [_line("server", "ok", f"ready{f' at revision {revision}' if revision else ''}")]
    try:
        checks += at.ask(requests.examine())["checks"]
    except (Unauthenticated, Forbidden, NotFound):
        checks.append(_line("examination", "warn", NOT_ASKED))
    context.exit(_shown(at, checks))


def _of_configuration(file: Path) -> list[dict[str, Any]]:
    # Only this way of asking needs the settings, the database and the providers' side of sign-in.
    from gatepost.doctor import examine_configuration
    from gatepost.gate import Dice
    from gatepost.settings import load

    try:
        settings = load(file, os.environ)
    except ConfigurationError as error:
        return [_line("configuration", FAIL, problem) for problem in error.problems]
    return [_line(check.name, check.status.value, check.message) for check in examine_configuration(settings, Dice())]


def _line(name: str, status: str, message: str) -> dict[str, Any]:
    return {"name": name, "status": status, "message": message}


def _shown(at: Remote, checks: Sequence[dict[str, Any]]) -> int:
    """Print a line for each check, and return the exit code."""
    order = ("ok", "warn", FAIL)
    worst = max((check["status"] for check in checks), key=order.index, default="ok")
    if at.wants_json:
        show.as_json({"status": worst, "checks": list(checks)})
    else:
        show.as_table(checks, ("status", "name", "message"))
    return 1 if worst == FAIL else 0
