"""Each preset signs somebody in, configured as the manual has it, with the claims that the product documents (IF-5)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from gatepost.errors import Forbidden
from gatepost.settings import ProviderSettings
from gatepost.sso.callback import SignedIn, finish
from gatepost.sso.claimed_roles import mapped_here, read_roles
from gatepost.sso.claims import map_groups
from gatepost.sso.login import Wish, begin
from gatepost.sso.provider import Provider
from tests.sso.conftest import CALLBACK, Clock
from tests.sso.products import configured, written
from tests.sso.provider_in_process import Document, InProcessProvider, Person, running_provider

ALICE: Document = {"name": "Alice Liddell", "given_name": "Alice", "family_name": "Liddell"}
MAIL: Document = {"email": "alice@corp.example", "email_verified": True}


@dataclass(frozen=True)
class Product:
    """What a product says of Alice: in the ID token, and in the userinfo alone."""

    sub: str
    id_token: Document
    userinfo: Document = field(default_factory=dict)
    scopes: tuple[str, ...] = ("openid", "profile", "email", "offline_access")


PRODUCTS: dict[str, Product] = {
    "Keycloak": Product(
        "f7c7a4a0-5a49-4b3e-9d0a-0c2f3c6e8d11",
        {
            **ALICE,
            **MAIL,
            "preferred_username": "alice",
            "typ": "ID",
            "azp": "gatepost",
            "acr": "1",
            "groups": ["/platform/data", "/staff"],
            "realm_access": {"roles": ["default-roles-main", "offline_access", "platform-admin"]},
        },
    ),
    "Okta": Product(  # the org's own server: a thin ID token, the rest in the userinfo
        "00uid4BxXw6I6TV4m0g3",
        {"ver": 1, "jti": "ID.4a5b6c", "amr": ["pwd"], "idp": "00o1a2b3c4d5e6f7g8h9"},
        {
            **ALICE,
            **MAIL,
            "preferred_username": "alice@corp.example",
            "locale": "en-US",
            "zoneinfo": "America/Los_Angeles",
            "updated_at": 1732270000,
            "groups": ["Everyone", "data"],
        },
        scopes=("openid", "email", "profile", "address", "phone", "offline_access", "groups"),
    ),
    "Google": Product(
        "10769150350006150715113082367",
        {**ALICE, **MAIL, "azp": "gatepost", "hd": "corp.example", "picture": "https://lh3.example/a/photo"},
    ),
    "ZITADEL": Product(
        "223456789012345678",
        {
            **ALICE,
            **MAIL,
            "preferred_username": "alice",
            "amr": ["pwd"],
            "azp": "gatepost",
            "client_id": "gatepost",
            "urn:zitadel:iam:org:project:roles": {
                "platform_admin": {"223456789012340000": "acme.zitadel.cloud"},
                "analyst": {"223456789012340000": "acme.zitadel.cloud"},
            },
        },
    ),
    "GitLab": Product(
        "4242",
        {
            **ALICE,
            **MAIL,
            "sub_legacy": "0a1b2c3d4e5f",
            "nickname": "alice",
            "preferred_username": "alice",
            "profile": "https://gitlab.corp.example/alice",
            "groups_direct": ["acme/data"],
        },
        {"groups": ["acme", "acme/data"], "https://gitlab.org/claims/groups/owner": ["acme/data"]},
    ),
    "Dex": Product(
        "CgcyMzQyNzQ5EgZsZGFw",
        {**MAIL, "name": "Alice Liddell", "groups": ["data", "staff"], "preferred_username": "aliddell"},
        scopes=("openid", "email", "groups", "profile", "offline_access"),
    ),
    "Ory Hydra, as AllegroGraph has it": Product(
        "alice",
        {**MAIL, "acr": "0", "amr": ["pwd"], "jti": "5a0b", "rat": 1732270000},
        scopes=("offline_access", "offline", "openid"),
    ),
}
EXPECTED: Mapping[str, tuple[str, tuple[str, ...] | None]] = {
    "Keycloak": ("alice", ("/platform/data", "/staff")),
    "Okta": ("alice@corp.example", ("Everyone", "data")),
    "Google": ("alice@corp.example", None),
    "ZITADEL": ("alice", ("platform_admin", "analyst")),
    "GitLab": ("alice", ("acme/data",)),
    "Dex": ("alice", ("data", "staff")),
    "Ory Hydra, as AllegroGraph has it": ("alice@corp.example", None),
}


class Visitor:
    """Alice, at one product after the other."""

    def __init__(self, op: InProcessProvider, clock: Clock, folder: Path) -> None:
        self.op = op
        self.clock = clock
        self.folder = folder
        self.asked: dict[str, str] = {}

    def settings(self, name: str, more: str = "") -> ProviderSettings:
        return configured(written(name), self.folder, self.op.issuer, more)

    def sign_in(self, name: str, more: str = "", **claims: Any) -> SignedIn:
        product = PRODUCTS[name]
        said = {key: value for key, value in {**product.id_token, **claims}.items() if value is not None}
        self.op.people["alice"] = Person(product.sub, said, product.userinfo)
        self.op.tamper.discovery = lambda document: {**document, "scopes_supported": list(product.scopes)}
        provider = Provider(self.settings(name, more), self.clock)
        numbers = iter(range(1, 99))
        begun = begin(
            provider,
            Wish(),
            redirect_uri=CALLBACK,
            now=self.clock(),
            random=lambda size: next(numbers).to_bytes(size, "big"),
        )
        self.asked = dict(parse_qsl(urlsplit(begun.url).query))
        return finish(provider, begun.attempt, self.op.answer_to(begun.url, "alice"), self.clock())


@pytest.fixture
def alice(clock: Clock, tmp_path: Path) -> Iterator[Visitor]:
    with running_provider() as op:
        op.now = lambda: clock().timestamp()
        yield Visitor(op, clock, tmp_path)


@pytest.mark.parametrize("name", PRODUCTS)
def test_somebody_signs_in_as_the_manual_has_it(name: str, alice: Visitor) -> None:
    person = alice.sign_in(name)

    assert (person.username, person.groups) == EXPECTED[name]
    assert person.subject == PRODUCTS[name].sub
    assert (person.email, person.email_verified) == ("alice@corp.example", True)
    assert [note for note in person.notes if "groups" in note] == []


def test_keycloak_is_not_asked_for_a_scope_that_it_may_not_have(alice: Visitor) -> None:
    alice.sign_in("Keycloak")

    assert alice.asked["scope"] == "openid profile email"


@pytest.mark.parametrize(
    ("supported", "asked"), [(True, "openid profile email groups"), (False, "openid profile email")]
)
def test_okta_is_asked_for_groups_where_it_knows_them(
    supported: bool, asked: str, alice: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not supported:
        custom = replace(PRODUCTS["Okta"], scopes=("openid", "profile", "email", "offline_access"))
        monkeypatch.setitem(PRODUCTS, "Okta", custom)
    alice.sign_in("Okta")

    assert alice.asked["scope"] == asked


def test_hydra_is_asked_for_what_its_document_keeps_to_itself(alice: Visitor) -> None:
    alice.sign_in("Ory Hydra, as AllegroGraph has it")

    assert alice.asked["scope"] == "openid profile email"


def test_keycloak_s_groups_and_roles_become_ours(alice: Visitor) -> None:
    person, settings = alice.sign_in("Keycloak"), alice.settings("Keycloak")

    assert map_groups(person.groups or (), settings).names == ("data-team",)
    assert mapped_here(read_roles(person.claims, settings).names, settings) == {"admin"}


def test_keycloak_without_the_mapper_of_roles_lets_people_in_all_the_same(alice: Visitor) -> None:
    person = alice.sign_in("Keycloak", realm_access=None)

    assert read_roles(person.claims, alice.settings("Keycloak")).names == ()


def test_zitadel_s_roles_are_the_members_of_an_object(alice: Visitor) -> None:
    person, settings = alice.sign_in("ZITADEL"), alice.settings("ZITADEL")

    assert mapped_here(person.groups or (), settings) == {"admin"}


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        ({}, ()),
        ({"analyst": {"1": "acme.zitadel.cloud"}}, ("analyst",)),
        ([{"name": "analyst"}], ("analyst",)),
        (7, None),
        ({"": {}}, None),
    ],
)
def test_zitadel_without_roles_is_not_zitadel_that_says_nothing(
    value: object, groups: tuple[str, ...] | None, alice: Visitor
) -> None:
    """Trap 8: an empty object takes the roles away, and what is no object of roles takes nothing."""
    claims: Document = {"urn:zitadel:iam:org:project:roles": value}

    assert alice.sign_in("ZITADEL", **claims).groups == groups


def test_an_object_is_a_list_of_names_for_zitadel_s_claim_alone(alice: Visitor) -> None:
    assert alice.sign_in("Keycloak", groups={"admin": {}}).groups is None


def test_gitlab_s_other_groups_come_from_the_userinfo(alice: Visitor) -> None:
    text = written("GitLab").replace('"groups_direct"', '"groups"')
    alice_settings = configured(text, alice.folder, alice.op.issuer)

    assert alice_settings.groups_claim == "groups"
    alice.settings = lambda *_: alice_settings  # type: ignore[method-assign]
    assert alice.sign_in("GitLab").groups == ("acme", "acme/data")


# Google: whose employee it is, is said by `hd`


@pytest.mark.parametrize(
    ("claims", "domains", "enters"),
    [
        ({"hd": "corp.example"}, '["corp.example"]', True),
        ({"hd": "CORP.example"}, '["Corp.Example"]', True),
        ({"hd": None}, '["corp.example"]', False),
        ({"hd": "evil.example"}, '["corp.example"]', False),
        ({"hd": ["corp.example"]}, '["corp.example"]', False),
        ({"hd": "corp.example", "email": "alice@second.example"}, '["corp.example"]', True),
        ({"hd": None, "email": "alice@gmail.com"}, '["gmail.com"]', True),
        ({"hd": None, "email": "alice@gmail.com", "email_verified": False}, '["gmail.com"]', False),
        ({"hd": None, "email": "alice@gmail.com"}, '["corp.example"]', False),
    ],
)
def test_google_s_domain_is_hd(claims: Document, domains: str, enters: bool, alice: Visitor) -> None:
    """Anybody can make a Google account with an address of the company, and keep it after leaving."""
    alice.settings = changed(alice, "Google", allowed_domains=domains)  # type: ignore[method-assign]
    if enters:
        assert alice.sign_in("Google", **claims).username
    else:
        with pytest.raises(Forbidden, match="no domain of Google's that may enter"):
            alice.sign_in("Google", **claims)


@pytest.mark.parametrize(
    ("claims", "trusted"),
    [
        ({}, True),
        ({"hd": None}, False),
        ({"hd": None, "email": "alice@gmail.com"}, True),
        ({"hd": ""}, False),
        ({"email_verified": False}, False),
    ],
)
def test_google_vouches_for_its_own_addresses_alone(claims: Document, trusted: bool, alice: Visitor) -> None:
    alice.settings = changed(alice, "Google", allowed_domains="[]", trust_email="true")  # type: ignore[method-assign]

    assert alice.sign_in("Google", **claims).email_verified is trusted


def test_a_tenant_of_google_s_is_hd_and_nothing_else(alice: Visitor) -> None:
    alice.settings = changed(alice, "Google", allowed_domains="[]", allowed_tenants='["corp.example"]')  # type: ignore[method-assign]

    assert alice.sign_in("Google").username
    with pytest.raises(Forbidden, match="no tenant"):
        alice.sign_in("Google", hd=None, tid="corp.example")


def changed(alice: Visitor, name: str, **keys: str) -> Callable[..., ProviderSettings]:
    """The manual's configuration with other values."""
    text = "".join(line for line in written(name).splitlines(keepends=True) if line.partition(" ")[0] not in keys)
    more = "".join(f"{key} = {value}\n" for key, value in keys.items())
    settings = configured(text, alice.folder, alice.op.issuer, more)
    return lambda *_: settings
