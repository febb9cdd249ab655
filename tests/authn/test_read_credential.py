"""A request carries one credential, read by syntax alone (RFC 9110, 6750, 7617; IF-X1, AG-14)."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.authn.credential import COOKIE, SECURE_COOKIE, read_credential
from gatepost.errors import GatepostError, InvalidRequest, InvalidToken
from gatepost.principal import BasicCredential, BearerToken, Credential, NoCredential, SessionCookie

Headers = list[tuple[bytes, bytes]]


def auth(*values: bytes) -> Headers:
    return [(b"authorization", value) for value in values]


def cookies(*values: bytes) -> Headers:
    return [(b"cookie", value) for value in values]


def basic(text: str | bytes) -> bytes:
    return b"Basic " + base64.b64encode(text if isinstance(text, bytes) else text.encode())


JWS = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2ln"

ONE = {
    "nothing": ([], NoCredential()),
    "other headers": ([(b"x-api-key", b"gp_x"), (b"host", b"h")], NoCredential()),
    "cookie": (cookies(b"gp_session=s1"), SessionCookie("s1")),
    "cookie among others": (cookies(b"a=1; gp_session=s1;b=2"), SessionCookie("s1")),
    "cookie in the second header": (cookies(b"a=1", b"gp_session=s1"), SessionCookie("s1")),
    "cookie of another name": (cookies(b"xgp_session=s1; gp_session2=s2; GP_SESSION=s3"), NoCredential()),
    "cookie without a value": (cookies(b"gp_session=; gp_session"), NoCredential()),
    "cookie with an equals sign": (cookies(b"gp_session=a=b"), SessionCookie("a=b")),
    "scheme in any case": (auth(b"bEaReR t"), BearerToken("t")),
    "header in any case": ([(b"AuThOrIzAtIoN", b"Bearer t")], BearerToken("t")),
    "spaces around": (auth(b"  Bearer   t  "), BearerToken("t")),
    "basic": (auth(basic("alice:pw")), BasicCredential("alice", "pw")),
    "colon in password": (auth(b"Basic YTpiOmM="), BasicCredential("a", "b:c")),
    "basic without a name": (auth(basic(":pw")), BasicCredential("", "pw")),
    "basic without a secret": (auth(basic("alice:")), BasicCredential("alice", "")),
    "basic with a token": (auth(basic("__token__:gp_x")), BasicCredential("__token__", "gp_x")),
    "basic with an id token": (auth(basic(f"bob@corp.example:{JWS}")), BasicCredential("bob@corp.example", JWS)),
    "basic in utf-8": (auth(basic("zoë:pässwörd")), BasicCredential("zoë", "pässwörd")),
    "sent beats ambient": ([*cookies(b"gp_session=s1"), *auth(b"Bearer t")], BearerToken("t")),
    "sent beats two cookies": ([*cookies(b"gp_session=1; gp_session=2"), *auth(b"Bearer t")], BearerToken("t")),
}

REFUSED = {
    "no token": (auth(b"Bearer"), InvalidRequest),
    "no token but a space": (auth(b"Bearer "), InvalidRequest),
    "two tokens": (auth(b"Bearer a b"), InvalidRequest),
    "empty": (auth(b""), InvalidRequest),
    "spaces": (auth(b"   "), InvalidRequest),
    "unknown scheme": (auth(b"Digest x"), InvalidRequest),
    "no scheme": (auth(b"gp_x"), InvalidRequest),
    "token as the scheme": (auth(b"token gp_x"), InvalidRequest),
    "two headers": (auth(b"Bearer a", b"Bearer b"), InvalidRequest),
    "the same header twice": (auth(b"Bearer a", b"Bearer a"), InvalidRequest),
    "two schemes": (auth(b"Bearer a", basic("a:b")), InvalidRequest),
    "two in one": (auth(b"Bearer a, Basic YTpi"), InvalidRequest),
    "continuation": (auth(b"Bearer a\r\n b"), InvalidRequest),
    "not ascii": (auth("Bearer tökén".encode()), InvalidRequest),
    "not utf-8": (auth(b"Bearer \xff"), InvalidRequest),
    "over-long": (auth(b"Bearer " + b"a" * 20_000), InvalidRequest),
    "basic: nothing": (auth(b"Basic"), InvalidRequest),
    "basic: not base64": (auth(b"Basic !"), InvalidRequest),
    "basic: base64 with rubbish": (auth(b"Basic YTpi!!!!"), InvalidRequest),
    "basic: no padding": (auth(b"Basic YTpiOmM"), InvalidRequest),
    "basic: urlsafe": (auth(b"Basic " + base64.urlsafe_b64encode("ÿþ:ÿþ?>".encode())), None),
    "basic: no colon": (auth(basic("alice")), InvalidRequest),
    "basic: not utf-8": (auth(basic(b"\xff\xfe:x")), InvalidRequest),
    "two cookies": (cookies(b"gp_session=a; gp_session=b"), InvalidToken),
    "two cookies in two headers": (cookies(b"gp_session=a", b"gp_session=b"), InvalidToken),
    "the same cookie twice": (cookies(b"gp_session=a; gp_session=a"), InvalidToken),
}


@pytest.mark.parametrize("name", ONE)
def test_a_request_carries_one_credential(name: str) -> None:
    headers, expected = ONE[name]
    assert read_credential(headers, secure=False) == expected


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_malformed_or_said_twice_is_refused_and_never_nothing(name: str) -> None:
    """Trap 22: it must not become a call without a credential."""
    headers, kind = REFUSED[name]
    if kind is None:
        try:
            assert read_credential(headers, secure=False) != NoCredential()
        except InvalidRequest:
            return
    else:
        with pytest.raises(kind):
            read_credential(headers, secure=False)


@pytest.mark.parametrize("mark", [b"\xa0", b"\x85", b"\x1c", b"\x0b", b"\xe2\x80\x80", b"\xc2\xa0", b"=", b'"'])
def test_a_name_that_only_looks_like_ours_is_another_cookies(mark: bytes) -> None:
    """Cookie tossing: a sibling host sets `<mark>__Host-gp_session`, which no browser takes for a `__Host-` cookie.

    Whoever takes the mark off as white space signs the visitor in as the attacker.
    """
    for name in (mark + b"__Host-gp_session", b"__Host-gp_session" + mark.replace(b"=", b" x")):
        assert read_credential(cookies(b"a=1; " + name + b"=planted"), secure=True) == NoCredential()
    assert read_credential(cookies(b"a=1;\t __Host-gp_session=real"), secure=True) == SessionCookie("real")


def test_on_tls_only_the_host_cookie_is_read() -> None:
    """Rule 6: another host of the domain, or a plain page, can set the one without the prefix."""
    both = cookies(b"gp_session=planted; __Host-gp_session=real")
    assert read_credential(both, secure=True) == SessionCookie("real")
    assert read_credential(cookies(b"gp_session=planted"), secure=True) == NoCredential()
    assert read_credential(both, secure=False) == SessionCookie("planted")
    assert read_credential(cookies(b"__Host-gp_session=real"), secure=False) == NoCredential()
    with pytest.raises(InvalidToken):
        read_credential(cookies(b"__Host-gp_session=a; __Host-gp_session=b"), secure=True)
    assert f"__Host-{COOKIE}" == SECURE_COOKIE


@given(st.lists(st.tuples(st.sampled_from([b"authorization", b"cookie", b"x"]), st.binary(max_size=60)), max_size=4))
def test_whatever_is_sent_is_read_or_refused_and_never_a_crash(headers: Headers) -> None:
    try:
        found: Credential = read_credential(headers, secure=False)
    except GatepostError:
        return
    if any(name == b"authorization" for name, _ in headers):
        assert isinstance(found, BearerToken | BasicCredential)
