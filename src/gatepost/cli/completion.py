"""`gatepost completion`: what a shell runs to complete our commands."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the script that completes commands and options in SHELL.

    \b
    bash, in ~/.bashrc:    eval "$(gatepost completion bash)"
    zsh, in ~/.zshrc:      eval "$(gatepost completion zsh)"
    fish, once:            gatepost completion fish > ~/.config/fish/completions/gatepost.fish
    """
    script = get_completion_class(shell)
    assert script is not None  # noqa: S101 - it is one of click's own
    source = script(ctx.find_root().command, {}, "gatepost", "_GATEPOST_COMPLETE")
    # Click's bash script first asks this machine's bash for its version, which the shell that reads it does itself.
    text = source.source_template % source.source_vars()
    # Click's fish script ends a description at its first comma, where only the first one parts kind and completion.
    text = text.replace('string split "," $completion', 'string split --max 1 "," $completion')
    click.echo(text)
