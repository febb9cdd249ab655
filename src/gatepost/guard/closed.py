"""Where nobody is let in without a credential, and a page is public all the same: it is shown, and nothing more."""

from __future__ import annotations

from gatepost.errors import Unauthenticated
from gatepost.guard.visitor import Reach, Shown, Visitor
from gatepost.principal import Entity


class Closed:
    """The guard of a visitor without a credential, whom every question asks to sign in."""

    is_secure = True

    def visitor(self, shown: Shown) -> Visitor:  # noqa: ARG002 - whoever it is
        raise _sign_in()

    def may(self, visitor: Visitor, action: str, resource: Entity) -> bool:  # noqa: ARG002
        return False

    def require(self, visitor: Visitor, action: str, resource: Entity, seen_by: str) -> None:  # noqa: ARG002
        raise _sign_in()

    def reach(self, visitor: Visitor, kind: str, action: str) -> Reach:  # noqa: ARG002
        return Reach(everything=False)

    def close(self) -> None:
        """There is nothing to close."""


def _sign_in() -> Unauthenticated:
    return Unauthenticated("this needs a signed-in caller")
