"""`gatepost model`: authorization models of the platform and of other stores, in OpenFGA's language."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gatepost.cli import show
from gatepost.cli.remote import Remote, remote, sure, yes_option
from gatepost.client import requests
from gatepost.client.stores import MAIN

if TYPE_CHECKING:
    from gatepost.access import AuthorizationModel
    from gatepost.cli.model_plan import Current, Plan

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
store_option = click.option(
    "--store",
    default=MAIN,
    show_default=True,
    metavar="ID",
    help="Whose model: the platform's own, or another store's.",
)
main_option = click.option(
    "--main", is_flag=True, help="As on the platform's own store: its types are there, and roles' permissions count."
)


@click.group("model")
def models() -> None:
    """Authorization models, in OpenFGA's language.  FILE is model.fga, or OpenFGA's JSON."""


@models.command("show")
@store_option
@click.option("--version", "version", metavar="ID", help="An older version.")
@remote
def show_model(at: Remote, store: str, version: str | None) -> None:
    """Print the model that counts, or an older version."""
    from gatepost.access import format_model
    from gatepost.cli.model_plan import current_model, read_current

    if version:
        found = read_current(at.client.send(requests.model(store, model_id=version)))
    else:
        found = current_model(at.client, store)
    if not found.document:
        raise click.ClickException(f"the store {store} has no model yet")
    if at.wants_json:
        show.as_json(dict(found.document))
        return
    click.echo(f"# version {found.id}")
    click.echo(format_model(found.model), nl=False)


@models.command("versions")
@store_option
@remote
def versions(at: Remote, store: str) -> None:
    """List the versions of a model, newest first: the first one counts."""
    rows = []
    for each in at.client.all(requests.models(store)):
        kinds = each.get("type_definitions")
        types = [kind.get("type") for kind in kinds if isinstance(kind, dict)] if isinstance(kinds, list) else []
        rows.append({"version": each.get("id"), "types": types})
    (show.as_json(rows) if at.wants_json else show.as_table(rows, ("version", "types")))


@models.command("check")
@FILE
@main_option
@click.option("--json", "wants_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def check(context: click.Context, file: Path, main: bool, wants_json: bool) -> None:
    """Find everything that is wrong with the model in FILE, without a server.

    Exit code 0: nothing is wrong; 1: each fault is on a line of its own, with its place and what was expected.
    """
    from gatepost.cli.model_file import faults_of, read_text

    faults = faults_of(read_text(file), main=main)
    if wants_json:
        show.as_json([{"line": f.line, "column": f.column, "message": _sentence(f.fields["model"])} for f in faults])
    else:
        for fault in faults:
            place = f"{fault.line}:{fault.column}: " if fault.line else ""
            click.echo(f"{file}:{place or ' '}{show.text_of(_sentence(fault.fields['model']))}")
        if faults and not main and any(" is not a type" in fault.fields["model"] for fault in faults):
            click.echo("on the platform's own store Gatepost's types are there already: --main", err=True)
    context.exit(1 if faults else 0)


def _sentence(text: str) -> str:
    """Without the place, which stands before it."""
    return text.partition(": ")[2] if text.startswith("line ") else text


@models.command("diff")
@FILE
@store_option
@remote
@click.pass_context
def diff(context: click.Context, at: Remote, file: Path, store: str) -> None:
    """Say what FILE would change, and which tuples would mean nothing any more.

    Exit code 0: nothing is different; 1: something is.
    """
    _, _, plan = _planned(at, file, store)
    if at.wants_json:
        show.as_json(_plan_document(plan))
    else:
        _show_plan(plan)
    context.exit(1 if plan.differences else 0)


@models.command("apply")
@FILE
@store_option
@yes_option
@remote
@click.pass_context
def apply(context: click.Context, at: Remote, file: Path, store: str, yes: bool) -> None:
    """Make the model in FILE the one that counts, as a new version.

    The plan is shown first.  What would leave tuples without a meaning is refused with their names (exit code 1).
    """
    new, current, plan = _planned(at, file, store)
    if not at.wants_json:
        _show_plan(plan, err=True)
    if not plan.differences and current.id:
        _tell(at, {"version": current.id, "changed": False, "orphans": []}, f"version {current.id} counts as before")
        return
    orphans = plan.orphans
    if not orphans:
        sure(f"make this the model of the store {store}", yes)
        version = _written(at, store, new)
        if isinstance(version, str):
            _tell(at, {"version": version, "changed": True, "orphans": []}, f"version {version} counts now")
            return
        orphans = version
        if not at.wants_json:
            _show_orphans(orphans, complete=False)
    _tell(at, {"changed": False, "orphans": list(orphans)}, "refused: remove these tuples first; nothing was changed")
    context.exit(1)


def _tell(at: Remote, document: dict[str, object], sentence: str) -> None:
    if at.wants_json:
        show.as_json(document)
    else:
        click.echo(sentence)


def _written(at: Remote, store: str, model: AuthorizationModel) -> str | tuple[str, ...]:
    """Post the model.  Answers its id, or the tuples that the server found to stand in the way."""
    from gatepost.access import write_model_json
    from gatepost.client.errors import Conflict

    try:
        return at.client.send(requests.write_model(write_model_json(model), store=store))
    except Conflict as error:
        if not error.items:
            raise
        return error.items


def _planned(at: Remote, file: Path, store: str) -> tuple[AuthorizationModel, Current, Plan]:
    from gatepost.cli.model_file import read_model_text, read_text
    from gatepost.cli.model_plan import current_model, plan_of
    from gatepost.errors import InvalidModel

    try:
        new = read_model_text(read_text(file), main=store == MAIN)
    except InvalidModel as error:
        raise click.ClickException(f"{file}: {error.fields['model']} (gatepost model check finds all of it)") from None
    current = current_model(at.client, store)
    return new, current, plan_of(at.client, store, current.model, new)


def _plan_document(plan: Plan) -> dict[str, object]:
    changes = [{"sign": d.sign, "what": d.what, "before": d.before, "after": d.after} for d in plan.differences]
    return {"changes": changes, "orphans": list(plan.orphans), "all_tuples_looked_at": plan.complete}


def _show_plan(plan: Plan, *, err: bool = False) -> None:
    if not plan.differences:
        click.echo("nothing is different", err=True)
    for each in plan.differences:
        click.echo(show.text_of(str(each)), err=err)
    _show_orphans(plan.orphans, complete=plan.complete)
    if not plan.complete and not plan.orphans:
        click.echo(f"looked at the first {plan.looked_at} tuples only, and none of them is orphaned", err=True)


def _show_orphans(orphans: tuple[str, ...], *, complete: bool) -> None:
    if orphans:
        click.echo(f"would mean nothing any more{'' if complete else ', and perhaps others'}:", err=True)
    for name in orphans:
        click.echo(f"  {show.text_of(name)}", err=True)


@models.command("test")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@main_option
@click.option(
    "--openfga-limits",
    "limited",
    is_flag=True,
    help="With --main too: a check that goes through more than 25 groups and parents is an error, as over OpenFGA's API.",
)
@click.option("--verbose", "-v", is_flag=True, help="Show every question, not only those that failed.")
@click.option("--json", "wants_json", is_flag=True, help="Answer in JSON.")
@click.pass_context
def test(
    context: click.Context, files: tuple[Path, ...], main: bool, limited: bool, verbose: bool, wants_json: bool
) -> None:
    """Ask the questions of worlds (FILES: OpenFGA's store files, .fga.yaml), without a server.

    A check that goes through more than 25 groups and parents, one in another, is an error, as it is in OpenFGA.  The
    platform's own questions have no such end, and with --main neither has this.

    Exit code 0: all answers are as expected; 1: some are not; 2: a file cannot be read.
    """
    from gatepost.cli import world_report
    from gatepost.cli.world_file import read_world
    from gatepost.cli.world_run import OPENFGA_DEPTH

    worlds = [(file, read_world(file, main=main)) for file in files]
    if not any(world.tests for _, world in worlds):
        raise click.ClickException("there is no test in this: a run that asks nothing proves nothing")
    depth = OPENFGA_DEPTH if limited or not main else None
    passed = world_report.run(worlds, main=main, verbose=verbose, wants_json=wants_json, depth=depth)
    context.exit(0 if passed else 1)


@models.command("import")
@FILE
@click.option("--store", metavar="ID", help="An existing store.  Without it one is made, by the file's name.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@yes_option
@remote
@click.pass_context
def import_(context: click.Context, at: Remote, file: Path, store: str | None, dry_run: bool, yes: bool) -> None:
    """Put the model, the tuples and the checks of FILE, an OpenFGA store file, into a store.

    The checks are kept as assertions of the model, with the tuples and the context of their test, in place of those
    that it had: 100 at most.  Lists of objects and users are no assertions; gatepost model test asks them.
    """
    from gatepost.cli.model_import import import_world

    context.exit(import_world(at, file, store, dry_run=dry_run, yes=yes))
