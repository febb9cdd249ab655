"""Entra ID: one key set signs for every tenant, so whose token it is takes `tid`, `iss` and the key together."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gatepost.audit.trail import Filter, read_audit
from gatepost.directory.groups import create_group
from gatepost.directory.pages import Wanted
from gatepost.errors import Forbidden, InvalidRequest, InvalidToken, ProviderFailed
from gatepost.gate import Gatepost
from gatepost.settings import ProviderSettings, SsoSettings
from gatepost.sso.addressees import addressees_of
from gatepost.sso.callback import SignedIn, finish
from gatepost.sso.login import Wish, begin
from gatepost.sso.logout_token import read_logout_token
from gatepost.sso.provider import Provider
from gatepost.sso.provisioning import Visit, enter
from tests.conftest import ADMIN, settings_for
from tests.sso.conftest import CALLBACK, Clock
from tests.sso.products import configured, written
from tests.sso.provider_in_process import Document, InProcessProvider, Person, Raw, running_provider

CONTOSO = "5f4e2b1a-0c3d-4e5f-8a9b-1c2d3e4f5a6b"
FABRIKAM = "7d1c5e2f-3a4b-4c5d-8e9f-0a1b2c3d4e5f"
STRANGER = "11111111-2222-4333-8444-555555555555"
CONSUMERS = "9188040d-6c67-4c5b-b112-36a304b66dad"
ALICE: Document = {
    "ver": "2.0",
    "name": "Alice Liddell",
    "preferred_username": "alice@contoso.example",
    "email": "alice@contoso.example",
    "oid": "690222be-ff1a-4d56-abd1-7e4f7d38e474",
    "rh": "0.ARoA",
    "uti": "oJQ",
    "groups": ["0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"],
}
MANY = "/organizations/v2.0"


class Entra:
    """The in-process provider in Entra's clothes: one discovery document for all, an issuer a tenant."""

    def __init__(self, op: InProcessProvider, clock: Clock, folder: Path) -> None:
        self.op = op
        self.clock = clock
        self.folder = folder
        self.template = f"{op.issuer}/{{tenantid}}/v2.0"
        self.key_issuer: str | None = self.template
        op.tamper.jwks = self._jwks
        self.publish()

    def publish(self, **changes: Any) -> None:
        document = self.op.discovery() | {"issuer": self.template} | changes
        document.pop("authorization_response_iss_parameter_supported")
        text = json.dumps(document).encode()
        self.op.tamper.raw[f"{MANY}/.well-known/openid-configuration"] = Raw(pieces=(text,))

    def _jwks(self, document: Document) -> Document:
        if self.key_issuer is None:
            return document
        return {"keys": [{**key, "issuer": self.key_issuer} for key in document["keys"]]}

    def settings(self, more: str = "") -> ProviderSettings:
        return configured(written("Microsoft Entra ID", 1), self.folder, self.op.issuer + MANY, more)

    def issuer(self, tenant: str) -> str:
        return f"{self.op.issuer}/{tenant}/v2.0"

    def claims(self, tenant: str = CONTOSO, **claims: Any) -> Document:
        whole = {**ALICE, "iss": self.issuer(tenant), "tid": tenant, **claims}
        return {name: value for name, value in whole.items() if value is not None}

    def sign_in(self, tenant: str = CONTOSO, more: str = "", answer: Document | None = None, **claims: Any) -> SignedIn:
        self.op.people["alice"] = Person("AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ", self.claims(tenant, **claims))
        provider = Provider(self.settings(more), self.clock)
        numbers = iter(range(1, 99))
        begun = begin(
            provider,
            Wish(),
            redirect_uri=CALLBACK,
            now=self.clock(),
            random=lambda size: next(numbers).to_bytes(size, "big"),
        )
        params = {k: v for k, v in self.op.answer_to(begun.url, "alice").items() if k != "iss"} | (answer or {})
        return finish(provider, begun.attempt, params, self.clock())


@pytest.fixture
def entra(clock: Clock, tmp_path: Path) -> Iterator[Entra]:
    with running_provider() as op:
        op.now = lambda: clock().timestamp()
        yield Entra(op, clock, tmp_path)


@pytest.mark.parametrize("tenant", [CONTOSO, FABRIKAM])
def test_a_tenant_on_the_list_is_let_in_and_is_an_issuer_of_its_own(entra: Entra, tenant: str) -> None:
    person = entra.sign_in(tenant)

    assert person.issuer == entra.issuer(tenant)
    assert person.username == "alice@contoso.example"
    assert not person.email_verified  # Entra never says so


