"""`gatepost export`: users, groups, roles, services, resources and grants as one JSON document, or CSV, a kind a file."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.cli import show
from gatepost.cli.portable import KINDS, Progress, Row, nested, to_csv
from gatepost.cli.remote import Remote, remote
from gatepost.client import requests

if TYPE_CHECKING:
    from gatepost.client.answers import Grant, Membership
    from gatepost.client.sync_client import Client

FROM_ELSEWHERE = ("sso:", "scim")


@click.command()
@click.option("--format", "form", type=click.Choice(["json", "csv"]), default="json", show_default=True)
@click.option("--kind", "kinds", type=click.Choice(list(KINDS)), multiple=True, help="May be repeated; none is all.")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="A file that only you can read; for CSV a folder."
)
@remote
def export(at: Remote, form: str, kinds: tuple[str, ...], output: Path | None) -> None:
    """Write what you can see as JSON or CSV: for `gatepost import`, for a spreadsheet, or as a copy.

    Passwords, tokens and what a provider vouches for are not in it.  CSV to standard output takes one --kind.
    """
    wanted = kinds or tuple(KINDS)
    if form == "csv" and output is None and len(wanted) != 1:
        raise click.UsageError("CSV has one kind in a file: give one --kind, or a folder with --output")
    rows = _read(at.client, wanted)
    if form == "csv":
        counts = _write_csv(rows, output)
    else:
        text = json.dumps(nested(rows), indent=2, ensure_ascii=False) + "\n"
        _write(output, [text])
        counts = {kind: len(rows[kind]) for kind in rows}
    if output is not None:
        told = {"output": str(output), "counts": counts}
        if at.wants_json:
            show.as_json(told)
        else:
            click.echo(f"{output}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}")


def _write_csv(rows: dict[str, list[Row]], folder: Path | None) -> dict[str, int]:
    if folder is not None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for kind, of_kind in rows.items():
        _write(folder and folder / f"{kind}.csv", to_csv(kind, of_kind))
    return {kind: len(of_kind) for kind, of_kind in rows.items()}


def _write(file: Path | None, lines: Iterable[str]) -> None:
    """Write to a 0600 file, or to standard output: addresses of people are nobody else's to read."""
    if file is None:
        for line in lines:
            click.echo(line, nl=False)
        return
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
        stream.writelines(lines)


def _read(client: Client, wanted: tuple[str, ...]) -> dict[str, list[Row]]:
    """Read every kind that is wanted, with those that its own are read from."""
    progress = Progress()
    rows: dict[str, list[Row]] = {}
    try:
        for kind in KINDS:
            if kind in wanted:
                rows[kind] = []
                for row in READERS[kind](client):
                    progress.step(f"reading {kind}")
                    rows[kind].append(row)
    finally:
        progress.end()
    return rows


def _users(client: Client) -> Iterator[Row]:
    for each in client.all(requests.users(limit=500)):
        yield {
            "username": each.username,
            "display_name": each.display_name,
            "email": each.email or None,
            "external": each.external or None,
            "disabled": each.disabled,
        }


def _services(client: Client) -> Iterator[Row]:
    for each in client.all(requests.services(limit=500)):
        yield {"name": each.name, "description": each.description}


def _groups(client: Client) -> Iterator[Row]:
    for each in client.all(requests.groups(limit=500)):
        yield {"name": each.name, "description": each.description}


def _roles(client: Client) -> Iterator[Row]:
    for each in client.all(requests.roles(limit=500)):
        yield {"name": each.name, "description": each.description, "permissions": list(each.permissions)}


def _resources(client: Client) -> Iterator[Row]:
    for each in client.all(requests.resources(limit=500)):
        yield {
            "resource": f"{each.type}:{each.id}",
            "display_name": each.display_name,
            "parent": each.parent or None,
        }


def _members(client: Client) -> Iterator[Row]:
    for group in client.all(requests.groups(limit=500)):
        for each in _own(client.all(requests.members(group.name, limit=500))):
            yield {"group": group.name, **_holder(each)}


def _assignees(client: Client) -> Iterator[Row]:
    for role in client.all(requests.roles(limit=500)):
        for each in _own(client.all(requests.assignees(role.name, limit=500))):
            yield {"role": role.name, **_holder(each)}


def _grants(client: Client) -> Iterator[Row]:
    for resource in client.all(requests.resources(limit=500)):
        name = f"{resource.type}:{resource.id}"
        seen = set[tuple[str, str, object]]()
        for each in client.all(requests.access(name, limit=500)):
            key = (each.relation, each.subject, each.expires_at)
            if not each.inherited_from and key not in seen and not _is_from_elsewhere(each):
                seen.add(key)
                yield {"resource": name, "relation": each.relation, **_holder(each)}


def _own(holders: Iterable[Membership]) -> Iterator[Membership]:
    """Each once, by whatever of our own origins; without those that a provider vouches for."""
    seen = set[tuple[str, object]]()
    for each in holders:
        if (each.subject, each.expires_at) not in seen and not _is_from_elsewhere(each):
            seen.add((each.subject, each.expires_at))
            yield each


def _is_from_elsewhere(held: Membership | Grant) -> bool:
    return held.origin.startswith(FROM_ELSEWHERE)


def _holder(held: Membership | Grant) -> Row:
    return {"subject": held.subject, "expires_at": held.expires_at.isoformat() if held.expires_at else None}


READERS: dict[str, Callable[[Client], Iterator[Row]]] = {
    "users": _users,
    "services": _services,
    "groups": _groups,
    "roles": _roles,
    "resources": _resources,
    "members": _members,
    "assignees": _assignees,
    "grants": _grants,
}
