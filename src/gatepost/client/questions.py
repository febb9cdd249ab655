"""May they?  The one question, alone and in batches."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from gatepost.client import answers as a
from gatepost.client.call import Call, call, path_of
from gatepost.client.reading import one


def check(
    subject: str | None, action: str, resource: str, *, context: Mapping[str, object] | None = None
) -> Call[a.Decision]:
    """Ask whether `subject` may; None is the caller.  Others are asked about with `decision:ask`.

    `context` are the values that the model's conditions ask for.
    """
    body = {"subject": subject, "action": action, "resource": resource, "context": context}
    return call("POST", path_of("check"), one(a.Decision), body=body, repeatable=True)


def check_batch(questions: Iterable[tuple[str | None, str, str]]) -> Call[a.Decisions]:
    """Ask many questions, each `(subject, action, resource)`, all answered at one revision."""
    body = {"checks": [_question(*question) for question in questions]}
    return call("POST", path_of("check", "batch"), one(a.Decisions), body=body, repeatable=True)


def explain(
    subject: str | None, action: str, resource: str, *, context: Mapping[str, object] | None = None
) -> Call[a.Decision]:
    """Ask as `check` does, and for the path that decided."""
    body = {"subject": subject, "action": action, "resource": resource, "context": context}
    return call("POST", path_of("explain"), one(a.Decision), body=body, repeatable=True)


def _question(subject: str | None, action: str, resource: str) -> dict[str, str]:
    question = {"action": action, "resource": resource}
    return question if subject is None else {"subject": subject, **question}
