"""`gatepost config`: looking at a configuration without starting anything."""

from __future__ import annotations

import os
from pathlib import Path

import click


@click.group()
def config() -> None:
    """Check a configuration."""


@config.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.pass_context
def check(context: click.Context, file: Path) -> None:
    """Report everything that is wrong with FILE and with what the environment adds to it, at once.

    Exit code 0: nothing is wrong; 1: each problem is on a line of its own.
    """
    from gatepost.settings import check_file  # only this command needs the settings

    problems = check_file(file, os.environ)
    for problem in problems:
        click.echo(problem)
    context.exit(1 if problems else 0)
