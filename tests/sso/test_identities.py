"""Linked identities and refused sign-ins, as people and admins deal with them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.pages import Wanted
from gatepost.directory.roles import assign_role
from gatepost.directory.users import NewPassword, NewUser, create_user, get_user, set_password
from gatepost.errors import Conflict, Forbidden, InvalidToken, NotFound
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.settings import DelegatedIssuer, DelegatedSettings, SsoSettings
from gatepost.sso.identities import dismiss_conflict, list_conflicts, list_identities, unlink_identity
from tests.conftest import ADMIN, OpenGate
from tests.sso.corp import CORP, OTHER, come, elsewhere, said, with_providers
from tests.tokens.signing_in import by_cookie

PASSWORD = "quay-seven-lantern"


@pytest.fixture
def gate(open_gate: OpenGate, sqlite_url: str) -> Gatepost:
    return open_gate(with_providers(sqlite_url))


def person(name: str) -> Principal:
    return Principal(subject=Entity("user", name), method=Method.EMBEDDED, scope=None)


def test_somebody_elses_identities_take_user_view(gate: Gatepost) -> None:
    come(gate, said())
    [hers] = list_identities(gate, ADMIN, "alice")

    assert (hers.provider, hers.issuer, hers.subject) == ("corp", "https://corp.example", "sub-alice")
    assert list_identities(gate, person("alice"), "alice") == [hers]
    with pytest.raises(Forbidden):
        list_identities(gate, person("mallory"), "alice")


def test_unlinking_ends_the_sessions_that_the_identity_opened(gate: Gatepost) -> None:
    """Whoever unlinks an identity that somebody else got hold of wants them out, and to stay signed in."""
    caller = by_cookie(gate, come(gate, said()))
    come(gate, elsewhere(), OTHER, linking=caller)
    stranger = come(gate, said())
    hers = next(i for i in list_identities(gate, caller) if i.provider == "corp")

    unlink_identity(gate, caller, hers.id)

    assert by_cookie_still(gate, caller)
    with pytest.raises(InvalidToken):
        by_cookie(gate, stranger)
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="identity.unlinked")).items
    assert record.detail["sessions"] == 1


def by_cookie_still(gate: Gatepost, caller: Principal) -> bool:
    return not gate.memory.has_ended(caller.credential_id)


def with_password(gate: Gatepost) -> Principal:
    create_user(gate, ADMIN, NewUser(username="alice", password=PASSWORD))
    caller = person("alice")
    come(gate, said(), linking=replace(caller, method=Method.SESSION))
    return caller


def test_an_account_that_was_bound_and_unlinked_is_not_bound_again_by_its_name(gate: Gatepost) -> None:
    """Rule 1: it is bound by its first matching sign-in.  The name may have gone to somebody else there since."""
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    caller = by_cookie(gate, come(gate, said()))
    come(gate, elsewhere(), OTHER, linking=caller)
    caller = person("alice")
    for provider in ("corp", "other"):
        hers = next(i for i in list_identities(gate, caller) if i.provider == provider)
        if provider == "other":
            set_password(gate, ADMIN, "alice", NewPassword(password=PASSWORD))  # a way in that stays
        unlink_identity(gate, caller, hers.id)

    for subject in ("sub-alice", "another-alice"):
        with pytest.raises(Forbidden, match="belongs to another account"):
            come(gate, said(subject))
    assert list_identities(gate, ADMIN, "alice") == []

    come(gate, said(), linking=replace(caller, method=Method.SESSION))  # the owner may say so, as ever
    assert [i.provider for i in list_identities(gate, ADMIN, "alice")] == ["corp"]


def test_an_account_whose_provider_was_gone_for_a_while_is_not_bound_again(
    open_gate: OpenGate, sqlite_url: str
) -> None:
    settings = with_providers(sqlite_url)
    gate = open_gate(settings)
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    come(gate, said())
    later = open_gate(replace(settings, sso=SsoSettings(providers=(OTHER,))))
    caller = person("alice")
    unlink_identity(later, caller, list_identities(later, caller)[0].id)

    with pytest.raises(Forbidden, match="belongs to another account"):
        come(open_gate(settings), said("another-alice"))


def test_another_identity_at_the_same_provider_goes_on_speaking_for_the_account(gate: Gatepost) -> None:
    create_user(gate, ADMIN, NewUser(username="alice", external="corp"))
    caller = by_cookie(gate, come(gate, said()))
    come(gate, said("second"), linking=caller)
    first = next(i for i in list_identities(gate, caller) if i.subject == "sub-alice")
    unlink_identity(gate, caller, first.id)

    assert get_user(gate, ADMIN, "alice").external == "corp"
    with pytest.raises(Forbidden):
        come(gate, said("another-alice"))


def test_a_password_that_counts_is_a_way_in(gate: Gatepost) -> None:
    caller = with_password(gate)
    unlink_identity(gate, caller, list_identities(gate, caller)[0].id)
    assert list_identities(gate, caller) == []


def test_a_password_is_no_way_in_where_passwords_are_off(open_gate: OpenGate, sqlite_url: str) -> None:
    """SSO-only mode: whoever unlinked the last identity would have been locked out without a word."""
    settings = with_providers(sqlite_url)
    gate = open_gate(replace(settings, main=replace(settings.main, password_sign_in=False)))
    caller = with_password(gate)
    [hers] = list_identities(gate, caller)
    with pytest.raises(Conflict, match="only way in"):
        unlink_identity(gate, caller, hers.id)

    assign_role(gate, ADMIN, "admin", "user:alice")
    unlink_identity(gate, caller, hers.id)  # an admin has /login/local


def test_an_identity_of_a_provider_that_is_gone_is_no_way_in(open_gate: OpenGate, sqlite_url: str) -> None:
    gate = open_gate(with_providers(sqlite_url))
    come(gate, elsewhere(), OTHER, linking=by_cookie(gate, come(gate, said())))
    later = open_gate(replace(with_providers(sqlite_url), sso=SsoSettings(providers=(CORP,))))
    caller = person("alice")
    corp, other = sorted(list_identities(later, caller), key=lambda i: i.provider)

    with pytest.raises(Conflict):
        unlink_identity(later, caller, corp.id)
    unlink_identity(later, caller, other.id)  # it let nobody in any more
    assert list_identities(later, caller) == [corp]


def test_a_delegated_token_is_no_way_into_the_console(open_gate: OpenGate, sqlite_url: str) -> None:
    issuer = DelegatedIssuer(name="other", issuer="https://other.example", audience=("gatepost",))
    gate = open_gate(with_providers(sqlite_url))
    come(gate, elsewhere(), OTHER, linking=by_cookie(gate, come(gate, said())))
    settings = replace(
        with_providers(sqlite_url), sso=SsoSettings(providers=(CORP,)), delegated=DelegatedSettings(issuers=(issuer,))
    )
    later = open_gate(settings)
    caller = person("alice")
    corp = next(i for i in list_identities(later, caller) if i.provider == "corp")

    with pytest.raises(Conflict):
        unlink_identity(later, caller, corp.id)


def clash(gate: Gatepost) -> str:
    create_user(gate, ADMIN, NewUser(username="alice", password=PASSWORD))
    with pytest.raises(Forbidden):
        come(gate, said())
    [conflict] = list_conflicts(gate, ADMIN, Wanted()).items
    return conflict.id


def test_dismissing_a_clash_changes_nobodys_account(gate: Gatepost) -> None:
    """Never merge silently: the same sign-in is refused again, and shown again."""
    dismiss_conflict(gate, ADMIN, clash(gate))

    assert list_conflicts(gate, ADMIN, Wanted()).items == []
    assert list_identities(gate, ADMIN, "alice") == []
    [record] = read_audit(gate, ADMIN, Wanted(), Filter(event="conflict.dismissed")).items
    assert record.detail == {"provider": "corp", "issuer": "https://corp.example", "subject": "sub-alice"}
    with pytest.raises(Forbidden):
        come(gate, said())
    assert len(list_conflicts(gate, ADMIN, Wanted()).items) == 1


def test_who_is_refused_under_one_name_after_another_is_on_the_list_once(gate: Gatepost) -> None:
    """At many providers people choose their own names: nobody fills the list with one identity."""
    for name in ("alice", "bert", "cleo"):
        create_user(gate, ADMIN, NewUser(username=name, password=PASSWORD))
        for subject in ("sub-mallory", "sub-trent"):
            with pytest.raises(Forbidden):
                come(gate, said(subject, name))

    assert {(it.subject, it.username) for it in list_conflicts(gate, ADMIN, Wanted()).items} == {
        ("sub-mallory", "cleo"),
        ("sub-trent", "cleo"),
    }


def test_a_clash_that_was_settled_is_off_the_list(gate: Gatepost) -> None:
    clash(gate)
    come(gate, said(), linking=replace(person("alice"), method=Method.SESSION))
    assert list_conflicts(gate, ADMIN, Wanted()).items == []


def test_dismissing_takes_the_permission(gate: Gatepost) -> None:
    found = clash(gate)
    with pytest.raises(NotFound):
        dismiss_conflict(gate, person("alice"), found)
    with pytest.raises(NotFound):
        dismiss_conflict(gate, ADMIN, "01ABC")
    assert len(list_conflicts(gate, ADMIN, Wanted()).items) == 1


def test_setting_a_password_first_lets_the_last_identity_go(gate: Gatepost) -> None:
    """What the refusal advises is possible."""
    caller = with_password(gate)
    set_password(gate, ADMIN, "alice", NewPassword(password="another-quay-lantern"))
    unlink_identity(gate, caller, list_identities(gate, caller)[0].id)
