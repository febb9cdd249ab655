"""The plan "Third-Party-Initiated Login": another site asks for the sign-in, and the person ends where it said, here."""

from __future__ import annotations

import pytest

from tests.certification.conftest import RelyingParty, Visitor
from tests.certification.hostile_provider import HostileProvider
from tests.certification.plans import THIRD_PARTY, C


def ask(visitor: Visitor, how: str, **asked: str) -> str:
    """Follow another site's link, or its form, to the provider's address."""
    path, kept = "/oauth/op/login", visitor.client.cookies
    if how == "GET":
        return visitor.begin(path, **asked)
    posted = visitor.client.post(path, data=asked, headers={"Origin": "https://portal.example"}, follow_redirects=False)
    assert posted.status_code == 303
    visitor.client.cookies = kept
    return visitor.begin(str(posted.headers["location"]))


@pytest.mark.parametrize("how", ["GET", "POST"])
@pytest.mark.parametrize("name", THIRD_PARTY)
def test_third_party(rp: RelyingParty, op: HostileProvider, name: str, how: str) -> None:
    assert name == f"{C}-3rd-party-init-login"
    visitor = rp.visitor()
    with visitor.client:
        target = f"{rp.running.url}/collections/sales"
        address = ask(visitor, how, iss=op.issuer, login_hint="jane@op.example", target_link_uri=target)
        answer = visitor.come_back(address)

        visitor.require_in(answer)
        assert answer.headers["location"] == "/collections/sales"
    (asked,) = op.asked_for("/authorize")
    assert asked.query["login_hint"] == "jane@op.example"
    assert asked.query["state"]


@pytest.mark.parametrize("how", ["GET", "POST"])
@pytest.mark.parametrize(
    "target",
    ["https://evil.example/", "//evil.example", "{}.evil.example/", "{}@evil.example/", "{}//evil.example", ""],
)
def test_the_target_is_no_way_out(rp: RelyingParty, op: HostileProvider, target: str, how: str) -> None:
    visitor = rp.visitor()
    with visitor.client:
        address = ask(visitor, how, iss=op.issuer, target_link_uri=target.format(rp.running.url))

        assert visitor.come_back(address).headers["location"] == "/"


@pytest.mark.parametrize("how", ["GET", "POST"])
@pytest.mark.parametrize("iss", ["https://evil.example", "", "{}/", "{}\0"])
def test_another_issuer_begins_nothing(rp: RelyingParty, op: HostileProvider, iss: str, how: str) -> None:
    """By POST it goes on by GET, where the issuer is judged."""
    asked = {"iss": iss.format(op.issuer), "target_link_uri": rp.running.url}
    visitor = rp.visitor()
    with visitor.client:
        if how == "GET":
            answer = visitor.client.get("/oauth/op/login", params=asked, follow_redirects=False)
        else:
            answer = visitor.client.post("/oauth/op/login", data=asked, follow_redirects=True)
        visitor.require_nobody(answer, 400)
    assert op.asked_for("/authorize") == []
