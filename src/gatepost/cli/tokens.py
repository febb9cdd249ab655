"""`gatepost token`, `service-token` and `session`: what was issued, and how it ends."""

from __future__ import annotations

from datetime import datetime

import click

from gatepost.cli.moment import expires_option
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests

owner_option = click.option("--owner", metavar="USERNAME", help="Whose, if not your own; * for everybody's.")
scope_option = click.option("--scope", "scopes", multiple=True, help="type:action; may be repeated; none is *:*.")


@click.group("token")
def tokens() -> None:
    """Your own API tokens."""


@tokens.command("list")
@owner_option
@remote
def list_tokens(at: Remote, owner: str | None) -> None:
    """List your API tokens, or somebody else's; their secrets are not kept."""
    at.table(requests.tokens(owner=owner), "id", "name", "owner", "scopes", "created_at", "expires_at", "last_used_at")


@tokens.command("create")
@click.argument("name")
@scope_option
@expires_option
@remote
def create_token(at: Remote, name: str, scopes: tuple[str, ...], expires_at: datetime | None) -> None:
    """Mint an API token.  Its secret is shown once; into a pipe goes the secret alone."""
    at.secret(requests.create_token(name, scopes=scopes or None, expires_at=expires_at))


@tokens.command("revoke")
@click.argument("identifier", metavar="ID")
@yes_option
@remote
def revoke_token(at: Remote, identifier: str, yes: bool) -> None:
    """End an API token, by its id."""
    sure(f"revoke token {identifier}", yes)
    at.done(requests.revoke_token(identifier), f"revoked token {identifier}")


@click.group("service-token")
def service_tokens() -> None:
    """Tokens of services."""


@service_tokens.command("list")
@click.option("--service", help="Of this service only.")
@remote
def list_service_tokens(at: Remote, service: str | None) -> None:
    """List the tokens of services; their secrets are not kept."""
    at.table(
        requests.service_tokens(service=service),
        "id",
        "name",
        "owner",
        "role",
        "issuer",
        "scopes",
        "expires_at",
        "last_used_at",
    )


@service_tokens.command("create")
@click.argument("name")
@click.option("--role", required=True, help="The service's role.")
@scope_option
@expires_option
@remote
def create_service_token(
    at: Remote, name: str, role: str, scopes: tuple[str, ...], expires_at: datetime | None
) -> None:
    """Mint a token for service NAME, which is made if it is new.  The secret is shown once."""
    at.secret(requests.create_service_token(name, role=role, scopes=scopes or None, expires_at=expires_at))


@service_tokens.command("revoke")
@click.argument("identifier", metavar="ID")
@yes_option
@remote
def revoke_service_token(at: Remote, identifier: str, yes: bool) -> None:
    """End a service token, by its id."""
    sure(f"revoke service token {identifier}", yes)
    at.done(requests.revoke_service_token(identifier), f"revoked service token {identifier}")


@click.group("session")
def sessions() -> None:
    """Your sign-ins, here and elsewhere."""


@sessions.command("list")
@owner_option
@remote
def list_sessions(at: Remote, owner: str | None) -> None:
    """List your sessions, or somebody else's."""
    columns = ("id", "subject", "method", "provider", "address", "created_at", "last_seen_at", "expires_at", "current")
    at.table(requests.sessions(owner=owner), *columns)


@sessions.command("revoke")
@click.argument("identifier", metavar="ID")
@yes_option
@remote
def revoke_session(at: Remote, identifier: str, yes: bool) -> None:
    """End a session and its tokens, by its id."""
    sure(f"revoke session {identifier}", yes)
    at.done(requests.revoke_session(identifier), f"revoked session {identifier}")
