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


@audit.command("list")
@click.option("--filter", "filters", multiple=True, metavar="NAME=VALUE", help="May be repeated.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="How many records.")
@remote
def list_audit(at: Remote, filters: tuple[str, ...], limit: int) -> None:
    """List the newest records."""
    call = requests.audit(limit=min(limit, 100), filters=_named(filters))
    rows = list(islice(at.rows(call), limit))
    if at.wants_json:
        show.as_json(rows)
    else:
        show.as_table(rows, ("at", "event", "outcome", "actor", "subject", "resource", "details"))


def _named(filters: tuple[str, ...]) -> dict[str, str]:
    named = dict(text.partition("=")[::2] for text in filters)
    if not all(named.values()):
        raise click.UsageError("a filter is written NAME=VALUE")
    return named
