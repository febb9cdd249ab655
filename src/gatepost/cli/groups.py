"""`gatepost group`: groups and who is in them."""

from __future__ import annotations

import click

from gatepost.cli.named import Change, add_deleting, add_describing, add_holders, add_reading
from gatepost.client import requests


@click.group("group")
def groups() -> None:
    """Groups and who is in them.  A SUBJECT is user:alice, service:etl or group:analysts#member."""


add_reading(groups, "group", requests.groups, requests.group, "name", "origin", "description")
add_describing(groups, "group", requests.create_group, requests.change_group)
add_deleting(groups, "group", requests.delete_group, ", with what it was granted.")
add_holders(
    groups,
    "members",
    requests.members,
    "List who is in a group, and who says so.",
    Change("add", requests.add_member, "Put SUBJECT into a group.", "{subject} is in group {name}"),
    Change("remove", requests.remove_member, "Take SUBJECT out of a group.", "{subject} is no longer in group {name}"),
)
