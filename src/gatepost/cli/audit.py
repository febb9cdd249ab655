"""`gatepost audit`: who did what, and who let them."""

from __future__ import annotations

from itertools import islice

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests


@click.group()
def audit() -> None:
    """Who did what, and who let them."""


_FILTERS = "event, outcome, subject, target, issuer, since or until; may be repeated."
filters_option = click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help=_FILTERS)
_MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/jsonl"}


@audit.command("list")
@filters_option
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many records.")
@remote
def list_audit(at: Remote, filters: tuple[str, ...], limit: int) -> None:
    """List the newest records."""
    call = requests.audit(limit=min(limit, 100), filters=_named(filters))
    rows = list(islice(at.rows(call), limit))
    if at.wants_json:
        show.as_json(rows)
    else:
        show.as_table(rows, ("at", "event", "outcome", "subject", "actor", "target", "reason", "count", "detail"))


@audit.command("export")
@filters_option
@click.option("--format", "form", type=click.Choice(list(_MEDIA_TYPES)), default="jsonl", show_default=True)
@remote
def export(at: Remote, filters: tuple[str, ...], form: str) -> None:
    """Write the records to standard output, for a spreadsheet or another program.  With --json as JSON lines."""
    media_type = _MEDIA_TYPES["jsonl" if at.wants_json else form]
    click.echo(at.client.audit_export(media_type, filters=_named(filters)), nl=False)


def _named(filters: tuple[str, ...]) -> dict[str, str]:
    named = dict(text.partition("=")[::2] for text in filters)
    if not all(named.values()):
        raise click.UsageError("a filter is written NAME=VALUE")
    return named
