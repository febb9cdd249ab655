"""`gatepost provider`: identity providers."""

from __future__ import annotations

from urllib.parse import quote

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests


@click.group("provider")
def providers() -> None:
    """Identity providers."""


@providers.command("list")
@remote
def list_providers(at: Remote) -> None:
    """List the providers and delegated issuers and how each is doing."""
    at.table(requests.providers(), "name", "kind", "protocol", "issuer", "status", "message", "last_success_at")


@providers.command("look")
@click.argument("name")
@remote
def look_at(at: Remote, name: str) -> None:
    """Have the server ask a provider or delegated issuer now, and show how it is doing."""
    at.card(requests.look_at_provider(name))


@providers.command("options")
@remote
def options(at: Remote) -> None:
    """List what the sign-in page offers."""
    at.table(requests.sign_in_options(), "name", "display_name", "login_url")


@providers.command("try")
@click.argument("name")
@remote
def try_provider(at: Remote, name: str) -> None:
    """Print the address of a dry run: sign in there in a browser and see what would become of it."""
    address = f"{at.server.url}/oauth/{quote(name, safe='')}/login?try=true"
    if at.wants_json:
        show.as_json({"url": address})
    else:
        click.echo(address)
