"""Tuples in plain English: `alice is a member of data-team, which is editor of collection:sales`."""

from __future__ import annotations

from collections.abc import Sequence

from gatepost.principal import PLATFORM, Question

WILDCARDS = {"user:*": "everyone signed in", "service:*": "every service", "anonymous:*": "whoever sends no credential"}
BARE = frozenset({"user", "service", "group", "role"})

Triple = tuple[str, str, str]


def named(text: str) -> str:
    """Write a subject or an object as a person would: people, groups and roles by their name alone."""
    if text in WILDCARDS:
        return WILDCARDS[text]
    entity, _, relation = text.partition("#")
    kind, _, name = entity.partition(":")
    if kind == "group" and relation == "member":
        return name
    if kind == "role" and relation == "assignee":
        return f"role {name}"
    return name if kind in BARE and not relation else text


def step_text(entity: str, relation: str, subject: str) -> str:
    """One tuple as a clause with its own subject."""
    return f"{named(subject)} {_predicate(entity, relation)}"


def _predicate(entity: str, relation: str) -> str:
    kind = entity.partition(":")[0]
    if kind == "group" and relation == "member":
        return f"is a member of {named(entity)}"
    if kind == "role" and relation == "assignee":
        return f"has the role {named(entity)}"
    if kind == "role" and relation == "permission":
        return f"is a permission of the role {named(entity)}"
    return f"is {relation} of {entity}"


def sentence_of(question: Question, steps: Sequence[Triple]) -> str:
    """The steps as one sentence, each clause hanging on the one before."""
    subject = named(str(question.subject))
    start = named(steps[0][2])
    clauses: list[str] = []
    for entity, relation, held in steps:
        if entity.startswith("role:") and relation == "permission":
            clauses.append(f"which holds {held.partition(':')[2].replace('.', ':', 1)}")
        else:
            clauses.append(f"{'which ' if clauses else ''}{_predicate(entity, relation)}")
    if clauses[0].startswith("which") or start != subject:
        # The way does not begin at the subject: a wildcard, or a group or role that the call's issuer vouches for.
        return f"{subject} counts as {start}: {start} {', '.join(clauses).removeprefix('which ')}"
    end = "" if question.resource.type == PLATFORM.type or steps[-1][1] != "permission" else f" ({question.resource})"
    return f"{start} {', '.join(clauses)}{end}"
