"""Where somebody, a membership or a grant came from, in words."""

from __future__ import annotations

from gatepost.settings import Settings


def names_of_providers(settings: Settings) -> dict[str, str]:
    """What the sign-in page calls each provider."""
    return {provider.name: provider.called for provider in settings.sso.providers}


def origin_text(origin: str, settings: Settings) -> str:
    """`manual`, `config`, `scim`, `sso:keycloak` as somebody reads them on a badge."""
    if origin.startswith("sso:"):
        name = origin.removeprefix("sso:")
        return f"from {names_of_providers(settings).get(name, name)}"
    return {"manual": "by hand", "config": "by configuration", "scim": "from SCIM"}.get(origin, origin)
