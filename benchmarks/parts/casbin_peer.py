"""pycasbin on the same data, in this process: groups and parents as its two role systems, each share one policy."""

from __future__ import annotations

import time
from collections.abc import Iterable

from parts.shop import Key

MODEL = """
[request_definition]
r = sub, obj
[policy_definition]
p = sub, obj
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = (p.sub == "user:*" || g(r.sub, p.sub)) && g2(r.obj, p.obj)
"""
VIEWING = {"owner", "editor", "viewer"}


def enforcer(keys: Iterable[Key]) -> object:
    """Load `viewer` as far as casbin says it: owners, editors and viewers, of the data set or of its parent."""
    import casbin  # only where it is compared: not a dependency

    model = casbin.Model()
    model.load_model_from_text(MODEL)
    found = casbin.Enforcer(model)
    found.enable_log(enable=False) if hasattr(found, "enable_log") else None
    shares, members, parents = [], [], []
    for entity, relation, user in keys:
        subject = user.partition("#")[0]
        if relation == "member":
            members.append([subject, entity])
        elif relation == "parent":
            parents.append([entity, subject])
        elif relation in VIEWING:
            shares.append([subject, entity])
    found.add_policies(_once(shares))
    found.add_named_grouping_policies("g", _once(members))
    found.add_named_grouping_policies("g2", _once(parents))
    return found


def _once(rules: list[list[str]]) -> list[list[str]]:
    return [list(rule) for rule in dict.fromkeys(map(tuple, rules))]


def ask(enforcer: object, pairs: list[tuple[str, str]], seconds: float) -> tuple[float, list[bool]]:
    """Ask until the time is over, or each once; return the median in microseconds and the answers."""
    took, answers, until = [], [], time.perf_counter() + seconds
    for user, entity in pairs:
        begun = time.perf_counter()
        answers.append(bool(enforcer.enforce(user, entity)))  # type: ignore[attr-defined]
        took.append((time.perf_counter() - begun) * 1e6)
        if time.perf_counter() > until:
            break
    return sorted(took)[len(took) // 2], answers
