"""`gatepost model import`: an OpenFGA store file into a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from gatepost.access import PROTECTED, RelationTuple, write_model_json
from gatepost.cli import show
from gatepost.cli.model_plan import current_model, plan_of
from gatepost.cli.remote import Remote, sure
from gatepost.cli.world_assertions import Kept, kept_of, tuple_key
from gatepost.cli.world_file import World, read_world
from gatepost.client import requests
from gatepost.client.errors import ClientError, Conflict
from gatepost.client.stores import MAIN, write_assertions

AT_ONCE = 100  # tuples that one write takes


def import_world(at: Remote, file: Path, store: str | None, *, dry_run: bool, yes: bool) -> int:
    """Write the world's model, tuples and checks, into a store that is made if none is given.  Answers the exit code.

    Everything is judged here before anything is sent, so that half an import is left by a lost connection only; to run
    it again with `--store` completes it.
    """
    world = read_world(file, main=store == MAIN)
    if store == MAIN and (ours := next((each for each in world.tuples if each.object.type in PROTECTED), None)):
        raise click.ClickException(f"{file}: {ours} is for gatepost group and gatepost role to make")
    current, orphans = _compared(at, store, world)
    change, kept = not current, kept_of(world)
    into = f"the store {store}" if store else f"a new store named {world.name}"
    plan = f"model with {len(world.model.types)} types and {len(world.tuples)} tuples into {into}"
    tests = f", with {kept}" if str(kept) else ""
    if dry_run or orphans:
        document: dict[str, object] = {
            "store": store,
            "name": world.name,
            "types": list(world.model.types),
            "new_version": change,
        }
        document |= {"tuples": len(world.tuples), "assertions": len(kept.assertions), "not_assertions": _left_out(kept)}
        document |= {"orphans": list(orphans), "done": False}
        refused = "refused: these tuples of the store would mean nothing any more"
        _tell(at, document, refused if orphans else f"would put the {plan}{tests}")
        for name in () if at.wants_json else orphans:
            click.echo(f"  {show.text_of(name)}")
        return 1 if orphans else 0
    if store:
        sure(f"put the {plan}", yes)
    return _done(at, world, store, current, kept)


def _compared(at: Remote, store: str | None, world: World) -> tuple[str, tuple[str, ...]]:
    """The version that is this model already, if one is, and the tuples that it would leave without a meaning."""
    if store is None:
        return "", ()
    current = current_model(at.client, store)
    plan = plan_of(at.client, store, current.model, world.model)
    return "" if plan.differences else current.id, plan.orphans


def _done(at: Remote, world: World, store: str | None, current: str, kept: Kept) -> int:
    target = store or at.client.send(requests.create_store(world.name)).id
    version, written = "", 0
    try:
        if not current:
            version = at.client.send(requests.write_model(write_model_json(world.model), store=target))
        if kept.assertions:
            at.client.send(write_assertions(kept.assertions, model_id=version or current, store=target))
        for part in _parts(world.tuples):
            at.client.send(requests.write_tuples(part, store=target, ignore=True))
            written += len(part)
    except Conflict:
        raise
    except ClientError as error:
        again = f"gatepost model import --store {target}"
        raise click.ClickException(
            f"{error}: {written} of {len(world.tuples)} tuples are in the store {target}; go on with: {again}"
        ) from error
    document: dict[str, object] = {
        "store": target,
        "name": world.name,
        "version": version,
        "tuples": written,
        "assertions": len(kept.assertions),
        "not_assertions": _left_out(kept),
        "done": True,
    }
    parts = ["a new version"] if version else []
    parts += [f"{written} tuples", *([str(kept)] if str(kept) else [])]
    _tell(at, document, f"store {target}: {', '.join(parts)}")
    return 0


def _left_out(kept: Kept) -> dict[str, int]:
    return {"lists": kept.lists, "checks": kept.others}


def _parts(tuples: tuple[RelationTuple, ...]) -> Iterator[list[Mapping[str, object]]]:
    keys = [tuple_key(each) for each in dict.fromkeys(tuples)]
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def _tell(at: Remote, document: dict[str, object], sentence: str) -> None:
    if at.wants_json:
        show.as_json(document)
    else:
        click.echo(show.text_of(sentence))
