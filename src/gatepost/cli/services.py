"""`gatepost service`: machines that call."""

from __future__ import annotations

import click

from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests


@click.group("service")
def services() -> None:
    """Machines that call."""


@services.command("list")
@remote
def list_services(at: Remote) -> None:
    """List the services."""
    at.table(requests.services(), "name", "role", "description")


@services.command("show")
@click.argument("name")
@remote
def show_service(at: Remote, name: str) -> None:
    """Show one service."""
    at.card(requests.service(name))


@services.command("create")
@click.argument("name")
@click.option("--description")
@remote
def create_service(at: Remote, name: str, description: str | None) -> None:
    """Make a service."""
    at.done(requests.create_service(name, description=description), f"made service {name}")


@services.command("edit")
@click.argument("name")
@click.option("--description", required=True)
@remote
def edit_service(at: Remote, name: str, description: str) -> None:
    """Change a service's description."""
    at.done(requests.change_service(name, description=description), f"changed service {name}")


@services.command("delete")
@click.argument("name")
@yes_option
@remote
def delete_service(at: Remote, name: str, yes: bool) -> None:
    """Delete a service, with its tokens and what it was granted."""
    sure(f"delete service {name}", yes)
    at.done(requests.delete_service(name), f"deleted service {name}")
