"""The key set through rotations, failures and attacks (traps 12 and 13, P-12)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import timedelta
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from gatepost.errors import InvalidToken, ProviderFailed
from gatepost.sso.jwks import CEILING, FLOOR, FRESH, HANDFUL, lifetime
from gatepost.sso.provider import Provider
from tests.sso.conftest import Clock, Flow
from tests.sso.provider_in_process import Document, InProcessProvider, Raw, make_key


def fetches(op: InProcessProvider) -> int:
    return op.requests["/jwks"]


def present(flow: Flow, **header: Any) -> None:
    """Present an ID token as a credential, so that nothing but its signature is at stake."""
    claims = flow.op.claims(flow.op.people["bob"], {}, "")
    flow.provider.verify_id_token(flow.op.sign(claims, header))


def another_called(kid: str) -> RSAKey:
    """Another key under the name of one that is known."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})


def test_a_key_set_is_fetched_once_while_it_is_fresh(flow: Flow, op: InProcessProvider) -> None:
    for _ in range(5):
        present(flow)

    assert fetches(op) == 1


def test_a_new_key_is_found_at_once(flow: Flow, op: InProcessProvider) -> None:
    """Rotation, also just before signing."""
    present(flow)
    op.rotate("second")
    present(flow)
    op.rotate("third", "EC")
    present(flow)

    assert fetches(op) == 3


def test_a_key_that_is_gone_verifies_nothing_after_the_next_fetch(
    flow: Flow, op: InProcessProvider, clock: Clock
) -> None:
    claims = op.claims(op.people["bob"], {}, "")
    old = op.sign({**claims, "exp": claims["exp"] + 3600})
    flow.provider.verify_id_token(old)
    op.rotate("second")
    clock.forward(minutes=11)

    with pytest.raises(InvalidToken) as error:
        flow.provider.verify_id_token(old)
    assert error.value.detail.startswith("no key of the issuer verifies it")


def test_a_storm_of_unknown_kids_is_at_most_a_few_fetches(flow: Flow, op: InProcessProvider) -> None:
    """Trap 12: a hundred tokens, each with another key id."""
    present(flow)
    for number in range(100):
        with pytest.raises(InvalidToken):
            present(flow, kid=f"random-{number}")

    assert fetches(op) <= 1 + HANDFUL
    present(flow)


