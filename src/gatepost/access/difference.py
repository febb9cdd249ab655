"""What one model has and another has not: what a change of models adds, takes and alters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from gatepost.access.formatting import format_rewrite
from gatepost.access.model import AuthorizationModel, Restriction, direct

Shape = tuple[str, str, Restriction]
"""A kind of tuple that a model allows: type, relation, and who may stand in it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is added (`+`), removed (`-`) or changed (`~`).

    `what` is `type doc`, `doc#viewer` or `condition office_hours`; `before` and `after` are its definitions.
    """

    sign: str
    what: str
    before: str = ""
    after: str = ""

    def __str__(self) -> str:
        if self.sign == "~":
            return f"~ {self.what}: {self.before} -> {self.after}"
        definition = self.after or self.before
        return f"{self.sign} {self.what}{f': {definition}' if definition else ''}"


def differences(old: AuthorizationModel, new: AuthorizationModel) -> list[Difference]:
    """List what is different: by type, relation by relation, then conditions; in the order of the newer model."""
    found: list[Difference] = []
    for name in [*new.types, *(name for name in old.types if name not in new.types)]:
        if (name in old.types) != (name in new.types):
            found.append(Difference("+" if name in new.types else "-", f"type {name}"))
        found += _compared(_definitions(old, name), _definitions(new, name), f"{name}#")
    return found + list(_compared(_conditions(old), _conditions(new), "condition "))


def shapes(model: AuthorizationModel) -> Iterator[Shape]:
    """Yield each kind of tuple that a model allows."""
    for kind in model.types.values():
        for relation, rewrite in kind.relations.items():
            for restriction in direct(rewrite):
                yield kind.name, relation, restriction


def lost_shapes(old: AuthorizationModel, new: AuthorizationModel) -> frozenset[Shape]:
    """The kinds of tuples that `old` allows and `new` does not: those that there are would mean nothing any more."""
    return frozenset(shapes(old)) - frozenset(shapes(new))


def _compared(old: Mapping[str, str], new: Mapping[str, str], prefix: str) -> Iterator[Difference]:
    for name in [*new, *(name for name in old if name not in new)]:
        before, after = old.get(name, ""), new.get(name, "")
        if before != after:
            sign = "+" if not before else "-" if not after else "~"
            yield Difference(sign, f"{prefix}{name}", before, after)


def _definitions(model: AuthorizationModel, kind: str) -> dict[str, str]:
    found = model.types.get(kind)
    return {} if found is None else {name: format_rewrite(rewrite) for name, rewrite in found.relations.items()}


def _conditions(model: AuthorizationModel) -> dict[str, str]:
    return {
        name: f"({', '.join(f'{parameter}: {kind}' for parameter, kind in each.parameters)}) {{ {each.expression} }}"
        for name, each in model.conditions.items()
    }
