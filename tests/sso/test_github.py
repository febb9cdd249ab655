"""GitHub: the preset as the manual has it, at a forge of the shapes that GitHub documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from gatepost.errors import Forbidden, ProviderFailed
from gatepost.settings import ClaimRule
from gatepost.sso.callback import SignedIn
from gatepost.sso.claimed_roles import read_roles
from gatepost.sso.claims import map_groups
from gatepost.sso.github import MOST_PAGES, PAGE
from tests.sso.conftest import Clock, Flow
from tests.sso.oauth2_in_process import Document, Forge, running_forge
from tests.sso.products import configured, written
from tests.sso.provider_in_process import InProcessProvider, Raw, with_

TEAMS = {"groups_claim": "teams", "scopes": ("read:user", "user:email", "read:org")}


@pytest.fixture
def forge() -> Iterator[Forge]:
    with running_forge() as running:
        yield running


def sign_in(forge: Forge, clock: Clock, **settings: Any) -> SignedIn:
    return Flow(cast(InProcessProvider, forge), clock, **settings).sign_in("octocat")


def test_if_3_somebody_signs_in_as_the_manual_has_it(forge: Forge, clock: Clock, tmp_path: Path) -> None:
    manual = configured(written("GitHub"), tmp_path, "https://github.com/login/oauth")
    keys = ("scopes", "groups_claim", "group_map", "allowed_groups", "subject_claim", "username_claim", "issuer")
    forge.iss = manual.issuer or ""
    person = sign_in(forge, clock, **{key: getattr(manual, key) for key in keys})

    assert (person.issuer, person.subject) == ("https://github.com/login/oauth", "583231")
    assert (person.username, person.groups) == ("octocat", ("acme/data",))
    assert map_groups(person.groups or (), manual).names == ("data-team",)
    assert forge.paths() == ["/login/oauth/access_token", "/api/user", "/api/user/emails", "/api/user/teams"]


def test_nothing_is_asked_for_that_nobody_wants(forge: Forge, clock: Clock) -> None:
    person = sign_in(forge, clock, scopes=("read:user",))

    assert forge.paths() == ["/login/oauth/access_token", "/api/user"]
    assert (person.email, person.email_verified, person.groups) == ("octocat@shown.example", False, None)


def test_a_renamed_login_is_the_same_person(forge: Forge, clock: Clock) -> None:
    before = sign_in(forge, clock)
    forge.user = with_(login="hubot")
    after = sign_in(forge, clock)

    assert (before.username, after.username) == ("octocat", "hubot")
    assert (before.issuer, before.subject) == (after.issuer, after.subject)


# The e-mail address


@pytest.mark.parametrize(
    ("emails", "expected"),
    [
        ([{"email": "a@x.example", "primary": True, "verified": True}], ("a@x.example", True)),
        ([{"email": "a@x.example", "primary": True, "verified": False}], ("a@x.example", False)),
        ([{"email": "a@x.example", "primary": True, "verified": "true"}], ("a@x.example", False)),
        ([{"email": "a@x.example", "primary": True}], ("a@x.example", False)),
        ([{"email": "a@x.example", "primary": False, "verified": True}], ("", False)),
        ([{"email": "a@x.example", "primary": "yes", "verified": True}], ("", False)),
        ([{"email": 7, "primary": True, "verified": True}], ("", False)),
        ([], ("", False)),
    ],
)
def test_only_the_verified_primary_address_counts(
    forge: Forge, clock: Clock, emails: list[Document], expected: tuple[str, bool]
) -> None:
    """Trap 1: what the profile shows is what its owner wrote there."""
    forge.people["octocat"].emails = emails
    person = sign_in(forge, clock)

    assert (person.email, person.email_verified) == expected


def test_a_profile_cannot_call_its_own_address_verified(forge: Forge, clock: Clock) -> None:
    forge.user = with_(email="admin@corp.example", email_verified=True)
    forge.people["octocat"].emails = [{"email": "admin@corp.example", "primary": True, "verified": False}]

    assert not sign_in(forge, clock).email_verified
    assert not sign_in(forge, clock, scopes=("read:user",)).email_verified


@pytest.mark.parametrize(
    "raw", [Raw(status=404), Raw(status=500), Raw(pieces=(b"{}",)), Raw(pieces=(b"[1]",)), Raw(pieces=(b"[",))]
)
def test_without_the_list_of_addresses_none_is_verified(forge: Forge, clock: Clock, raw: Raw) -> None:
    forge.raw["/api/user/emails"] = raw
    person = sign_in(forge, clock)

    assert not person.email_verified
    assert "went on without its e-mail addresses" in person.notes[0]
    with pytest.raises(Forbidden, match="no verified e-mail domain"):
        sign_in(forge, clock, allowed_domains=("shown.example",))


# Organizations and teams


def test_organizations_are_groups_by_their_login(forge: Forge, clock: Clock) -> None:
    assert sign_in(forge, clock, groups_claim="orgs").groups == ("acme", "github")


def test_a_team_is_one_of_an_organization(forge: Forge, clock: Clock) -> None:
    """Anybody may call a team of an own organization `data`."""
    forge.people["octocat"].teams = [{"slug": "data", "name": "acme/data", "organization": {"login": "evil"}}]

    assert sign_in(forge, clock, **TEAMS).groups == ("evil/data",)
    with pytest.raises(Forbidden, match="no group that may enter"):
        sign_in(forge, clock, **TEAMS, allowed_groups=("acme/data",))


@pytest.mark.parametrize(
    "team",
    [{}, {"slug": "data"}, {"slug": 7, "organization": {"login": "acme"}}, {"slug": "data", "organization": "acme"}],
)
def test_a_team_of_another_shape_is_no_list_of_groups(forge: Forge, clock: Clock, team: Document) -> None:
    forge.people["octocat"].teams.append(team)

    assert sign_in(forge, clock, **TEAMS).groups is None


def test_no_teams_is_an_answer(forge: Forge, clock: Clock) -> None:
    """Trap 8: an empty list takes memberships away, a failed request does not."""
    forge.people["octocat"].teams = []
    assert sign_in(forge, clock, **TEAMS).groups == ()

    forge.raw["/api/user/teams"] = Raw(status=403)
    person = sign_in(forge, clock, **TEAMS)
    assert person.groups is None
    assert any("went on without its teams" in note for note in person.notes)
    with pytest.raises(Forbidden, match="no group that may enter"):
        sign_in(forge, clock, **TEAMS, allowed_groups=("acme/data",))


def test_all_pages_are_read_up_to_a_bound(forge: Forge, clock: Clock) -> None:
    forge.people["octocat"].orgs = [{"login": f"o{n}"} for n in range(PAGE + 1)]
    assert len(sign_in(forge, clock, groups_claim="orgs").groups or ()) == PAGE + 1

    forge.people["octocat"].orgs = [{"login": f"o{n}"} for n in range(PAGE * MOST_PAGES)]
    forge.asked.clear()
    person = sign_in(forge, clock, groups_claim="orgs")
    assert person.groups is None
    assert forge.paths().count("/api/user/orgs") == MOST_PAGES


def test_roles_may_be_made_of_teams(forge: Forge, clock: Clock) -> None:
    flow = Flow(cast(InProcessProvider, forge), clock, claims_map={"roles": ClaimRule("$.teams")})

    assert read_roles(flow.sign_in("octocat").claims, flow.provider.settings).names == ("acme/data",)


def test_a_wrong_secret_is_said(forge: Forge, clock: Clock) -> None:
    with pytest.raises(ProviderFailed, match="does not accept Gatepost's client_id or client_secret"):
        sign_in(forge, clock, client_id="another")


def test_its_state_is_known_without_anybody_signing_in(forge: Forge, clock: Clock) -> None:
    state = Flow(cast(InProcessProvider, forge), clock).provider.look()

    assert state.up
    assert forge.paths() == ["/api/user"]
