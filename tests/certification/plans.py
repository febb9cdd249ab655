"""The OpenID Foundation's certification plans for relying parties: the modules of each, by the suite's own names."""

from __future__ import annotations

C = "oidcc-client-test"

BASIC = (
    C,
    f"{C}-invalid-iss",
    f"{C}-missing-sub",
    f"{C}-invalid-aud",
    f"{C}-missing-iat",
    f"{C}-kid-absent-single-jwks",
    f"{C}-kid-absent-multiple-jwks",
    f"{C}-idtoken-sig-rs256",
    f"{C}-idtoken-sig-none",
    f"{C}-invalid-sig-rs256",
    f"{C}-userinfo-invalid-sub",
    f"{C}-nonce-invalid",
    f"{C}-scope-userinfo-claims",
    f"{C}-client-secret-basic",
)

# In the suite, and in no certification: what the code flow has to do with.
BEYOND_BASIC = (
    f"{C}-missing-aud",
    f"{C}-invalid-sig-hs256",
    f"{C}-invalid-sig-es256",
    f"{C}-missing-athash",
    f"{C}-invalid-athash",
    f"{C}-nonce-unless-code-flow",
    f"{C}-userinfo-bearer-header",
    f"{C}-aggregated",
    f"{C}-distributed",
    f"{C}-mtls-endpoint-aliases",
)

CONFIG = (
    f"{C}-discovery-openid-config",
    f"{C}-discovery-jwks-uri-keys",
    f"{C}-discovery-issuer-mismatch",
    f"{C}-idtoken-sig-none",
    f"{C}-signing-key-rotation-just-before-signing",
    f"{C}-signing-key-rotation",
)

FORM_POST = (*BASIC, f"{C}-form-post-error")

THIRD_PARTY = (f"{C}-3rd-party-init-login",)

RP_INITIATED_LOGOUT = (f"{C}-rp-init-logout", f"{C}-rp-init-logout-other-state", f"{C}-rp-init-logout-no-state")

FRONT_CHANNEL_LOGOUT = (f"{C}-rp-frontchannel-rpinitlogout", f"{C}-rp-frontchannel-opinitlogout")

BACK_CHANNEL_LOGOUT = tuple(
    f"{C}-rp-backchannel-rpinitlogout{case}"
    for case in ("", "-alg-none", "-no-event", "-with-nonce", "-wrong-alg", "-wrong-aud", "-wrong-event", "-wrong-iss")
)

REFRESH = (
    f"{C}-refresh-token",
    f"{C}-refresh-token-invalid-issuer",
    f"{C}-refresh-token-invalid-sub",
    f"{C}-refresh-token-invalid-aud",
    f"{C}-refresh-token-invalid-azp",
)
