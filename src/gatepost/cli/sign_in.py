"""`gatepost login`, `logout` and `whoami`."""

from __future__ import annotations

from dataclasses import replace

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.cli.secret import read_secret, read_text, secret_option
from gatepost.client import requests
from gatepost.client.credentials import Nobody, Password
from gatepost.client.errors import Misconfigured, SignInEnded
from gatepost.errors import InvalidToken, Unauthenticated


@click.command()
@click.option("--username", help="Whom to sign in; asked for if it is left out.")
@secret_option("--password", "The password; asked for if it is left out")
@remote
def login(at: Remote, username: str | None, password: str | None) -> None:
    """Sign in with a password and keep the sign-in, in the keyring or in a file that only you can read.

    API tokens and service tokens need no sign-in: give them in GATEPOST_API_KEY.
    """
    from gatepost.client.sync_client import Client  # lazily, as everywhere in the command line

    if at.external:
        raise Misconfigured("GATEPOST_AUTH_MODE is external, where Gatepost is never asked for a token")
    credential = _password(at, username, password)
    with Client(replace(at.server, credential=credential), trust_env=True) as client:
        tokens = client.sign_in()
        who = client.me()
    at.kept.sign_in(tokens)
    if at.wants_json:
        show.as_json({"server": at.server.url, "username": who.username, "kind": who.kind})
    else:
        click.echo(f"signed in to {at.server.url} as {who.username}")


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
        # The sign-in is what ends, whatever other credential is given.
        with Client(replace(at.server, credential=tokens), keeper=at.kept, trust_env=True) as client:
            client.logout()
    except (InvalidToken, Unauthenticated, SignInEnded):
        pass  # it was over already
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
