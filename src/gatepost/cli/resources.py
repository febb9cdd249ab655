"""`gatepost resource`: what there is to share."""

from __future__ import annotations

import click

from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests


@click.group("resource")
def resources() -> None:
    """Collections, datasets and what else there is to share, written type:id."""


@resources.command("list")
@click.option("--type", "kind", help="Of this type only.")
@remote
def list_resources(at: Remote, kind: str | None) -> None:
    """List what you can view."""
    at.table(requests.resources(type=kind), "type", "id", "display_name", "parent")


@resources.command("show")
@click.argument("resource")
@remote
def show_resource(at: Remote, resource: str) -> None:
    """Show one resource."""
    at.card(requests.resource(resource))


@resources.command("create")
@click.argument("resource")
@click.option("--display-name")
@click.option("--parent", metavar="RESOURCE", help="What it is in; that takes `edit` there.")
@remote
def create_resource(at: Remote, resource: str, display_name: str | None, parent: str | None) -> None:
    """Make a resource; you are its owner."""
    call = requests.create_resource(resource, display_name=display_name, parent=parent)
    at.done(call, f"made {resource}")


@resources.command("edit")
@click.argument("resource")
@click.option("--display-name")
@click.option("--parent", metavar="RESOURCE", help="Where to move it; an empty one is none.")
@remote
def edit_resource(at: Remote, resource: str, display_name: str | None, parent: str | None) -> None:
    """Change a resource; what is not named stays."""
    at.done(requests.change_resource(resource, display_name=display_name, parent=parent), f"changed {resource}")


@resources.command("delete")
@click.argument("resource")
@yes_option
@remote
def delete_resource(at: Remote, resource: str, yes: bool) -> None:
    """Delete a resource, with every share of it."""
    sure(f"delete {resource}", yes)
    at.done(requests.delete_resource(resource), f"deleted {resource}")
