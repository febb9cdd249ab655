"""Keys that the operator gives, for a provider that publishes none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gatepost.errors import ConfigurationError
from gatepost.sso.keys import PublicKey, import_keys, import_pem
from gatepost.sso.strict_json import strict_json

if TYPE_CHECKING:
    from gatepost.settings.issuers import IssuerSettings


def read_public_keys(settings: IssuerSettings, section: str = "sso.providers") -> tuple[PublicKey, ...]:
    """Return the configured keys, in PEM, as JWK or as a JWK set.  Raises `ConfigurationError` for one that is none."""
    found: list[PublicKey] = []
    for position, text in enumerate(settings.public_keys):
        keys = _read(text.strip())
        if not keys:
            where = f"{section} {settings.name!r}, public_keys[{position}]"
            raise ConfigurationError(
                [f"{where}: not a public key (PEM, JWK or JWK set; RSA of 2048 bits or more, EC, EdDSA)"]
            )
        found.extend(keys)
    return tuple(found)


def _read(text: str) -> tuple[PublicKey, ...]:
    if not text.startswith("{"):
        key = import_pem(text.encode())
        return (key,) if key is not None else ()
    try:
        document = strict_json(text)
    except (ValueError, RecursionError):
        return ()
    return import_keys(document if isinstance(document, dict) and "keys" in document else {"keys": [document]})
