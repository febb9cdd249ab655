"""What is known of each identity product: a preset fills in the keys that its table leaves out."""

from __future__ import annotations

from collections.abc import Mapping

_OPENID = ("openid", "profile", "email")

PRESETS: Mapping[str, Mapping[str, object]] = {
    "keycloak": {"display_name": "Keycloak", "scopes": _OPENID},
    # Without `groups` in the manifest of the application Entra sends none; over 200 it sends a link in their place.
    "entra": {"display_name": "Microsoft", "scopes": _OPENID},
    "okta": {"display_name": "Okta", "scopes": (*_OPENID, "groups")},
    # Google has no usernames: the e-mail address is all there is.
    "google": {
        "display_name": "Google",
        "issuer": "https://accounts.google.com",
        "scopes": _OPENID,
        "username_claim": "email",
    },
    "zitadel": {"display_name": "ZITADEL", "scopes": _OPENID},
    # GitHub signs people in by OAuth 2.0 alone: no ID token, no discovery, no way to end its session.
    "github": {
        "display_name": "GitHub",
        "protocol": "oauth2",
        "issuer": "https://github.com",
        "authorization_endpoint": "https://github.com/login/oauth/authorize",
        "token_endpoint": "https://github.com/login/oauth/access_token",
        "userinfo_endpoint": "https://api.github.com/user",
        "token_endpoint_auth_method": "client_secret_post",
        "scopes": ("read:user", "user:email"),
        "username_claim": "login",
    },
    "gitlab": {"display_name": "GitLab", "issuer": "https://gitlab.com", "scopes": _OPENID},
    # Not every connector of Dex has a preferred username; each has an e-mail address.
    "dex": {"display_name": "Dex", "scopes": (*_OPENID, "groups"), "username_claim": "email"},
    "hydra": {"display_name": "Ory Hydra", "scopes": _OPENID},
}
