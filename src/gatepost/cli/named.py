"""What groups, roles and services have alike: they are listed, shown, made and deleted by name, and have holders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import click

from gatepost.cli.moment import expires_option
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client.call import Call

Build = Callable[..., Call[Any]]


def add_reading(group: click.Group, word: str, every: Build, one: Build, *columns: str) -> None:
    """`list` and `show`."""

    @group.command("list", help=f"List the {word}s.")
    @remote
    def list_all(at: Remote) -> None:
        at.table(every(), *columns)

    @group.command("show", help=f"Show one {word}.")
    @click.argument("name")
    @remote
    def show_one(at: Remote, name: str) -> None:
        at.card(one(name))


def add_describing(group: click.Group, word: str, create: Build, change: Build) -> None:
    """`create` and `edit`, for what has a name and a description and nothing else."""

    @group.command("create", help=f"Make a {word}.")
    @click.argument("name")
    @click.option("--description")
    @remote
    def create_one(at: Remote, name: str, description: str | None) -> None:
        at.done(create(name, description=description), f"made {word} {name}")

    @group.command("edit", help=f"Change a {word}'s description.")
    @click.argument("name")
    @click.option("--description", required=True)
    @remote
    def edit_one(at: Remote, name: str, description: str) -> None:
        at.done(change(name, description=description), f"changed {word} {name}")


def add_deleting(group: click.Group, word: str, delete: Build, what_goes: str) -> None:
    """`delete`; the help says what goes with it."""

    @group.command("delete", help=f"Delete a {word}{what_goes}")
    @click.argument("name")
    @yes_option
    @remote
    def delete_one(at: Remote, name: str, yes: bool) -> None:
        sure(f"delete {word} {name}", yes)
        at.done(delete(name), f"deleted {word} {name}")


@dataclass(frozen=True, slots=True)
class Change:
    """A command that gives or takes: its name, its call, its help, and the sentence that says it is done."""

    name: str
    build: Build
    help: str
    sentence: str


def add_holders(group: click.Group, name: str, every: Build, title: str, give: Change, take: Change) -> None:
    """The list of those who are in it or have it, giving, perhaps until a moment, and taking."""

    @group.command(name, help=title)
    @click.argument("name")
    @remote
    def list_holders(at: Remote, name: str) -> None:
        at.table(every(name), "subject", "origin", "author", "created_at", "expires_at")

    @group.command(give.name, help=give.help)
    @click.argument("name")
    @click.argument("subject")
    @expires_option
    @remote
    def give_it(at: Remote, name: str, subject: str, expires_at: datetime | None) -> None:
        at.done(give.build(name, subject, expires_at=expires_at), give.sentence.format(subject=subject, name=name))

    @group.command(take.name, help=take.help)
    @click.argument("name")
    @click.argument("subject")
    @remote
    def take_it(at: Remote, name: str, subject: str) -> None:
        at.done(take.build(name, subject), take.sentence.format(subject=subject, name=name))
