"""Who is asking, what is linked to them, and sign-ins that were refused."""

from __future__ import annotations

from collections.abc import Iterator

from gatepost.client import answers as a
from gatepost.directory.pages import Page
from gatepost.directory.profiles import describe, read_profile
from gatepost.embedded.asking import Asking
from gatepost.errors import Conflict
from gatepost.gate import Gatepost
from gatepost.principal import Method, Principal
from gatepost.sso import identities


def _identity(linked: identities.Identity) -> a.Identity:
    return a.Identity(
        linked.id, linked.provider, linked.issuer, linked.subject, linked.linked_at, linked.last_sign_in_at
    )


def _conflict(refused: identities.SignInConflict) -> a.SignInConflict:
    return a.SignInConflict(
        id=refused.id,
        provider=refused.provider,
        issuer=refused.issuer,
        subject=refused.subject,
        username=refused.username,
        email=refused.email or "",
        reason=refused.reason,
        at=refused.at,
    )


def _options(gate: Gatepost, _by: Principal, _page: object) -> Page[a.SignInOption]:
    return Page([a.SignInOption(p.name, p.called, f"/oauth/{p.name}/login") for p in gate.settings.sso.providers])


class Who(Asking):
    """Calls on oneself."""

    def me(self) -> a.Me:
        """Who is asking; the application itself is of the kind `application`."""
        gate, by = self._for()
        profile = read_profile(gate, by.subject.id) if by.subject.type == "user" else None
        told = describe(gate, by, profile)
        return a.Me(
            kind="application" if by.is_application else told["kind"],
            id=told["id"] or "",
            username=told["username"] or "",
            display_name=told["display_name"] or "",
            email=told["email"] or "",
            groups=tuple(told["groups"]),
            roles=tuple(told["roles"]),
            method=told["method"],
            provider=told["provider"] or "",
        )

    def logout(self) -> None:
        """End the session of whoever is asking, with its tokens.

        A `Conflict` for who has none, such as the application itself, and a person whom it merely speaks for.
        """
        from gatepost.tokens.sessions import sign_out

        gate, by = self._for()
        gate.require_signed_in(by)
        if by.method not in (Method.SESSION, Method.ACCESS_TOKEN) or by.subject.type != "user":
            raise Conflict("this caller has no session that could be ended")
        sign_out(gate, by)

    def sign_in_options(self) -> Iterator[a.SignInOption]:
        """Where else one can sign in."""
        return self._all(_options, lambda option: option, None, None)

    def identities(self) -> Iterator[a.Identity]:
        """The sign-ins elsewhere that are linked to one's account."""
        return self._all(lambda gate, by, _: Page(identities.list_identities(gate, by)), _identity, None, None)

    def unlink_identity(self, identity_id: str) -> None:
        """Unlink one.  The last way in stays."""
        identities.unlink_identity(*self._for(identity_id=identity_id), identity_id)

    def conflicts(self, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.SignInConflict]:
        """Sign-ins that were refused for a clash; for admins."""
        return self._all(identities.list_conflicts, _conflict, limit, cursor)

    def dismiss_conflict(self, conflict_id: str) -> None:
        """Take a refused sign-in off the list.  It changes nobody's account."""
        identities.dismiss_conflict(*self._for(conflict_id=conflict_id), conflict_id)
