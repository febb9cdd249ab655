"""`gatepost service`: machines that call."""

from __future__ import annotations

import click

from gatepost.cli.named import add_deleting, add_describing, add_reading
from gatepost.client import requests


@click.group("service")
def services() -> None:
    """Machines that call."""


add_reading(services, "service", requests.services, requests.service, "name", "role", "description")
add_describing(services, "service", requests.create_service, requests.change_service)
add_deleting(services, "service", requests.delete_service, ", with its tokens and what it was granted.")
