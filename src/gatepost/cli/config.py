"""`gatepost config`: looking at a configuration, and making one of another product's, without starting anything."""

from __future__ import annotations

import os
from pathlib import Path

import click

from gatepost.cli import show
from gatepost.cli.stdin import NAME as STANDARD_INPUT
from gatepost.cli.stdin import text_from_stdin
from gatepost.errors import ConfigurationError

LARGEST_FILE = 1 << 20  # bytes


@click.group()
def config() -> None:
    """Check a configuration, or make one of another product's."""


@config.command("check")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "wants_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def check(context: click.Context, file: Path, wants_json: bool) -> None:
    """Report everything that is wrong with FILE and with what the environment adds to it, at once.

    Exit code 0: nothing is wrong; 1: each problem is on a line of its own.  What is allowed and will be loud at the
    start is said on standard error.
    """
    from gatepost.settings import check_file, load  # only this command needs the settings

    problems = check_file(file, os.environ)
    if wants_json:
        show.as_json(list(problems))
    else:
        for problem in problems:
            click.echo(problem)
    for caution in () if problems else load(file, os.environ).warnings():
        click.echo(f"caution: {caution}", err=True)
    context.exit(1 if problems else 0)


@config.command("import")
@click.argument("product", type=click.Choice(("hasura", "allegrograph", "conduktor", "infrahub")))
@click.argument("file", type=click.Path(exists=True, dir_okay=False, allow_dash=True, path_type=Path))
def import_(product: str, file: Path) -> None:
    """Print what the single sign-on of another PRODUCT, in its FILE, is as a configuration of Gatepost.

    \b
    hasura        variables with HASURA_GRAPHQL_SSO_PROVIDERS or HASURA_GRAPHQL_JWT_SECRET(S)
    allegrograph  agraph.cfg with an OAuth directive
    conduktor     the Console's YAML, or its CDK_ variables
    infrahub      INFRAHUB_ variables, or infrahub.toml

    Variables may stand in an env file, in a JSON object, or in a Compose file; - reads standard input.  Comments say
    what to register at the provider, what has no equivalent and what is safer now.  Secrets are not repeated: each
    becomes the name of an environment variable to set.
    """
    from gatepost.settings.imports import convert  # only this command needs it

    is_piped = str(file) == "-"
    text = text_from_stdin(LARGEST_FILE) if is_piped else read(file)
    click.echo(convert(product, text, STANDARD_INPUT if is_piped else str(file)).toml, nl=False)


def read(file: Path) -> str:
    """Return the text of a file.  Raises `ConfigurationError` for one that no configuration is."""
    with file.open("rb") as stream:
        content = stream.read(LARGEST_FILE + 1)
    if len(content) > LARGEST_FILE:
        raise ConfigurationError([f"{file}: is longer than 1 MiB"])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError([f"{file}: is not UTF-8 text: byte {error.start + 1} fits no character"]) from None
