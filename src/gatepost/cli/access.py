"""`gatepost access`: who has what on a resource."""

from __future__ import annotations

from datetime import datetime

import click

from gatepost.cli.moment import expires_option
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests


@click.group()
def access() -> None:
    """Who has what on a RESOURCE (collection:sales).

    A SUBJECT is user:alice, service:etl, group:analysts#member, or everyone of a kind: user:*, service:*, anonymous:*.
    """


@access.command("list")
@click.argument("resource", required=False)
@remote
def list_access(at: Remote, resource: str | None) -> None:
    """List who has what, and who gave it."""
    named = resource or at.server.resource
    if named is None:
        raise click.UsageError("RESOURCE is missing, and the server spec names none")
    at.table(requests.access(named), "subject", "relation", "origin", "author", "expires_at", "inherited_from", "why")


@access.command("grant")
@click.argument("resource")
@click.argument("relation")
@click.argument("subject")
@expires_option
@remote
def grant(at: Remote, resource: str, relation: str, subject: str, expires_at: datetime | None) -> None:
    """Give SUBJECT a RELATION (viewer, editor, owner) to RESOURCE."""
    at.done(
        requests.grant(resource, relation, subject, expires_at=expires_at), f"{subject} is {relation} of {resource}"
    )


@access.command("revoke")
@click.argument("resource")
@click.argument("relation")
@click.argument("subject")
@remote
def revoke(at: Remote, resource: str, relation: str, subject: str) -> None:
    """Take it away again."""
    at.done(requests.revoke(resource, relation, subject), f"{subject} is no longer {relation} of {resource}")
