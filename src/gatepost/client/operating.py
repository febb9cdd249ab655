"""What those who run a server ask it: its audit trail, its providers and keys, and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from gatepost.client import answers as a
from gatepost.client.call import Call, call, path_of
from gatepost.client.reading import Page, as_it_is, one, page_of, text


def audit(
    *, limit: int | None = None, cursor: str | None = None, filters: Mapping[str, str] | None = None
) -> Call[Page[a.AuditEntry]]:
    """The audit log, newest first.  `filters` are the API's own, by name."""
    params = {"limit": limit, "cursor": cursor, **(filters or {})}
    return call("GET", path_of("audit"), page_of(a.AuditEntry), params=params)


def audit_export(media_type: str, *, filters: Mapping[str, str] | None = None) -> Call[str]:
    """The audit log as `text/csv` or `application/jsonl`."""
    return replace(call("GET", path_of("audit"), text, params=filters), accept=media_type)


def providers() -> Call[Page[a.Provider]]:
    return call("GET", path_of("providers"), page_of(a.Provider))


def look_at_provider(name: str) -> Call[a.Provider]:
    """Ask a provider or issuer for its documents now, and say how it is doing."""
    return call("POST", path_of("providers", name, "look"), one(a.Provider), repeatable=True)


def keys() -> Call[Page[a.SigningKey]]:
    return call("GET", path_of("keys"), page_of(a.SigningKey))


def rotate_keys() -> Call[a.Rotated]:
    """Make the published next key the one that signs, and publish another."""
    return call("POST", path_of("keys", "rotate"), one(a.Rotated))


def examine() -> Call[a.Examination]:
    """Have the server examine itself: database, keys, and each provider, which it asks now."""
    return call("POST", path_of("doctor"), one(a.Examination), repeatable=True)


def readiness() -> Call[object]:
    """Ask whether the server is ready: an `Unavailable` says why not.  Asked once: what counts is now."""
    return call("GET", "/readyz", as_it_is, repeatable=False, authenticated=False)
