"""The way there and back: state, codes, mix-up, fixation and where the browser ends."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gatepost.sso.addresses import safe_next
from tests.certification.conftest import RelyingParty, Start, Visitor
from tests.certification.hostile_provider import HostileProvider, running, with_, without
from tests.conftest import ADMIN_PASSWORD
from tests.dice import FakeDice


def answer_of(address: str) -> str:
    """What the provider sends the browser back to, without going there."""
    there = httpx2.get(address, trust_env=False, verify=False)
    assert there.status_code == 302
    return str(there.headers["location"])


def edited(callback: str, **changes: str | None) -> str:
    parts = urlsplit(callback)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return f"{parts.path}?{urlencode({name: value for name, value in query.items() if value is not None})}"


STATES: dict[str, str | None] = {
    "missing": None,
    "empty": "",
    "wrong": "x" * 43,
    "with something after it": "{}x",
    "cut short": "{:.42}",
    "in other letters": "{}".swapcase(),
    "with a NUL": "{}\0",
    "in another script": "\u0430\u0455",
    "half a character": "\ufffd",
    "very long": "s" * 9000,
    "a cookie's name": "gp_session",
}


@pytest.mark.parametrize("name", STATES)
def test_a_state_that_is_not_this_browsers_redeems_nothing(visitor: Visitor, op: HostileProvider, name: str) -> None:
    """Trap 16: and the provider is not asked, so that the code stays unspent for whom it is of."""
    callback = answer_of(visitor.begin())
    own = dict(parse_qsl(urlsplit(callback).query))["state"]
    state = STATES[name]
    wanted = own.swapcase() if name == "in other letters" else None if state is None else state.format(own)

    answer = visitor.client.get(edited(callback, state=wanted), follow_redirects=False)

    visitor.require_nobody(answer, 400)
    assert op.asked_for("/token") == []
    visitor.require_in(visitor.client.get(callback, follow_redirects=False))


def test_a_state_serves_once_and_in_one_browser(rp: RelyingParty, op: HostileProvider) -> None:
    mine, thiefs = rp.visitor(), rp.visitor()
    with mine.client, thiefs.client:
        callback = answer_of(mine.begin())
        stolen = dict(mine.client.cookies)
        thiefs.require_nobody(thiefs.client.get(callback, follow_redirects=False), 400)
        mine.require_in(mine.client.get(callback, follow_redirects=False))

        thiefs.client.cookies.update(stolen)
        again = thiefs.client.get(callback, follow_redirects=False)

        assert again.status_code == 400
        assert thiefs.who() == ""
        assert len(op.asked_for("/token")) == 1


def test_a_code_of_another_sign_in_is_not_redeemed_into_this_one(rp: RelyingParty, op: HostileProvider) -> None:
    """Code injection: the provider does not look at the verifier, and the nonce still tells."""
    victim, attacker = rp.visitor(), rp.visitor()
    with victim.client, attacker.client:
        stolen = dict(parse_qsl(urlsplit(answer_of(victim.begin())).query))["code"]
        own = answer_of(attacker.begin())

        answer = attacker.client.get(edited(own, code=stolen), follow_redirects=False)

        attacker.require_nobody(answer, 502)


@pytest.mark.parametrize("code", ["", None, "never-issued", "c" * 9000, "\0", "a b&c=d", "\u202e"])
def test_a_code_that_is_none_is_a_page(visitor: Visitor, op: HostileProvider, code: str | None) -> None:
    callback = answer_of(visitor.begin())

    visitor.require_nobody(visitor.client.get(edited(callback, code=code), follow_redirects=False), 400)


def test_mix_up_between_two_providers(start: Start, op: HostileProvider, dice: FakeDice) -> None:
    """RFC 9207: the browser was sent to the evil one, which has the honest one answer; no code leaves for either."""
    with running("127.0.0.1") as evil:
        evil.now = dice.clock
        rp = start(evil.settings(name="evil"))
        for iss in (None, op.issuer, evil.issuer, ""):
            visitor = rp.visitor()
            with visitor.client:
                asked = dict(parse_qsl(urlsplit(visitor.begin("/oauth/evil/login")).query))
                honest = op.grant_code({**asked, "redirect_uri": f"{rp.running.url}/oauth/op/callback"})
                query = {**honest, **({} if iss is None else {"iss": iss})}
                answer = visitor.client.get("/oauth/op/callback", params=query, follow_redirects=False)
                visitor.require_nobody(answer, 400)
                if iss not in (None, evil.issuer):
                    answer = visitor.client.get("/oauth/evil/callback", params=query, follow_redirects=False)
                    visitor.require_nobody(answer, 400)
        assert op.asked_for("/token") == evil.asked_for("/token") == []


def test_a_provider_that_promises_iss_is_held_to_it(start: Start, op: HostileProvider) -> None:
    promise = with_(authorization_response_iss_parameter_supported=True)
    op.change.discovery = promise
    rp = start()
    for change, good in (
        (without("x"), False),
        (with_(iss="https://evil.example"), False),
        (with_(iss=op.issuer), True),
    ):
        op.change.answer = change
        visitor = rp.visitor()
        with visitor.client:
            answer = visitor.sign_in()
            if good:
                visitor.require_in(answer)
            else:
                visitor.require_nobody(answer, 400)


def test_a_sign_in_is_a_new_session_whatever_the_browser_had(rp: RelyingParty) -> None:
    """Login fixation: the attacker's cookie is no session, and what they know opens nothing afterwards."""
    visitor, attacker = rp.visitor(), rp.visitor()
    with visitor.client, attacker.client:
        planted = "A" * 43
        visitor.client.cookies.set("gp_session", planted, domain="127.0.0.1", path="/")
        answer = visitor.sign_in()
        assert answer.status_code == 303
        given = answer.headers["set-cookie"]
        assert "gp_session=" in given
        assert planted not in given
        attacker.client.cookies.set("gp_session", planted, domain="127.0.0.1", path="/")
        assert attacker.client.get("/api/v1/me").status_code == 401


