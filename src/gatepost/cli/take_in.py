"""`gatepost import`: what `export` wrote, an item at a time, and nothing twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from gatepost.cli import show
from gatepost.cli.portable import KINDS, Item, Progress, Row
from gatepost.cli.portable_file import LARGEST, STDIN, read_items
from gatepost.cli.remote import Remote, remote
from gatepost.cli.stdin import text_from_stdin
from gatepost.client import requests
from gatepost.client.errors import (
    AlreadyExists,
    Forbidden,
    InvalidToken,
    NotFound,
    Refused,
    ServerFailed,
    Throttled,
    Unauthenticated,
    Unavailable,
)

if TYPE_CHECKING:
    from gatepost.client.sync_client import Client

# After one of these the next item would fare no better.
HOPELESS = (InvalidToken, ServerFailed, Throttled, Unauthenticated, Unavailable)
MADE, THERE, FAILED = "made", "there", "failed"
Holders = set[tuple[str, str, datetime | None]]


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--kind", type=click.Choice(list(KINDS)), help="What the CSV files hold, if their names do not say it.")
@click.option("--dry-run", is_flag=True, help="Change nothing: say what would be made.")
@remote
@click.pass_context
def take_in(ctx: click.Context, at: Remote, files: tuple[str, ...], kind: str | None, dry_run: bool) -> None:
    """Make what files hold and is not there yet: JSON, or CSV named after its kind (users.csv); - is standard input.

    What is there already is said, and left as it is.  People come without passwords.  Exit code 0: all is there now;
    1: some items could not be made, each named with its line; 2: a file does not parse, or the server cannot be had.
    """
    if files.count(STDIN) > 1:
        raise click.UsageError("standard input can be read once")
    items = read_items(files, text_from_stdin(LARGEST) if STDIN in files else "", kind)
    progress = Progress(len(items))
    said: list[dict[str, object]] = []
    there = There(at.client)
    try:
        for item in items:
            progress.step("importing")
            said.append(_one(at.client, there, item, dry_run=dry_run))
    finally:
        progress.end()
        _tell(said, wants_json=at.wants_json, dry_run=dry_run)
    ctx.exit(1 if any(each["outcome"] == FAILED for each in said) else 0)


def _one(client: Client, there: There, item: Item, *, dry_run: bool) -> dict[str, object]:
    """Do one item.  Raises what would keep every other one from being done too."""
    told: dict[str, object] = {"where": item.where, "kind": item.kind, "item": str(item)}
    try:
        if there.has(item):
            return {**told, "outcome": THERE}
        if not dry_run:
            MAKERS[item.kind](client, item.row)
            there.made(item)
    except AlreadyExists:
        return {**told, "outcome": THERE}
    except HOPELESS:
        raise
    except Refused as error:
        return {**told, "outcome": FAILED, "error": str(error)}
    return {**told, "outcome": MADE}


def _tell(said: list[dict[str, object]], *, wants_json: bool, dry_run: bool) -> None:
    counts = Counter(each["outcome"] for each in said)
    if wants_json:
        show.as_json({"dry_run": dry_run, **{name: counts[name] for name in (MADE, THERE, FAILED)}, "items": said})
        return
    for each in said:
        name = show.text_of(each["item"])
        if each["outcome"] == FAILED:
            click.echo(f"gatepost: {each['where']}: {name}: {show.text_of(each['error'])}", err=True)
        else:
            click.echo(f"+ {name}" if each["outcome"] == MADE else f"= {name} (there already)")
    made = "to make" if dry_run else "made"
    click.echo(f"{counts[MADE]} {made}, {counts[THERE]} there already, {counts[FAILED]} failed")


@dataclass
class There:
    """What the server has already, asked for when it is first needed."""

    client: Client
    held: dict[tuple[str, str], Holders] = field(default_factory=dict)

    def has(self, item: Item) -> bool:
        row = item.row
        match item.kind:
            case "users":
                return self._answers(requests.user(row["username"]))
            case "services":
                return self._answers(requests.service(row["name"]))
            case "groups":
                return self._answers(requests.group(row["name"]))
            case "roles":
                return self._answers(requests.role(row["name"]))
            case "resources":
                return self._answers(requests.resource(row["resource"]))
        return _holding(item) in self._holders(item)

    def made(self, item: Item) -> None:
        """Remember what was made, for a row that stands twice."""
        if item.kind in ("members", "assignees", "grants"):
            self._holders(item).add(_holding(item))

    def _answers(self, call: Any) -> bool:
        try:
            self.client.send(call)
        except (NotFound, Forbidden):
            return False  # whether it may be made is for the server to say
        return True

    def _holders(self, item: Item) -> Holders:
        key = (item.kind, item.row[KINDS[item.kind][0]])
        if key not in self.held:
            call: Any = {"members": requests.members, "assignees": requests.assignees, "grants": requests.access}
            try:
                rows: Iterable[Any] = list(self.client.all(call[item.kind](key[1], limit=500)))
            except (NotFound, Forbidden):
                rows = ()
            self.held[key] = {
                (getattr(row, "relation", ""), row.subject, row.expires_at)
                for row in rows
                if not getattr(row, "inherited_from", "")
            }
        return self.held[key]


def _holding(item: Item) -> tuple[str, str, datetime | None]:
    return item.row.get("relation", ""), _subject(item.row["subject"]), _until(item.row)


def _subject(text: str) -> str:
    """Whoever writes `group:analysts` means its members."""
    kind, _, name = text.partition(":")
    meant = {"group": "member", "role": "assignee"}.get(kind)
    if kind == "user":
        return text.lower()
    return f"{text}#{meant}" if meant and "#" not in name else text


def _until(row: Row) -> datetime | None:
    return datetime.fromisoformat(row["expires_at"]) if row.get("expires_at") else None


def _make_user(client: Client, row: Row) -> None:
    """Make somebody.  Who shall be disabled and cannot be is not left behind enabled."""
    told = {name: row.get(name) for name in ("display_name", "email", "external")}
    client.send(requests.create_user(row["username"], **told))
    if not row.get("disabled"):
        return
    try:
        client.send(requests.change_user(row["username"], disabled=True))
    except Exception:
        client.send(requests.delete_user(row["username"]))
        raise


def _make_role(client: Client, row: Row) -> None:
    call = requests.create_role(
        row["name"], permissions=row.get("permissions") or (), description=row.get("description")
    )
    client.send(call)


def _make_resource(client: Client, row: Row) -> None:
    call = requests.create_resource(
        row["resource"], display_name=row.get("display_name"), parent=row.get("parent") or None
    )
    client.send(call)


def _make_grant(client: Client, row: Row) -> None:
    client.send(requests.grant(row["resource"], row["relation"], row["subject"], expires_at=_until(row)))


MAKERS: dict[str, Callable[[Client, Row], object]] = {
    "users": _make_user,
    "services": lambda c, row: c.send(requests.create_service(row["name"], description=row.get("description"))),
    "groups": lambda c, row: c.send(requests.create_group(row["name"], description=row.get("description"))),
    "roles": _make_role,
    "resources": _make_resource,
    "members": lambda c, row: c.send(requests.add_member(row["group"], row["subject"], expires_at=_until(row))),
    "assignees": lambda c, row: c.send(requests.assign_role(row["role"], row["subject"], expires_at=_until(row))),
    "grants": _make_grant,
}
