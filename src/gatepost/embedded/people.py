"""People: users, finding subjects, and what somebody effectively may."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from gatepost.client import answers as a
from gatepost.client.rights import Right, Rights, VouchedRole
from gatepost.directory import rights, subjects, users
from gatepost.directory.given import require_flag, require_secret
from gatepost.directory.pages import counted_page
from gatepost.directory.users import UNSET, Ended, NewPassword, NewUser, UserChange
from gatepost.embedded.asking import Asking
from gatepost.records import Profile

if TYPE_CHECKING:
    from gatepost.sso.group_sync import Synced
    from gatepost.sso.reread import Reread


def _user(profile: Profile) -> a.User:
    return a.User(
        username=profile.username,
        id=profile.id,
        display_name=profile.display_name,
        email=profile.email or "",
        email_verified=profile.email_verified,
        disabled=profile.disabled_at is not None,
        external=profile.external or "",
        has_password=profile.has_password,
        created_at=profile.created_at,
        created_by=profile.created_by,
    )


def _changed(ended: Ended) -> a.ChangedUser:
    user = _user(ended.user)
    return a.ChangedUser(
        username=user.username,
        id=user.id,
        display_name=user.display_name,
        email=user.email,
        email_verified=user.email_verified,
        disabled=user.disabled,
        external=user.external,
        has_password=user.has_password,
        created_at=user.created_at,
        created_by=user.created_by,
        sessions_ended=ended.sessions,
        tokens_refused=ended.tokens,
        left_without_owner=ended.left_without_owner,
    )


def _found(found: subjects.Found) -> a.FoundSubject:
    return a.FoundSubject(found.subject, found.kind, found.name, found.display_name)


def _rights(found: rights.Rights) -> Rights:
    return Rights(
        username=found.username,
        groups=found.groups,
        roles=found.roles,
        permissions=tuple(map(_right, found.permissions)),
        relations=tuple(map(_right, found.relations)),
        vouched=tuple(VouchedRole(v.role, v.provider, v.session, v.expires_at) for v in found.vouched),
    )


def _right(r: rights.Right) -> Right:
    return Right(r.right, r.kind, r.resource, r.source, r.sentence, r.expires_at, r.condition)


def _given(value: object) -> object:
    return UNSET if value is None else value


class People(Asking):
    """Calls on people."""

    def subjects(self, q: str, *, limit: int | None = None, cursor: str | None = None) -> Iterator[a.FoundSubject]:
        """Find users, groups and services by name, to share with."""
        self._for(q=q)
        return self._all(
            lambda gate, by, page: counted_page(subjects.find_subjects(gate, by, q), page), _found, limit, cursor
        )

    def users(self, *, q: str | None = None, limit: int | None = None, cursor: str | None = None) -> Iterator[a.User]:
        """List people; `q` finds a part of the username, the name or the e-mail."""
        self._for(q=q)
        return self._all(lambda gate, by, page: users.list_users(gate, by, page, q or ""), _user, limit, cursor)

    def user(self, username: str) -> a.User:
        return _user(users.get_user(*self._for(username=username), username))

    def create_user(
        self,
        username: str,
        *,
        password: str | None = None,
        email: str | None = None,
        display_name: str | None = None,
        external: str | None = None,
    ) -> a.User:
        """Make an account: local with a password, or `external`, for a provider or issuer to bind at its first sign-in."""
        require_secret(password, "password")
        by = self._for(username=username, email=email, display_name=display_name, external=external)
        wanted = NewUser(
            username=username, password=password, email=email, display_name=display_name, external=external
        )
        return _user(users.create_user(*by, wanted))

    def change_user(
        self,
        username: str,
        *,
        disabled: bool | None = None,
        display_name: str | None = None,
        email: str | None = None,
        email_verified: bool | None = None,
    ) -> a.ChangedUser:
        """Change what is named.  Disabling ends every session and token at once, and reports what ended."""
        require_flag(disabled, "disabled")
        require_flag(email_verified, "email_verified")
        by = self._for(username=username, display_name=display_name, email=email)
        wanted = UserChange(
            disabled=_given(disabled),
            display_name=_given(display_name),
            email=_given(email),
            email_verified=_given(email_verified),
        )
        return _changed(users.change_user(*by, username, wanted))

    def delete_user(self, username: str, *, transfer_to: str | None = None) -> None:
        """Delete an account.  What it alone owns goes to `transfer_to`; without that it is a `Conflict` with the list."""
        users.delete_user(*self._for(username=username, transfer_to=transfer_to), username, transfer_to)

    def set_password(self, username: str, password: str, *, current_password: str | None = None) -> None:
        """Set a password; one's own takes the current one.  It takes as long as a sign-in."""
        require_secret(password, "password")
        require_secret(current_password, "current_password")
        wanted = NewPassword(password=password, current_password=current_password)
        users.set_password(*self._for(username=username), username, wanted)

    def rights(self, username: str) -> Rights:
        """What a person effectively may, each with its source."""
        return _rights(rights.rights_of(*self._for(username=username), username))

    def sync_user(self, username: str) -> Iterator[a.Reread]:
        """Have the user's groups and roles read again, at each provider that gave a refresh token.  It may be slow."""
        from gatepost.sso.reread import sync_user  # with an HTTP library, which few need

        return iter([_reread(each) for each in sync_user(*self._for(username=username), username)])


def _reread(said: Reread) -> a.Reread:
    return a.Reread(
        provider=said.provider,
        groups=_synced(said.groups),
        roles=_synced(said.roles),
        sessions_narrowed=said.sessions_narrowed,
        sessions_ended=said.sessions_ended,
        refused=said.refused,
        failed=said.failed,
    )


def _synced(done: Synced) -> a.Synced:
    return a.Synced(
        added=done.added,
        removed=done.removed,
        kept=done.kept,
        left_out=done.left_out,
        beyond_limit=done.beyond_limit,
        why=done.why,
        notes=done.notes,
    )
