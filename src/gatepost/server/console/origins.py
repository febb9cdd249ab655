"""Where a membership or a grant came from, in words."""

from __future__ import annotations

from gatepost.settings import Settings


def origin_text(origin: str, settings: Settings) -> str:
    """`manual`, `config`, `scim`, `sso:keycloak` as somebody reads them on a badge."""
    if origin.startswith("sso:"):
        name = origin.removeprefix("sso:")
        provider = next((p for p in settings.sso.providers if p.name == name), None)
        return f"from {provider.display_name if provider else name}"
    return {"manual": "by hand", "config": "by configuration", "scim": "from SCIM"}.get(origin, origin)
