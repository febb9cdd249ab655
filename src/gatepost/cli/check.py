"""`gatepost check`: the one question, with its answer as the exit code."""

from __future__ import annotations

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests
from gatepost.client.errors import NotGatepost


@click.command()
@click.argument("subject")
@click.argument("action")
@click.argument("resource", required=False)
@click.option("--explain", is_flag=True, help="Say what decided.")
@remote
@click.pass_context
def check(context: click.Context, at: Remote, subject: str, action: str, resource: str | None, explain: bool) -> None:
    """Ask whether SUBJECT (user:alice, or `me`) may do ACTION to RESOURCE (collection:sales).

    Exit code 0: allowed; 1: denied; 2: could not tell, which is never a no.
    Without RESOURCE, the one in the server spec is meant.
    """
    named = resource or at.server.resource
    if named is None:
        raise click.UsageError("RESOURCE is missing, and the server spec names none")
    build = requests.explain if explain else requests.check
    answer = at.ask(build(None if subject == "me" else subject, action, named))
    allowed = answer.get("allowed") if isinstance(answer, dict) else None
    if not isinstance(allowed, bool):
        raise NotGatepost(f"{at.server.url} did not answer the question")
    if at.wants_json:
        show.as_json(answer)
    else:
        click.echo("allowed" if allowed else "denied")
        _explain(answer)
    context.exit(0 if allowed else 1)


def _explain(answer: dict[str, object]) -> None:
    """Say why in a sentence, then each step that led there, or what was tried and what would allow it."""
    if answer.get("sentence"):
        click.echo(f"  {show.text_of(answer['sentence'])}")
    for name, before in (("path", "because"), ("tried", "tried"), ("would_allow", "would allow it")):
        steps = answer.get(name)
        for step in steps if isinstance(steps, list) else []:
            wording = step.get("text") if isinstance(step, dict) else None
            click.echo(f"  {before}: {show.text_of(wording or step)}")
