"""What is known of each identity product: a preset fills in the keys that its table leaves out.

None names a groups claim.  Whether groups are taken over is the operator's word; at gitlab.com anybody can make a group
of any name.  docs/how-to/sign-in-providers.md has what to register at each, and what to write.
"""

from __future__ import annotations

from collections.abc import Mapping

_OPENID = ("openid", "profile", "email")

PRESETS: Mapping[str, Mapping[str, object]] = {
    # Asked for a scope that no client scope of the realm has, Keycloak answers invalid_scope: groups come by a mapper.
    "keycloak": {"display_name": "Keycloak", "scopes": _OPENID},
    # Without `groups` in the manifest of the application Entra sends none; over 200 it sends a link in their place.
    "entra": {"display_name": "Microsoft", "scopes": _OPENID},
    # The org's own authorization server knows the scope `groups`, a custom one only if somebody made it there: it is
    # asked for where the discovery document has it.
    "okta": {"display_name": "Okta", "scopes": (*_OPENID, "groups"), "scopes_configured": False},
    # Google has no usernames and no groups: the e-mail address is all there is, and `hd` says whose employee it is.
    "google": {
        "display_name": "Google",
        "issuer": "https://accounts.google.com",
        "scopes": _OPENID,
        "username_claim": "email",
    },
    # Roles come in an object keyed by role, once the project asserts them on authentication.
    "zitadel": {"display_name": "ZITADEL", "scopes": _OPENID},
    # GitHub signs people in by OAuth 2.0 alone: no ID token, no discovery, no way to end its session.  The issuer is the
    # one of its `iss` (RFC 9207).  A login can be renamed, and then be taken by somebody else: the number stays.
    "github": {
        "display_name": "GitHub",
        "protocol": "oauth2",
        "issuer": "https://github.com/login/oauth",
        "authorization_endpoint": "https://github.com/login/oauth/authorize",
        "token_endpoint": "https://github.com/login/oauth/access_token",
        "userinfo_endpoint": "https://api.github.com/user",
        "token_endpoint_auth_method": "client_secret_post",
        "scopes": ("read:user", "user:email"),
        "subject_claim": "id",
        "username_claim": "login",
    },
    "gitlab": {"display_name": "GitLab", "issuer": "https://gitlab.com", "scopes": _OPENID},
    # Not every connector of Dex has a preferred username; each has an e-mail address.
    "dex": {"display_name": "Dex", "scopes": (*_OPENID, "groups"), "username_claim": "email"},
    "hydra": {"display_name": "Ory Hydra", "scopes": _OPENID},
}
