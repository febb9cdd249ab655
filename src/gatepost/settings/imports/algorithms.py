"""Other products' names of signature algorithms, and those that cannot be kept."""

from __future__ import annotations

from collections.abc import Sequence

from gatepost.settings.formats import ALGORITHM_NAMES
from gatepost.settings.imports.draft import Table, listed
from gatepost.settings.imports.toml import shown
from gatepost.settings.imports.tree import Leaf

SPELLINGS = {"ED25519": "EdDSA", "EDDSA": "EdDSA"}


def is_shared_key(name: str) -> bool:
    """Tell whether an algorithm signs with a secret that both sides know."""
    return name.upper().startswith("HS")


def set_algorithms(table: Table, names: Sequence[str], leaf: Leaf) -> None:
    """Write the algorithms that can be kept, and say which cannot."""
    spelled = [SPELLINGS.get(name.upper(), name.upper()) for name in names]
    kept = list(dict.fromkeys(name for name in spelled if name in ALGORITHM_NAMES))
    dropped = [name for name in names if SPELLINGS.get(name.upper(), name.upper()) not in ALGORITHM_NAMES]
    if kept:
        table.set("algorithms", kept, leaf)
    if dropped:
        default = "" if kept else ", so RS256 and ES256 are accepted"
        table.note(
            f"{table.short(leaf)}: no equivalent for {shown(listed(dropped))}: only signatures with a key pair are "
            f"accepted, by {', '.join(ALGORITHM_NAMES)}{default}"
        )
