"""`gatepost login`, `logout` and `whoami`."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, ended, remote
from gatepost.cli.secret import read_secret, read_text, secret_option
from gatepost.client import oauth2, requests
from gatepost.client.credentials import Nobody, Password, Tokens
from gatepost.client.errors import ClientError, Misconfigured, Unreachable

if TYPE_CHECKING:
    from gatepost.client.answers import Me
    from gatepost.client.sync_client import Client

BROWSER, DEVICE, PASSWORD = "--browser", "--device", "--password"


@click.command()
@click.option(
    "--browser/--no-browser",
    default=None,
    help="In a browser on this computer; --no-browser prints the address and opens nothing.",
)
@click.option("--device", is_flag=True, help="In a browser on any computer, with a code that is typed there.")
@click.option("--username", help="With this name and a password; asked for if it is left out.")
@secret_option("--password", "With a password, which is asked for if none is given", may_ask=True)
@click.option("--scope", default="", metavar="SCOPE", help="What the sign-in may be used for at most: type:action ...")
@remote
def login(
    at: Remote, browser: bool | None, device: bool, username: str | None, password: str | None, scope: str
) -> None:
    """Sign in and keep the sign-in, in the keyring or in a file that only you can read.

    Without an option: in the browser where there is likely to be one, else with a code to type in a browser elsewhere.
    API tokens and service tokens need no sign-in: give them in GATEPOST_API_KEY.
    """
    from gatepost.client.sync_client import Client  # lazily, as everywhere in the command line

    if at.external:
        raise Misconfigured("GATEPOST_AUTH_MODE is external, where Gatepost is never asked for a token")
    way = _way(at, browser=browser, device=device, with_password=username is not None or password is not None)
    if way == PASSWORD and scope:
        raise click.UsageError("--scope narrows a sign-in through the browser, not one with a password")
    credential = _password(at, username, password) if way == PASSWORD else Nobody()
    with Client(replace(at.server, credential=credential), trust_env=True) as client:
        tokens = (
            client.sign_in() if way == PASSWORD else _through_browser(client, way, scope, opens=browser is not False)
        )
    who = _keep(at, tokens)
    if at.wants_json:
        show.as_json({"server": at.server.url, "username": who.username, "kind": who.kind})
    else:
        click.echo(f"signed in to {at.server.url} as {show.text_of(who.username)}")


def _keep(at: Remote, tokens: Tokens) -> Me:
    """Keep the sign-in, and say whose it is.  Where that cannot be done it is ended: nobody could sign out of it."""
    from gatepost.client.sync_client import Client  # lazily, as everywhere in the command line

    try:
        with Client(replace(at.server, credential=tokens), trust_env=True) as client:
            who = client.me()
        at.kept.sign_in(tokens)
    except Unreachable:
        raise  # nobody waits for one more request
    except (OSError, ClientError):
        with suppress(ClientError), Client(replace(at.server, credential=Nobody()), trust_env=True) as client:
            client.send(ended(tokens))
        raise
    return who


def _way(at: Remote, *, browser: bool | None, device: bool, with_password: bool) -> str:
    """Choose one of the three ways.  Raises `click.UsageError` for two at once, and where nobody is there to be asked."""
    from gatepost.cli.through_browser import is_browser_likely  # lazily, as everywhere in the command line

    given = [way for way, is_given in ((BROWSER, browser), (DEVICE, device), (PASSWORD, with_password)) if is_given]
    if len(given) > 1:
        raise click.UsageError(f"{' and '.join(given)} are different ways to sign in: choose one")
    if given:
        return given[0]
    if browser is False:
        return BROWSER
    if not isinstance(at.server.credential, Nobody):
        return PASSWORD
    if is_browser_likely(os.environ, sys.platform):
        return BROWSER
    if not sys.stdin.isatty():
        raise click.UsageError("nobody is here to be asked: give --device, --browser, or --username with --password -")
    return DEVICE


def _through_browser(client: Client, way: str, scope: str, *, opens: bool) -> Tokens:
    from gatepost.cli import through_browser  # lazily, as everywhere in the command line

    if way == DEVICE:
        return through_browser.on_a_device(client, scope=scope)
    return through_browser.in_browser(client, scope=scope, opens=opens)


def _password(at: Remote, username: str | None, password: str | None) -> Password:
    given = at.server.credential
    if isinstance(given, Password) and username in (None, given.username):
        return given
    if username is None and not isinstance(given, Nobody):
        raise Misconfigured("this credential is a token, which needs no sign-in")
    return Password(username or read_text("username"), read_secret(password, "password"))


@click.command()
@remote
def logout(at: Remote) -> None:
    """End the sign-in at the server, with its tokens, and forget it here."""
    from gatepost.client.sync_client import Client  # lazily, as everywhere in the command line

    tokens = at.kept.read()
    if tokens is None:
        raise Misconfigured(f"nobody is signed in to {at.server.url} here")
    try:
        # The sign-in is what ends, whatever other credential is given; and it ends also when it could not be renewed.
        with Client(replace(at.server, credential=Nobody()), trust_env=True) as client:
            client.send(oauth2.revoke_token(tokens.refresh_token or tokens.access_token))
    finally:
        at.kept.forget()
    if at.wants_json:
        show.as_json({"server": at.server.url})
    else:
        click.echo(f"signed out of {at.server.url}")


@click.command()
@remote
def whoami(at: Remote) -> None:
    """Say who the server takes you for, and how you proved it."""
    at.card(requests.me())
