"""Secrets come in over standard input or a prompt, never as an argument: those stand in `ps` and in history."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

ASK = ""  # an option that was given without a value

F = TypeVar("F", bound=Callable[..., Any])


def line_from_stdin(what: str) -> str:
    """Take one line of standard input.  Raises `click.UsageError` when there is none."""
    line = sys.stdin.readline().rstrip("\r\n")
    if not line:
        raise click.UsageError(f"standard input has no line for {what}")
    return line


def _only_dash(_: click.Context, param: click.Parameter, value: str | None) -> str | None:
    if value not in (None, "-", ASK):
        raise click.UsageError(
            f"a secret on the command line can be read by others: write {param.opts[0]} - and give it on standard input"
        )
    return value


def secret_option(name: str, help: str, *, may_ask: bool = False) -> Callable[[F], F]:  # noqa: A002 - click's own word
    """An option whose only value is `-`: the secret is a line of standard input.

    `may_ask`: without a value the person is asked for the secret.
    """
    asking: dict[str, Any] = {"is_flag": False, "flag_value": ASK} if may_ask else {}
    sentence = f"{help} (- reads a line of standard input)"
    return click.option(name, metavar="-", callback=_only_dash, help=sentence, **asking)


def read_secret(given: str | None, what: str, *, confirm: bool = False) -> str:
    """Take the secret from standard input if `-` was given, else ask the person."""
    if given == "-":
        return line_from_stdin(what)
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} is needed: give it on standard input, with - as the option's value")
    answer: str = click.prompt(what, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def read_text(what: str) -> str:
    """Ask the person for something that is no secret."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{what} is needed")
    answer: str = click.prompt(what, err=True)
    return answer