def test_after_the_cool_down_a_rotation_is_found_again(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    present(flow)
    for number in range(100):
        with pytest.raises(InvalidToken):
            present(flow, kid=f"random-{number}")
    op.rotate("second")
    with pytest.raises(InvalidToken):
        present(flow)
    clock.forward(seconds=61)

    present(flow)


def test_an_unknown_kid_is_remembered_for_a_moment(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    present(flow)
    for _ in range(10):
        with pytest.raises(InvalidToken):
            present(flow, kid="unknown")
    assert fetches(op) == 2
    clock.forward(seconds=6)
    with pytest.raises(InvalidToken):
        present(flow, kid="unknown")
    assert fetches(op) == 3


def test_a_storm_while_the_provider_fails_counts_too(flow: Flow, op: InProcessProvider) -> None:
    """Trap 12: a failed fetch must not bypass the cool-down, nor cost the keys we have."""
    present(flow)
    op.tamper.raw["/jwks"] = Raw(status=503)
    for number in range(100):
        with pytest.raises(InvalidToken):
            present(flow, kid=f"random-{number}")

    assert fetches(op) <= 1 + HANDFUL
    present(flow)


def test_a_storm_before_the_first_key_set_is_bounded(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.raw["/jwks"] = Raw(status=503)
    for _ in range(50):
        with pytest.raises(ProviderFailed, match="the key set answered 503"):
            present(flow)

    assert fetches(op) <= 1 + HANDFUL


@pytest.mark.parametrize("keys", [[], [{"kty": "oct", "k": "AAAA"}], "text"])
def test_an_empty_key_set_costs_no_good_keys(flow: Flow, op: InProcessProvider, clock: Clock, keys: object) -> None:
    present(flow)
    op.tamper.jwks = lambda _: {"keys": keys}
    clock.forward(minutes=11)

    present(flow)
    assert fetches(op) == 2


def test_stale_keys_serve_for_a_bounded_time(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    """Trap 13: the provider fails for a day, and then its keys are too old to believe."""
    present(flow)
    op.tamper.raw["/jwks"] = Raw(status=500)
    clock.forward(hours=23)
    present(flow)
    clock.forward(hours=2)

    with pytest.raises(ProviderFailed, match="the key set answered 500"):
        present(flow)
    op.tamper.raw.clear()
    clock.forward(seconds=31)
    present(flow)


def test_a_failed_refresh_is_tried_again_soon_but_not_at_once(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    present(flow)
    op.tamper.raw["/jwks"] = Raw(status=500)
    clock.forward(minutes=11)
    for _ in range(5):
        present(flow)
    assert fetches(op) == 2
    clock.forward(seconds=31)
    present(flow)
    assert fetches(op) == 3


def test_a_new_key_under_the_old_ones_name_is_found_too(flow: Flow, op: InProcessProvider) -> None:
    """A gateway that has its key in a file calls every key alike."""
    present(flow)
    op.keys = [another_called(str(op.keys[0].kid))]
    present(flow)

    assert fetches(op) == 2


def test_a_storm_of_bad_signatures_under_a_known_kid_is_at_most_a_few_fetches(
    flow: Flow, op: InProcessProvider
) -> None:
    present(flow)
    honest, op.keys = op.keys, [another_called(str(op.keys[0].kid))]
    forged = op.sign(op.claims(op.people["bob"], {}, ""))
    op.keys = honest
    for _ in range(50):
        with pytest.raises(InvalidToken):
            flow.provider.verify_id_token(forged)

    assert fetches(op) <= 1 + HANDFUL
    present(flow)


def test_a_token_without_kid_finds_a_rotation_too(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.header = lambda header: {name: value for name, value in header.items() if name != "kid"}
    present(flow)
    op.rotate("second")

    present(flow)
    assert fetches(op) == 2


def test_a_key_set_without_kids_serves_tokens_with_them(flow: Flow, op: InProcessProvider) -> None:
    op.tamper.jwks = lambda document: {
        "keys": [{k: v for k, v in key.items() if k != "kid"} for key in document["keys"]]
    }

    present(flow)
    assert fetches(op) == 1


def test_many_threads_are_one_fetch(flow: Flow, op: InProcessProvider) -> None:
    """Single flight: eight sign-ins at once after a rotation."""
    present(flow)
    op.rotate("second")
    token = op.sign(op.claims(op.people["bob"], {}, ""))
    start, errors = threading.Barrier(8), list[Exception]()

    def verify() -> None:
        start.wait()
        try:
            flow.provider.verify_id_token(token)
        except Exception as error:  # noqa: BLE001 - told to the test below
            errors.append(error)

    threads = [threading.Thread(target=verify) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert fetches(op) == 2


def test_a_key_signed_by_another_issuer_verifies_nothing_here(flow: Flow, op: InProcessProvider) -> None:
    present(flow)
    published = op.jwks()
    op.tamper.jwks = lambda _: published
    op.keys = [make_key("elsewhere")]

    with pytest.raises(InvalidToken):
        present(flow, kid="first")


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", FRESH),
        ("public", FRESH),
        ("max-age=120", timedelta(seconds=120)),
        ("public, Max-Age=600, must-revalidate", timedelta(seconds=600)),
        ("max-age=0", FLOOR),
        ("no-cache", FLOOR),
        ("no-store, max-age=3600", FLOOR),
        ("max-age=31536000", CEILING),
        ("max-age=99999999999999", CEILING),
        ("max-age=-1", FRESH),
        ("max-age=soon", FRESH),
        ("s-maxage=5", FRESH),
    ],
)
def test_cache_headers_count_between_a_floor_and_a_ceiling(header: str, expected: timedelta) -> None:
    """Trap 12: `no-cache` is not once a second.  Trap 13: no header is not for ever.  Both are in HA-X2."""
    assert lifetime(header) == expected


def test_configured_keys_need_no_provider(flow_with: Callable[..., Flow], op: InProcessProvider) -> None:
    flow = flow_with(public_keys=(json.dumps(op.jwks()),))

    present(flow)
    assert op.requests.total() == 0


def test_nobody_waits_for_a_refresh_who_has_keys(flow: Flow, op: InProcessProvider, clock: Clock) -> None:
    """A slow provider holds up the one thread that asks it, and no other."""
    present(flow)
    clock.forward(minutes=11)
    asked, answer = threading.Event(), threading.Event()

    def slowly(document: Any) -> Any:
        asked.set()
        answer.wait(5)
        return document

    op.tamper.jwks = slowly
    refresher = threading.Thread(target=present, args=(flow,))
    refresher.start()
    assert asked.wait(5)

    present(flow)
    assert refresher.is_alive()

    answer.set()
    refresher.join()
    assert fetches(op) == 2


def test_whoever_comes_during_the_first_fetch_waits_for_it(op: InProcessProvider, clock: Clock) -> None:
    """HA-X (hasura#9613): nobody is refused because the keys are only just being fetched."""
    asked, answered = threading.Event(), threading.Event()

    def slowly(document: Document) -> Document:
        asked.set()
        assert answered.wait(10)
        return document

    op.tamper.jwks = slowly
    provider = Provider(op.settings(), clock)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(provider.keys.candidates, "first", "RS256")
        assert asked.wait(10)
        second = pool.submit(provider.keys.candidates, "first", "RS256")
        assert not wait([second], timeout=0.1).done
        answered.set()
        assert [key.kid for key in (*first.result(), *second.result())] == ["first", "first"]
    assert op.requests["/jwks"] == 1
