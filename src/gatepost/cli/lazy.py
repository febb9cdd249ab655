"""A group of commands that imports a command when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


class Later(NamedTuple):
    """A command to import: `module:name`, and the line that `--help` shows without importing it."""

    home: str
    help: str


class LazyGroup(click.Group):
    """`later` maps names of commands to where they live."""

    def __init__(self, *args: Any, later: Mapping[str, Later], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click gives it
        return list(self.later)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self.later:
            return None
        module, _, name = self.later[cmd_name].home.partition(":")
        command = getattr(import_module(f"gatepost.cli.{module}"), name)
        assert isinstance(command, click.Command)  # noqa: S101 - the table's own promise, held by a test
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command.  Raises `UsageError` that names those that are spelled much like it."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=self.later, ctx=ctx) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Complete a command's name with the line of `--help`: click would import every command for its own."""
        from click.shell_completion import CompletionItem

        named = [CompletionItem(name, help=e.help) for name, e in self.later.items() if name.startswith(incomplete)]
        return [*named, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in self.later.items()])
