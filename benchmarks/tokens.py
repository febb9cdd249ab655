"""What does it cost to know who sent an ES256 access token, beside the bare `cryptography` verify of its signature?

Each token is verified as the server does it: authenticate, principal.  The first time nothing is known of it;
again, its claims are in memory, and whether its session was ended is asked anew.  The three are timed in turns, so that
a busy moment of the machine meets all of them.

    PYTHONPATH=src python benchmarks/tokens.py [--tokens 5000]
"""

from __future__ import annotations

import argparse
import base64
import gc
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from gatepost import Gatepost, authn
from gatepost.principal import FULL_SCOPE, BearerToken, Entity, Method, Principal
from gatepost.tokens.access_tokens import mint

ADDRESS = "127.0.0.1"
FIRST_BAR_US, AGAIN_BAR_US = 60.0, 5.0


def microseconds(work: Callable[[], object]) -> float:
    started = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - started) / 1e3


def who(gate: Gatepost, chain: Sequence[authn.Authenticator], token: str) -> Principal:
    caller = authn.authenticate(BearerToken(token), chain, gate.now())
    assert isinstance(caller, Principal)
    assert caller.method is Method.ACCESS_TOKEN
    return caller


def bare(public: ec.EllipticCurvePublicKey, token: str) -> Callable[[], None]:
    """Return the verify alone: decoding and the signature's form are done before the clock runs."""
    signed, _, text = token.rpartition(".")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    signature = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    algorithm, message = ec.ECDSA(SHA256()), signed.encode()
    return lambda: public.verify(signature, message, algorithm)


def public_key(gate: Gatepost) -> ec.EllipticCurvePublicKey:
    jwk: dict[str, Any] = json.loads(json.dumps(gate.memory.keys.active.public))
    x, y = (int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=")) for name in ("x", "y"))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def measure(gate: Gatepost, count: int) -> dict[str, list[float]]:
    """Time each token three ways, in turns."""
    public = public_key(gate)
    subject, chain = Entity("user", "admin"), authn.chain(gate, ADDRESS)  # the edge keeps one for each address
    took: dict[str, list[float]] = {"bare": [], "first": [], "again": []}
    for number in range(count):
        token = mint(gate, subject, session=f"session-{number}", scope=FULL_SCOPE, client_id="gatepost")
        verify = bare(public, token)
        took["bare"].append(microseconds(verify))
        took["first"].append(microseconds(lambda token=token: who(gate, chain, token)))  # type: ignore[misc]
        took["again"].append(microseconds(lambda token=token: who(gate, chain, token)))  # type: ignore[misc]
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description="verifying an access token, beside the bare verify")
    parser.add_argument("--tokens", type=int, default=5_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, Gatepost.open(f"sqlite:///{Path(folder) / 'gatepost.db'}") as gate:
        measure(gate, 500)  # warm
        gc.collect()
        gc.freeze()  # as the server does once it has loaded
        took = measure(gate, arguments.tokens)
    middle, high = {}, {}
    for name, times in took.items():
        times.sort()
        middle[name], high[name] = times[len(times) // 2], times[len(times) * 99 // 100]
        print(f"{name:6} p50_us={middle[name]:.1f} p99_us={high[name]:.1f}")
    over = middle["first"] - middle["bare"]
    print(
        f"first_over_bare_us={over:.1f} bar={FIRST_BAR_US:.0f} {'met' if over <= FIRST_BAR_US else 'MISSED'}; "
        f"again_us={middle['again']:.1f} bar={AGAIN_BAR_US:.0f} "
        f"{'met' if middle['again'] <= AGAIN_BAR_US else 'MISSED'}"
    )


if __name__ == "__main__":
    main()
