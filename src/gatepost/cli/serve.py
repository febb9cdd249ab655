"""`gatepost serve` and `gatepost demo`: the two commands that are a server."""

from __future__ import annotations

from pathlib import Path

import click

_HIGHEST_PORT = 65535


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8420, show_default=True, type=click.IntRange(1, _HIGHEST_PORT))
@click.option(
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The TOML file; else GATEPOST_CONFIG, else ./gatepost.toml.",
)
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="How many processes.")
@click.pass_context
def serve(context: click.Context, host: str, port: int, config: Path | None, workers: int) -> None:
    """Run the server; the database is made or upgraded first."""
    from gatepost.server.run import serve as run  # the server's libraries are for the server

    context.exit(run(config, host, port, workers))


@click.command()
@click.option("--port", default=8420, show_default=True, type=click.IntRange(1, _HIGHEST_PORT))
@click.pass_context
def demo(context: click.Context, port: int) -> None:
    """Run a sample data platform on a throw-away database, with an identity provider beside it."""
    from gatepost.demo.run import demo as run  # likewise

    context.exit(run(port))
