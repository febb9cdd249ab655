"""What a run of worlds says: a line for each test, and each answer that is not as expected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from gatepost.cli import show
from gatepost.cli.world_file import World
from gatepost.cli.world_run import Outcome, Result, run_world

Worlds = Sequence[tuple[Path, World]]


def run(worlds: Worlds, *, main: bool, verbose: bool, wants_json: bool, depth: int | None = None) -> bool:
    """Run the tests of all worlds, to a `depth`, and tell of them as they come.  Answers whether all passed."""
    every: list[Result] = []
    documents: list[dict[str, object]] = []
    for file, world in worlds:
        if not wants_json:
            click.echo(f"{file}: {show.text_of(world.name)}")
        results = []
        for result in run_world(world, main=main, depth=depth):
            results.append(result)
            if not wants_json:
                _tell(result, verbose=verbose)
        every += results
        documents.append({"file": str(file), "name": world.name, "tests": [_document(each) for each in results]})
    if wants_json:
        show.as_json(documents)
    else:
        click.echo(_summary(every))
    return all(result.passed for result in every)


def _tell(result: Result, *, verbose: bool) -> None:
    asked, right = len(result.outcomes), sum(outcome.passed for outcome in result.outcomes)
    count = f"{asked} {'question' if asked == 1 else 'questions'}"
    word = "ok  " if result.passed else "FAIL"
    click.echo(f"  {word}  {show.text_of(result.name)} ({count if result.passed else f'{asked - right} of {count}'})")
    for outcome in result.outcomes:
        if not outcome.passed:
            _tell_wrong(outcome)
        elif verbose:
            click.echo(f"          {show.text_of(outcome.question)}: {show.text_of(outcome.came)}")


def _tell_wrong(outcome: Outcome) -> None:
    click.echo(f"        ! {show.text_of(outcome.question)}")
    click.echo(f"          expected {show.text_of(outcome.expected)}, came {show.text_of(outcome.came)}")
    if outcome.why:
        click.echo(f"          {show.text_of(outcome.why)}")


def _summary(results: Sequence[Result]) -> str:
    failed = sum(not result.passed for result in results)
    questions = sum(len(result.outcomes) for result in results)
    return f"{len(results) - failed} passed, {failed} failed, {questions} questions asked"


def _document(result: Result) -> dict[str, object]:
    outcomes = [
        {
            "question": each.question,
            "expected": each.expected,
            "came": each.came,
            "passed": each.passed,
            "why": each.why,
        }
        for each in result.outcomes
    ]
    return {"name": result.name, "passed": result.passed, "questions": outcomes}
