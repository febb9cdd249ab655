"""`gatepost provider try`: a dry run in the browser, and its result in the terminal.

The page at the end shows the result, and sends it here when the person says so: as a form to this computer's own port,
so that no claim stands in an address, and nothing is kept at the server in between.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import click

from gatepost.cli import show
from gatepost.cli.loopback import Answer, Loopback
from gatepost.cli.through_browser import PATIENCE, new_secret, open_in_browser
from gatepost.client.errors import NotGatepost

PASSED, FAILED = "passed", "failed"
Result = Mapping[str, Any]


def require_provider(there: Collection[str], provider: str) -> None:
    """Raise `ClickException` if the server has no such provider: an address that leads nowhere is no answer."""
    if provider not in there:
        known = f"there are {', '.join(map(show.text_of, sorted(there)))}" if there else "none is configured"
        raise click.ClickException(f"there is no provider {show.text_of(provider)}: {known}")


def address_of(server: str, provider: str) -> str:
    """Where a browser begins the dry run."""
    return f"{server}/oauth/{quote(provider, safe='')}/login?try=true"


def in_browser(server: str, provider: str) -> Result:
    """Open the dry run in a browser on this computer, and return its result when the person sends it.

    Raises `SignInRefused` if nobody does, `NotGatepost` for what is no result.
    """
    state = new_secret()
    with Loopback(state, method="POST") as loopback:
        port = str(urlsplit(loopback.redirect_uri).port)
        url = f"{address_of(server, provider)}&{urlencode({'terminal': port, 'terminal_state': state})}"
        click.echo(f"Sign in at this address, in a browser on this computer:\n\n  {show.text_of(url)}\n", err=True)
        click.echo("and press “Send it to the terminal” on the page at the end.", err=True)
        open_in_browser(url)
        return read_result(loopback.wait(PATIENCE))


def read_result(answer: Answer) -> Result:
    """Read what the page sent.  Raises `NotGatepost` for anything else."""
    try:
        result = json.loads(answer.get("result", ""))
    except ValueError as error:
        raise NotGatepost("what the browser sent is no result of a dry run") from error
    if not isinstance(result, dict) or not isinstance(result.get("steps"), list):
        raise NotGatepost("what the browser sent is no result of a dry run")
    return result


def has_failed(result: Result) -> bool:
    """Whether a check failed, by the checks themselves."""
    return any(step.get("came") == FAILED for step in _rows(result, "steps"))


def show_result(result: Result) -> None:
    """Print the checks, the person that would result, and the claims."""
    steps = [
        {"check": step.get("name"), "came": _words(step.get("came")), "said": step.get("said")}
        for step in _rows(result, "steps")
    ]
    show.as_table(steps, ("check", "came", "said"))
    click.echo()
    card: dict[str, object] = {name: result.get(name) for name in ("username", "display_name", "email", "account")}
    for kind in ("groups", "roles"):
        resulting = result.get(kind)
        for name, value in (resulting if isinstance(resulting, dict) else {}).items():
            card[kind if name == "names" else f"{kind} {name}"] = value
    card["notes"] = result.get("notes")
    show.as_card({name: value for name, value in card.items() if value})
    click.echo()
    show.as_table(_rows(result, "claims"), ("name", "value", "source"))


def _rows(result: Result, name: str) -> list[Mapping[str, Any]]:
    rows = result.get(name)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _words(came: object) -> str:
    return str(came).replace("_", " ")