@pytest.mark.parametrize(
    ("tenant", "claims"),
    [
        pytest.param(STRANGER, {}, id="not on the list"),
        pytest.param(CONSUMERS, {}, id="anybody's own account"),
        pytest.param(STRANGER, {"tid": CONTOSO}, id="a forged tid"),
        pytest.param(CONTOSO, {"tid": STRANGER}, id="a stranger's tid at an allowed issuer"),
        pytest.param(CONTOSO, {"tid": FABRIKAM}, id="two allowed tenants mixed"),
        pytest.param(CONTOSO, {"tid": None}, id="no tid"),
        pytest.param(CONTOSO, {"tid": [CONTOSO]}, id="a list"),
        pytest.param(CONTOSO, {"tid": CONTOSO.upper()}, id="another spelling"),
        pytest.param("{tenantid}", {"tid": CONTOSO}, id="the template itself"),
        pytest.param("organizations", {"tid": CONTOSO}, id="the configured issuer itself"),
        pytest.param(f"{CONTOSO}/../{STRANGER}", {"tid": CONTOSO}, id="a path"),
    ],
)
def test_what_does_not_fit_together_is_nobody_s(entra: Entra, tenant: str, claims: Document) -> None:
    """Trap 3: whoever can have a tenant can have a valid token of it."""
    with pytest.raises(ProviderFailed, match="its ID token is not valid"):
        entra.sign_in(tenant, **claims)


@pytest.mark.parametrize("tenant", [STRANGER, CONSUMERS])
def test_a_key_of_one_tenant_signs_for_that_one_alone(entra: Entra, tenant: str) -> None:
    """A tenant may bring its own key, and the key of private accounts stands in the same set."""
    entra.key_issuer = entra.issuer(tenant)

    with pytest.raises(ProviderFailed) as refused:
        entra.sign_in()
    assert refused.value.detail == "tid: of another tenant than the key that signed it"


def test_two_tenants_are_not_mixed_even_where_the_key_says_nothing(entra: Entra) -> None:
    entra.key_issuer = None

    with pytest.raises(ProviderFailed) as refused:
        entra.sign_in(CONTOSO, tid=FABRIKAM)
    assert refused.value.detail == "tid: missing, or not the tenant of the issuer"


@pytest.mark.parametrize("of", [CONTOSO, None])
def test_a_key_may_be_the_tenant_s_own_or_say_nothing(entra: Entra, of: str | None) -> None:
    entra.key_issuer = None if of is None else entra.issuer(of)

    assert entra.sign_in().username


@pytest.mark.parametrize(
    "issuer", ["https://evil.example/{tenantid}/v2.0", f"https://login.example/{CONTOSO}/v2.0", "{tenantid}", None]
)
def test_a_document_of_another_issuer_is_refused(entra: Entra, issuer: str | None) -> None:
    entra.publish(issuer=issuer)

    with pytest.raises(ProviderFailed, match="names another issuer"):
        entra.sign_in()


def test_a_template_is_for_entra_alone(entra: Entra, clock: Clock) -> None:
    """Any other provider that names a template does not name its issuer."""
    op = entra.op
    provider = Provider(op.settings(issuer=op.issuer + MANY), clock)

    with pytest.raises(ProviderFailed, match="names another issuer"):
        provider.metadata()


def test_rfc_9207_the_answer_may_name_the_tenant_s_issuer(entra: Entra) -> None:
    assert entra.sign_in(answer={"iss": entra.issuer(CONTOSO)}).username
    for iss in (entra.issuer(STRANGER), entra.template, entra.op.issuer + MANY):
        with pytest.raises(InvalidRequest, match="this answer is not from Microsoft"):
            entra.sign_in(answer={"iss": iss})


def test_hd_is_no_tenant_of_entra_s(entra: Entra, clock: Clock, tmp_path: Path) -> None:
    """An admin of any tenant can have a claim `hd` made."""
    toml = written("Microsoft Entra ID", 0) + f'allowed_tenants = ["{CONTOSO}"]\n'
    settings = configured(toml, tmp_path, entra.op.issuer)
    op = entra.op
    for claims, enters in (({"tid": CONTOSO}, True), ({"tid": STRANGER, "hd": CONTOSO}, False)):
        op.people["alice"] = Person("s", {**ALICE, **claims})
        provider = Provider(settings, clock)
        begun = begin(provider, Wish(), redirect_uri=CALLBACK, now=clock(), random=lambda size: b"x" * size)
        params = op.answer_to(begun.url, "alice")
        if enters:
            assert finish(provider, begun.attempt, params, clock()).username
        else:
            with pytest.raises(Forbidden, match="no tenant that may enter"):
                finish(provider, begun.attempt, params, clock())


