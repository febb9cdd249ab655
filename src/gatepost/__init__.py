"""Gatepost: sign-in and access control for data platforms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gatepost.embedded.gatepost import Gatepost as Gatepost

__version__ = "0.1.0"
__all__ = ["Gatepost", "__version__"]


def __getattr__(name: str) -> object:
    """Import on first use, so that `import gatepost` stays cheap for the command line."""
    if name == "Gatepost":
        from gatepost.embedded.gatepost import Gatepost

        return Gatepost
    raise AttributeError(f"module 'gatepost' has no attribute {name!r}")
