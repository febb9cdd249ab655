"""The house as a table: which part of Gatepost may import which, and who may touch keys, clock and environment.

Imports point down.  A new part of the package gets a line here, or the tests beside this file fail.
"""

from __future__ import annotations

# From the ground up.  A part may import the parts of lower floors and its neighbours on the same floor.
FLOORS: tuple[tuple[str, frozenset[str]], ...] = (
    ("words", frozenset({"errors", "principal"})),
    ("values", frozenset({"cache", "problems", "records"})),
    ("settings", frozenset({"settings"})),
    ("access", frozenset({"access"})),
    ("store", frozenset({"store"})),
    ("crypto", frozenset()),  # those modules of tokens/ that know nothing of the gate; see `floor`
    ("memory", frozenset({"graphs", "memory", "session_roles", "vouched"})),
    ("gate", frozenset({"gate"})),
    (
        "operations",
        frozenset(
            {"audit", "authn", "directory", "doctor", "guard", "housekeeping", "opening", "sso", "stores", "tokens"}
        ),
    ),
    (
        "edges",
        frozenset({"asgi", "cli", "client", "demo", "embedded", "fastapi", "server", "sqlalchemy", "testing", "wsgi"}),
    ),
)
NAMES = tuple(name for name, _ in FLOORS)
EDGES = FLOORS[-1][1]

# The one import that points up: `Gatepost.open` is the front door, and behind it everything is put together.
UPWARD = frozenset({("gatepost.gate", "gatepost.opening")})

# Edges do not know one another, but for these.  The embedded calls answer the client's own answers, and the test double
# is a gate with all calls.
EDGE_PAIRS = frozenset(
    {
        ("cli", "client"),
        ("cli", "demo"),
        ("cli", "server"),
        ("demo", "server"),
        ("embedded", "client"),
        ("fastapi", "asgi"),
        ("testing", "embedded"),
    }
)

# A record of what happened is a plain value that the store keeps, whatever operation wrote it.
AUDIT_VALUES = frozenset({"gatepost.audit.record"})

# The words import nothing of ours, so that every floor may speak them.
WORDS = FLOORS[0][1]

# Where secrets are made and signatures verified.  A second place would be a second opinion.
CRYPTOGRAPHY = frozenset({"argon2", "authlib", "joserfc", "jose", "jwcrypto", "jwt", "secrets"})
CRYPTOGRAPHERS = ("gatepost.tokens", "gatepost.sso.keys")

# What makes a run differ from the next.  Everything else is given the time and its identifiers, so that a test can.
AMBIENT = frozenset(
    {
        "datetime.date.today",
        "datetime.datetime.now",
        "datetime.datetime.today",
        "datetime.datetime.utcnow",
        "os.environ",
        "os.getenv",
        "os.urandom",
        "random",
        "time.time",
        "time.time_ns",
        "uuid.uuid1",
        "uuid.uuid4",
    }
)
AMBIENT_HOLDERS = (
    "gatepost.gate",
    "gatepost.settings",
    "gatepost.cli",
    "gatepost.client",
    "gatepost.demo",
    "gatepost.server.run",  # where a server's processes start
)


def within(module: str, holders: tuple[str, ...]) -> bool:
    """Tell whether a module is one of `holders` or inside one."""
    return any(module == holder or module.startswith(f"{holder}.") for holder in holders)


def floor(module: str, below_the_gate: frozenset[str]) -> int | None:
    """Number the floor of a module, None for one that the table does not know.

    `below_the_gate` are the modules of tokens/ that import neither the gate nor an operation, themselves or through
    another: signing and hashing, which the gate stands on.
    """
    if module in AUDIT_VALUES:
        return NAMES.index("values")
    if module in below_the_gate:
        return NAMES.index("crypto")
    part = module.split(".")[1]
    return next((number for number, (_, parts) in enumerate(FLOORS) if part in parts), None)