# More groups than are sent


@pytest.mark.parametrize(
    "overage",
    [
        {
            "_claim_names": {"groups": "src1"},
            "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/t/users/o/getMemberObjects"}},
        },
        {"hasgroups": True},
        {"hasgroups": "true"},
    ],
)
def test_trap_8_an_overage_is_not_no_groups(entra: Entra, overage: Document) -> None:
    person = entra.sign_in(more='groups_claim = "groups"\n', groups=None, **overage)

    assert person.groups is None
    assert any("more groups than it sends in groups: the known ones stay" in note for note in person.notes)
    assert entra.op.requests["/t/users/o/getMemberObjects"] == 0
    with pytest.raises(Forbidden, match=r"no group that may enter here \(the provider has more groups than it sends"):
        entra.sign_in(more='groups_claim = "groups"\nallowed_groups = ["a"]\n', groups=None, **overage)


def test_trap_8_the_groups_known_before_stay_and_the_record_says_so(entra: Entra, gate: Gatepost) -> None:
    create_group(gate, ADMIN, "data-team")
    more = f'groups_claim = "groups"\ngroup_map = {{ "{ALICE["groups"][0]}" = "data-team" }}\n'
    settings = entra.settings(more)
    enter(gate, settings, entra.sign_in(more=more), Visit(address="", agent=""))
    few = entra.sign_in(more=more, groups=None, _claim_names={"groups": "src1"})
    enter(gate, settings, few, Visit(address="", agent=""))

    assert gate.check("user:alice@contoso.example", "member", "group:data-team").allowed
    last = read_audit(gate, ADMIN, Wanted(), Filter(event="groups.synchronised")).items[0]
    assert "more groups than it sends" in str(last)

    enter(gate, settings, entra.sign_in(more=more, groups=[]), Visit(address="", agent=""))
    assert not gate.check("user:alice@contoso.example", "member", "group:data-team").allowed


# As credentials, and as words of a logout


def signed(entra: Entra, tenant: str = CONTOSO, **claims: Any) -> str:
    return entra.op.token(**entra.claims(tenant, sub="AAAA", **claims))


def test_an_id_token_is_addressed_by_its_tenant_and_verified_by_it(entra: Entra, clock: Clock) -> None:
    entra_settings = entra.settings()
    settings = replace(settings_for("sqlite://"), sso=SsoSettings(providers=(entra_settings,)))
    provider = Provider(entra_settings, clock)

    assert addressees_of(settings, signed(entra)).providers == (entra_settings,)
    assert provider.verify_id_token(signed(entra))["tid"] == CONTOSO
    for tenant, claims in (
        (STRANGER, {}),
        (CONSUMERS, {}),
        ("organizations", {"tid": CONTOSO}),
        (STRANGER, {"tid": CONTOSO}),
    ):
        assert addressees_of(settings, signed(entra, tenant, **claims)).providers == ()
        with pytest.raises(InvalidToken):
            provider.verify_id_token(signed(entra, tenant, **claims))
    # Addressed by what it says, and refused for what it is.
    assert addressees_of(settings, signed(entra, CONTOSO, tid=STRANGER)).providers == (entra_settings,)
    with pytest.raises(InvalidToken) as refused:
        provider.verify_id_token(signed(entra, CONTOSO, tid=STRANGER))
    assert refused.value.detail == "tid: missing, or not the tenant of the issuer"


def test_a_logout_token_is_of_an_allowed_tenant_too(entra: Entra, clock: Clock) -> None:
    provider = Provider(entra.settings(), clock)

    assert read_logout_token(
        provider, entra.op.logout_token(iss=entra.issuer(CONTOSO), sid="s")
    ).issuer == entra.issuer(CONTOSO)
    for tenant in (STRANGER, "organizations"):
        with pytest.raises(InvalidToken):
            read_logout_token(provider, entra.op.logout_token(iss=entra.issuer(tenant), sid="s"))
