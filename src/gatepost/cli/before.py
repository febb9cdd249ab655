"""Options that stand before the command, as in `gatepost --server SPEC user list`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import click

_WITH_VALUE = ("--server", "--context")


def put_after(group: click.Group, ctx: click.Context, args: Iterable[str]) -> list[str]:
    """Return the arguments with what says which server, and `--json`, behind the command that takes them.

    A command that asks no server then refuses them itself.  Where there is no command, they say nothing and go.
    """
    rest, words, given = list(args), list[str](), list[str]()
    command: click.Command | None = group
    while isinstance(command, click.Group):
        length = _length(rest)
        given += rest[:length]
        rest = rest[length:]
        if not rest or rest[0].startswith("-"):
            return [*words, *rest]
        words.append(rest.pop(0))
        command = command.get_command(ctx, words[-1])
    return [*words, *(given if command is not None else ()), *rest]


def _length(args: Sequence[str]) -> int:
    """How many of the first arguments are such options and their values."""
    at = 0
    while at < len(args):
        name, is_one, _ = args[at].partition("=")
        if name in _WITH_VALUE:
            at += 1 if is_one else 2
        elif args[at] == "--json":
            at += 1
        else:
            break
    return min(at, len(args))
