"""The relationship graph in memory."""
from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gatepost.access.model import AuthorizationModel
from gatepost.access.tuples import TupleChange

Row = tuple[str, str, str, float | None, str | None]


class Graph:
    """`clock` answers unix seconds."""

    revision: str
    tuple_count: int
    model: AuthorizationModel

    def __init__(self, model: AuthorizationModel, clock: Callable[[], float]) -> None:
        raise NotImplementedError

    def load(self, rows: Iterable[Row], revision: str = "") -> None:
        """Replace everything by `rows` (object, relation, subject, expires_at | None, condition | None)."""

    def apply(self, changes: Sequence[TupleChange], revision: str) -> None:
        """Publish one revision."""

    def replace_model(self, model: AuthorizationModel, revision: str) -> None:
        """Publish another model over the same tuples (load again for those it did not allow)."""