@pytest.mark.parametrize("way", ["password", "elsewhere", "elsewhere, as somebody else"])
def test_the_session_of_before_ends_with_the_next_sign_in(rp: RelyingParty, op: HostileProvider, way: str) -> None:
    """One browser, one session: what was left open by the one before is closed for everybody who kept its cookie."""
    visitor, keeper = rp.visitor(), rp.visitor()
    with visitor.client, keeper.client:
        visitor.require_in(visitor.sign_in())
        keeper.client.cookies.update(dict(visitor.client.cookies))
        assert keeper.who() == "jane"

        if way == "password":
            form = {"username": "admin", "password": ADMIN_PASSWORD}
            visitor.client.post("/login", data=form, headers={"Origin": rp.running.url})
        elif way == "elsewhere":
            visitor.sign_in()
        else:
            op.sub, op.person = "another-1", {"preferred_username": "john"}
            visitor.sign_in()

        assert visitor.who() == {"password": "admin", "elsewhere": "jane"}.get(way, "john")
        assert keeper.client.get("/api/v1/me").status_code == 401


def test_a_sign_in_that_fails_leaves_the_session_as_it_is(rp: RelyingParty, op: HostileProvider) -> None:
    """Or any link to a callback would sign people out."""
    visitor = rp.visitor()
    with visitor.client:
        visitor.require_in(visitor.sign_in())
        op.change.claims = with_(aud="another-client")

        assert visitor.sign_in().status_code == 502
        assert visitor.client.get("/oauth/op/callback?state=x&code=y", follow_redirects=False).status_code == 400
        assert visitor.who() == "jane"


ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "////evil.example//..",
    "/\\evil.example",
    "\\/evil.example",
    "/\\/evil.example",
    "\\\\evil.example",
    "/%2f/evil.example",
    "/%2F%2Fevil.example",
    "%2f%2fevil.example",
    "/%252f%252fevil.example",
    "/%25252f%25252fevil.example",
    "/%5cevil.example",
    "/%5c%5cevil.example",
    "/@evil.example",
    "@evil.example",
    "/%40evil.example",
    "/\t/evil.example",
    "\t//evil.example",
    "/\n/evil.example",
    "/\r\n/evil.example",
    "/%09/evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "/\x0b/evil.example",
    "/\x7f/evil.example",
    "/\u2028/evil.example",
    "/\uff0f/evil.example",
    "/\u2215/evil.example",
    "\u3002evil.example",
    "/..//evil.example",
    "/../..//evil.example",
    "/.//evil.example",
    "/%2e%2e//evil.example",
    "/./\\evil.example",
    "/..;/evil.example/../..//evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "HTTPS://EVIL.EXAMPLE",
    "https://127.0.0.1@evil.example",
    "http://127.0.0.1.evil.example",
    "http://[::1]@evil.example",
    "javascript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    " //evil.example",
    "\x00//evil.example",
    "/" + "a" * 2100,
    "//" + "evil.example/" * 500,
    "?next=//evil.example",
    "#//evil.example",
    ".evil.example",
    "",
)


