"""`gatepost group`: groups and who is in them."""

from __future__ import annotations

from datetime import datetime

import click

from gatepost.cli.moment import expires_option
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests


@click.group("group")
def groups() -> None:
    """Groups and who is in them.  A SUBJECT is user:alice, service:etl or group:analysts#member."""


@groups.command("list")
@remote
def list_groups(at: Remote) -> None:
    """List the groups."""
    at.table(requests.groups(), "name", "origin", "description")


@groups.command("show")
@click.argument("name")
@remote
def show_group(at: Remote, name: str) -> None:
    """Show one group."""
    at.card(requests.group(name))


@groups.command("create")
@click.argument("name")
@click.option("--description")
@remote
def create_group(at: Remote, name: str, description: str | None) -> None:
    """Make a group."""
    at.done(requests.create_group(name, description=description), f"made group {name}")


@groups.command("edit")
@click.argument("name")
@click.option("--description", required=True)
@remote
def edit_group(at: Remote, name: str, description: str) -> None:
    """Change a group's description."""
    at.done(requests.change_group(name, description=description), f"changed group {name}")


@groups.command("delete")
@click.argument("name")
@yes_option
@remote
def delete_group(at: Remote, name: str, yes: bool) -> None:
    """Delete a group, with what it was granted."""
    sure(f"delete group {name}", yes)
    at.done(requests.delete_group(name), f"deleted group {name}")


@groups.command("members")
@click.argument("name")
@remote
def members(at: Remote, name: str) -> None:
    """List who is in a group, and who says so."""
    at.table(requests.members(name), "subject", "origin", "author", "created_at", "expires_at")


@groups.command("add")
@click.argument("name")
@click.argument("subject")
@expires_option
@remote
def add(at: Remote, name: str, subject: str, expires_at: datetime | None) -> None:
    """Put SUBJECT into a group."""
    at.done(requests.add_member(name, subject, expires_at=expires_at), f"{subject} is in group {name}")


@groups.command("remove")
@click.argument("name")
@click.argument("subject")
@remote
def remove(at: Remote, name: str, subject: str) -> None:
    """Take SUBJECT out of a group."""
    at.done(requests.remove_member(name, subject), f"{subject} is no longer in group {name}")
