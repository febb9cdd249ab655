"""`gatepost provider`: identity providers."""

from __future__ import annotations

import os
import sys

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
@click.option(
    "--browser/--no-browser",
    default=None,
    help="Open a browser on this computer and wait for the result, or print the address of the dry run and be done.",
)
@remote
def try_provider(at: Remote, name: str, browser: bool | None) -> None:
    """Sign in at a provider without signing in here, and see what would become of it.

    Shows each check, the claims, and the username, groups and roles that would result. What is known of accounts is
    shown where the browser is signed in as somebody who may see it. Exits with 1 if a check failed.
    """
    from gatepost.cli import dry_run, through_browser  # lazily, as everywhere in the command line

    dry_run.require_provider([each.name for each in at.client.all(requests.sign_in_options())], name)
    if browser is None:
        browser = through_browser.is_browser_likely(os.environ, sys.platform)
    if not browser:
        address = dry_run.address_of(at.server.url, name)
        if at.wants_json:
            show.as_json({"url": address})
        else:
            click.echo(address)
        return
    result = dry_run.in_browser(at.server.url, name)
    (show.as_json if at.wants_json else dry_run.show_result)(result)
    if dry_run.has_failed(result):
        sys.exit(1)