@pytest.mark.parametrize("way", ["elsewhere", "password"])
def test_next_never_leaves_this_server(rp: RelyingParty, way: str) -> None:
    """Every spelling of another place ends at the start page, at both doors."""
    form = {"username": "admin", "password": ADMIN_PASSWORD}
    for wanted in ELSEWHERE:
        visitor = rp.visitor()
        with visitor.client:
            if way == "elsewhere":
                begun = visitor.client.get("/oauth/op/login", params={"next": wanted}, follow_redirects=False)
                if "\0" in wanted:
                    assert begun.status_code == 400
                    continue
                answer = visitor.come_back(str(begun.headers["location"]))
            else:
                data = {**form, "next": wanted}
                answer = visitor.client.post(
                    "/login", data=data, headers={"Origin": rp.running.url}, follow_redirects=False
                )
            assert answer.status_code == 303, wanted
            assert answer.headers["location"] == "/", wanted


SEPARATORS = ("/", "\\", "//", "%2f", "%5C", "%252f", "@", ":", ".", "..", "%2e", "?", "#", "&", ";", "%")
BLANKS = ("\t", "\n", "\r", " ", "\x00", "\x1b", "\x85", "\xa0", "\u2028", "\uff0f")
PIECES = st.sampled_from((*SEPARATORS, *BLANKS, "http:", "https:", "javascript:", "evil.example", "a"))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=500, deadline=None)
@given(st.lists(PIECES, max_size=7).map("".join))
def test_whatever_is_put_together_stays_here(wanted: str) -> None:
    """As a browser reads it: tabs and newlines gone, backslashes turned, and what is before them stripped."""
    found = safe_next(wanted)
    read = "".join(c for c in found if c not in "\t\r\n").strip("".join(map(chr, range(33)))).replace("\\", "/")

    assert read.startswith("/")
    assert not read.startswith("//")
    assert urlsplit(f"https://gatepost.example{read}").netloc == "gatepost.example"
    assert found.isascii()
    assert found.isprintable()


def test_a_good_next_is_kept(rp: RelyingParty) -> None:
    """The other side: not everything ends at the start page."""
    for wanted in ("/collections", "/collections/sales?tab=access#top", "/users/jane@op.example", "/a%20b"):
        visitor = rp.visitor()
        with visitor.client:
            assert visitor.sign_in(next=wanted).headers["location"] == wanted


def test_many_sign_ins_begun_do_not_lock_the_browser_out(visitor: Visitor) -> None:
    """Each attempt has a cookie of its own: a link that is opened again and again must not make the header too large."""
    for _ in range(180):  # as many as a browser keeps for one site
        visitor.begin()

    assert visitor.client.get("/login").status_code == 200
    visitor.require_in(visitor.sign_in())
