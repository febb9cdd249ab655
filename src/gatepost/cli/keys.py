"""`gatepost keys`: the keys that sign tokens."""

from __future__ import annotations

import click

from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests


@click.group()
def keys() -> None:
    """The keys that sign tokens."""


@keys.command("list")
@remote
def list_keys(at: Remote) -> None:
    """List the keys: the one that signs, the next one and those that only verify."""
    at.table(requests.keys(), "kid", "algorithm", "state", "created_at", "activated_at", "retired_at")


@keys.command("rotate")
@yes_option
@remote
def rotate(at: Remote, yes: bool) -> None:
    """Let the published next key sign from now on, and publish another; what was signed stays valid."""
    sure("rotate the signing keys", yes)
    at.done(requests.rotate_keys(), "the next key signs from now on")
