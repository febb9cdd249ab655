"""`gatepost doctor` asks whether the server is ready."""

from __future__ import annotations

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests
from gatepost.client.errors import Unavailable


@click.command()
@remote
@click.pass_context
def doctor(context: click.Context, at: Remote) -> None:
    """Ask the server whether it is ready.  Exit code 0: it is; 1: it says why not; 2: it could not be asked."""
    try:
        ready, answer = True, at.ask(requests.readiness())
    except Unavailable as error:
        ready, answer = False, dict(error.problem.members)
    if at.wants_json:
        show.as_json(answer)
    else:
        click.echo(f"{at.server.url} is {'ready' if ready else 'not ready'}")
        show.as_card(answer or {})
    context.exit(0 if ready else 1)
