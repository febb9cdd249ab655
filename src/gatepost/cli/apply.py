"""`gatepost apply` and `diff`: users, groups, roles, grants and the model as files."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote
from gatepost.cli.state_file import LARGEST, STDIN, read_states
from gatepost.cli.stdin import text_from_stdin
from gatepost.client import requests

if TYPE_CHECKING:
    from gatepost.client.plans import Plan

SIGNS = {"create": "+", "update": "~", "delete": "-"}
files_option = click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    required=True,
    metavar="FILE",
    help="YAML, JSON, TOML or model.fga; may be repeated; - reads YAML from standard input.",
)
prune_option = click.option(
    "--prune", is_flag=True, help="Take away what files made and do not name any more, of the kinds that they name."
)


@click.command()
@files_option
@prune_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@remote
def apply(at: Remote, files: tuple[str, ...], prune: bool, yes: bool) -> None:
    """Make there be what files say: shown as a plan first, then done whole or not at all.

    Exit code 2 if anything of it cannot be done, or what it touches has changed since the plan was shown.
    """
    desired = _read(files)
    plan = at.client.send(requests.make_plan(desired, prune=prune))
    if plan.steps and not yes:
        _confirm(plan, from_stdin=STDIN in files)
    elif plan.steps and not at.wants_json:
        _show(plan)
    if plan.steps:
        plan = at.client.send(requests.apply_plan(desired, plan, prune=prune))
    if at.wants_json:
        show.as_json(_told(plan))
    else:
        click.echo("done" if plan.steps else "nothing to change")


@click.command()
@files_option
@prune_option
@remote
@click.pass_context
def diff(ctx: click.Context, at: Remote, files: tuple[str, ...], prune: bool) -> None:
    """Say what `apply` would change, and change nothing.

    Exit code 0: nothing; 1: something; 2: could not tell.
    """
    plan = at.client.send(requests.make_plan(_read(files), prune=prune))
    if at.wants_json:
        show.as_json(_told(plan))
    else:
        _show(plan)
    ctx.exit(1 if plan.steps else 0)


def _read(files: tuple[str, ...]) -> Mapping[str, Any]:
    if files.count(STDIN) > 1:
        raise click.UsageError("standard input can be read once")
    return read_states(files, text_from_stdin(LARGEST) if STDIN in files else "")


def _confirm(plan: Plan, *, from_stdin: bool) -> None:
    """Show the plan where it is asked about, on standard error: the answer stands on standard output."""
    if from_stdin or not sys.stdin.isatty():
        raise click.UsageError("nobody is here to be asked: look at it with gatepost diff, then give --yes")
    _show(plan, err=True)
    click.confirm("apply this?", abort=True, err=True)


def _show(plan: Plan, *, err: bool = False) -> None:
    for step in plan.steps:
        before = step.before if isinstance(step.before, dict) else {}
        after = step.after if isinstance(step.after, dict) else {}
        told = ", ".join(_change(name, before, after) for name in sorted({*before, *after}))
        line = f"{SIGNS.get(step.verb, '?')} {show.text_of(step.target)}"
        click.echo(f"{line}  ({told})" if told and step.verb != "delete" else line, err=err)
    counts = Counter(step.verb for step in plan.steps)
    summary = ", ".join(f"{counts[verb]} to {verb}" for verb in SIGNS if counts[verb])
    click.echo(summary or "nothing to change", err=err)


def _change(name: str, before: Mapping[str, object], after: Mapping[str, object]) -> str:
    new = show.text_of(after.get(name)) or "none"
    if name not in before:
        return f"{name}: {new}"
    return f"{name}: {show.text_of(before[name]) or 'none'} -> {new}"


def _told(plan: Plan) -> dict[str, object]:
    steps = [{"verb": s.verb, "target": s.target, "before": s.before, "after": s.after} for s in plan.steps]
    return {"revision": plan.revision, "steps": steps}
