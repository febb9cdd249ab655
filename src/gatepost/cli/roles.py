"""`gatepost role`: roles, their permissions and who has them."""

from __future__ import annotations

from datetime import datetime

import click

from gatepost.cli.moment import expires_option
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests

_PERMISSION = "type:action with * on either side; may be repeated."


@click.group("role")
def roles() -> None:
    """Roles, their permissions and who has them.  A SUBJECT is user:alice, service:etl or group:analysts#member."""


@roles.command("list")
@remote
def list_roles(at: Remote) -> None:
    """List the roles."""
    at.table(requests.roles(), "name", "permissions", "builtin", "description")


@roles.command("show")
@click.argument("name")
@remote
def show_role(at: Remote, name: str) -> None:
    """Show one role."""
    at.card(requests.role(name))


@roles.command("create")
@click.argument("name")
@click.option("--permission", "permissions", multiple=True, required=True, help=_PERMISSION)
@click.option("--description")
@remote
def create_role(at: Remote, name: str, permissions: tuple[str, ...], description: str | None) -> None:
    """Make a role."""
    at.done(requests.create_role(name, permissions=permissions, description=description), f"made role {name}")


@roles.command("edit")
@click.argument("name")
@click.option("--permission", "permissions", multiple=True, help=f"All that it then has: {_PERMISSION}")
@click.option("--description")
@remote
def edit_role(at: Remote, name: str, permissions: tuple[str, ...], description: str | None) -> None:
    """Change a role; what is not named stays."""
    call = requests.change_role(name, permissions=permissions or None, description=description)
    at.done(call, f"changed role {name}")


@roles.command("delete")
@click.argument("name")
@yes_option
@remote
def delete_role(at: Remote, name: str, yes: bool) -> None:
    """Delete a role; whoever had it has it no longer."""
    sure(f"delete role {name}", yes)
    at.done(requests.delete_role(name), f"deleted role {name}")


@roles.command("assignees")
@click.argument("name")
@remote
def assignees(at: Remote, name: str) -> None:
    """List who has a role, and who says so."""
    at.table(requests.assignees(name), "subject", "origin", "author", "created_at", "expires_at")


@roles.command("assign")
@click.argument("name")
@click.argument("subject")
@expires_option
@remote
def assign(at: Remote, name: str, subject: str, expires_at: datetime | None) -> None:
    """Give a role to SUBJECT."""
    at.done(requests.assign_role(name, subject, expires_at=expires_at), f"{subject} has role {name}")


@roles.command("unassign")
@click.argument("name")
@click.argument("subject")
@remote
def unassign(at: Remote, name: str, subject: str) -> None:
    """Take a role from SUBJECT."""
    at.done(requests.unassign_role(name, subject), f"{subject} no longer has role {name}")
