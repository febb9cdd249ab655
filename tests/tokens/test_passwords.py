"""Argon2id by RFC 9106, what a password may be, and what is compared (DH-3, IF-2, rule 5)."""

from __future__ import annotations

import threading

import pytest
from argon2 import extract_parameters
from argon2.low_level import Type

from gatepost.errors import InvalidField
from gatepost.tokens.passwords import Passwords, require_good_password
from tests.tokens.signing_in import Watched


def test_the_profile_is_rfc_9106s() -> None:
    """Section 4: 64 MiB and three passes, Argon2id, a salt of 16 and a tag of 32 octets."""
    parameters = extract_parameters(Passwords().hash("plover-zinc-93"))
    assert (parameters.type, parameters.memory_cost, parameters.time_cost) == (Type.ID, 64 * 1024, 3)
    assert (parameters.salt_len, parameters.hash_len) == (16, 32)


def test_a_hash_is_salted_and_knows_its_password_alone(passwords: Passwords) -> None:
    one, two = passwords.hash("plover-zinc-93"), passwords.hash("plover-zinc-93")
    assert one != two
    assert passwords.matches(one, "plover-zinc-93")
    for wrong in ("plover-zinc-94", "Plover-zinc-93", "plover-zinc-93 ", "", "plover-zinc-93\0"):
        assert not passwords.matches(one, wrong)


def test_nothing_matches_no_password_and_the_work_is_done_all_the_same(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account that does not exist must not answer sooner."""
    verified: list[str] = []
    passwords.warm()
    monkeypatch.setattr(passwords, "_hasher", Watched(passwords._hasher, verified.append))
    assert not passwords.matches(None, "anything")
    assert len(verified) == 1
    assert not passwords.matches(None, "a password that nobody has"), "not even the decoy's own"


def test_the_tail_of_a_long_password_counts(passwords: Passwords) -> None:
    """bcrypt cuts at 72 bytes and at a NUL; Argon2 does neither."""
    head = "correct horse battery staple " * 4
    stored = passwords.hash(head + "a")
    assert passwords.matches(stored, head + "a")
    assert not passwords.matches(stored, head + "b")
    nul = passwords.hash("front\0back")
    assert not passwords.matches(nul, "front")
    assert not passwords.matches(nul, "front\0other")


def test_the_same_characters_match_however_a_keyboard_composed_them(passwords: Passwords) -> None:
    """RFC 8265 section 4.2.2: NFC.  It is not NFKC: look-alikes stay different."""
    stored = passwords.hash("caf\u00e9-harbour")
    assert passwords.matches(stored, "cafe\u0301-harbour")
    assert not passwords.matches(stored, "cafe-harbour")
    assert not passwords.matches(passwords.hash("\ufb01sh-harbour"), "fish-harbour")


def test_half_a_character_is_a_wrong_password_and_no_crash(passwords: Passwords) -> None:
    assert not passwords.matches(passwords.hash("plover-zinc-93"), "\ud800")


def test_a_damaged_hash_matches_nothing(passwords: Passwords) -> None:
    for stored in ("", "x", "$argon2id$", "plover-zinc-93", "$2b$12$abcdefghijklmnopqrstuv"):
        assert not passwords.matches(stored, "plover-zinc-93")
        assert not passwords.matches(stored, stored)


def test_a_hash_of_another_profile_is_outdated() -> None:
    cheap = Passwords(cheap=True)
    assert Passwords().is_outdated(cheap.hash("plover-zinc-93"))
    assert not cheap.is_outdated(cheap.hash("plover-zinc-93"))


def test_no_more_are_hashed_at_once_than_there_are_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes 64 MiB: a storm of sign-ins must not take the memory of everything else."""
    passwords = Passwords(cheap=True, at_once=2)
    running, most, lock, enough = 0, 0, threading.Lock(), threading.Event()

    def slow(_: str) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if running == 2:
                enough.set()
        enough.wait(5)
        with lock:
            running -= 1

    stored = passwords.hash("plover-zinc-93")
    monkeypatch.setattr(passwords, "_hasher", Watched(passwords._hasher, slow))
    threads = [threading.Thread(target=passwords.matches, args=(stored, "x")) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert most == 2


REFUSED = {
    "too short": ["", "a", "1234567", "ä" * 7],
    "too long": ["x9-" * 400],
    "common": [
        "password",
        "12345678",
        "qwertyuiop",
        "Passw0rd",
        "iloveyou",
        "letmein1",
        "aaaaaaaaaaaaaaaa",
        "11111111",
    ],
    "looks like a token": ["gp_" + "a" * 38, "gp_x-plover-zinc", "abc.def.ghi-jklmn", "eyJhbGciOiJub25lIn0.e30."],
    "control character": ["plover\0zinc93", "plover\nzinc93", "plover\x7fzinc93", "plover\ud800zinc93"],
}


@pytest.mark.parametrize(("sentence", "password"), [(s, p) for s, found in REFUSED.items() for p in found])
def test_what_people_guess_or_what_looks_like_a_token_is_no_password(sentence: str, password: str) -> None:
    with pytest.raises(InvalidField, match=sentence):
        require_good_password(password)


@pytest.mark.parametrize("password", ["alice1234", "alice@example.org", "Alice Liddell"])
def test_ones_own_name_is_no_password(password: str) -> None:
    with pytest.raises(InvalidField, match="common"):
        require_good_password(password, ("alice1234", "alice@example.org", "Alice Liddell"))


@pytest.mark.parametrize(
    "password",
    [
        "plover-zinc-93-harbour",
        "four words in a row",
        "пароль-из-чаек-93",
        "gps_is-not-our-prefix-93",
        "a.b.c with spaces 93",
        "x9-" * 333,
        "🦭🧭🪵🛶🧊🪶⚓🌾",
    ],
)
def test_what_is_long_or_unusual_enough_is_taken(password: str) -> None:
    require_good_password(password)
