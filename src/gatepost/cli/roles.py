"""`gatepost role`: roles, their permissions and who has them."""

from __future__ import annotations

import click

from gatepost.cli.named import Change, add_deleting, add_holders, add_reading
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests

_PERMISSION = "type:action with * on either side; may be repeated."


@click.group("role")
def roles() -> None:
    """Roles, their permissions and who has them.  A SUBJECT is user:alice, service:etl or group:analysts#member."""


add_reading(roles, "role", requests.roles, requests.role, "name", "permissions", "builtin", "description")


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


add_deleting(roles, "role", requests.delete_role, "; whoever had it has it no longer.")
add_holders(
    roles,
    "assignees",
    requests.assignees,
    "List who has a role, and who says so.",
    Change("assign", requests.assign_role, "Give a role to SUBJECT.", "{subject} has role {name}"),
    Change("unassign", requests.unassign_role, "Take a role from SUBJECT.", "{subject} no longer has role {name}"),
)
