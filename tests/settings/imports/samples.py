"""Configurations as the four products have them, with every kind of key; each secret has the word hush in it."""

from __future__ import annotations

import json
import re

HASURA_PROVIDER = {
    "client_id": "hasura-console",
    "name": "Dex Login",
    "scope": "openid offline_access groups",
    "authorization_url": "http://dex.corp.example:5556/dex/auth",
    "request_token_url": "http://dex.corp.example:5556/dex/token",
    "admin_roles": ["platform-admins"],
    "jwt_secret": {
        "type": "RS256",
        "jwk_url": "http://dex.corp.example:5556/dex/keys",
        "issuer": "http://dex.corp.example:5556/dex",
        "claims_map": {
            "x-hasura-allowed-roles": {"path": "$.groups"},
            "x-hasura-default-role": {"path": "$.groups[0]"},
        },
    },
}
HASURA_SECRET = {
    "type": "RS256",
    "jwk_url": "https://login.example/realms/data/protocol/openid-connect/certs",
    "issuer": "https://login.example/realms/data",
    "audience": ["orders", "billing"],
    "claims_namespace_path": "$.hasura.claims",
    "claims_format": "stringified_json",
    "allowed_skew": 30,
    "header": {"type": "Authorization"},
}
HASURA = f"""\
# the engine
HASURA_GRAPHQL_DATABASE_URL=postgres://app:hush-database@db/app
HASURA_GRAPHQL_ENABLE_CONSOLE=true
HASURA_GRAPHQL_ADMIN_SECRET="hush-admin"
export HASURA_GRAPHQL_SSO_PROVIDERS='{json.dumps([HASURA_PROVIDER], indent=1)}'
HASURA_GRAPHQL_JWT_SECRETS='{json.dumps([HASURA_SECRET, {"type": "HS256", "key": "hush-shared-by-all-who-verify"}])}'
HASURA_GRAPHQL_UNAUTHORIZED_ROLE=public
"""

ALLEGROGRAPH = r"""# agraph.cfg
Port 10035
SuperUser test:hush-super
SettingsDirectory /var/lib/ag/settings

OAuth server="http://auth.example.com:4444", \
  authorize-endpoint="/oauth2/auth", \
  # the address for the code
  token-endpoint="/oauth2/token", \
  jwks-uri="http://auth.example.com:4444/.well-known/keys.json", \
  jws-algorithms="RS256, RS512, HS256", \
  client-id="cc8b0524-ad95-47e8-977d-f3a70e5279a1", \
  client-secret="hush#I.gIC9xD9\\OM7d9bcz", \
  scope="openid email", \
  username-claim="email", \
  username-regexp="^(.*)@.*", \
  username-substitution="\\1", \
  pkce=yes, front-channel-logout=yes, back-channel-logout="no"  # single sign-off
"""

CONDUKTOR = """\
organization:
  name: acme
admin:
  email: ops@acme.example
  password: hush-admin
auth:
  sessionLifetime: 259200
  idle-timeout: 3600
sso:
  oauth2-logout: true
  ignoreUntrustedCertificate: true
  oauth2:
    - name: okta
      default: false
      client-id: 0oa1
      client-secret: hush-okta
      scopes: [openid, email]
      openid: {issuer: https://acme.okta.com}
    - name: azure
      default: true
      client-id: 3f1c
      client-secret: hush-azure
      groups-claim: groups
      username-claim: preferred_username
      allow-unsigned-id-tokens: true
      preferred-jws-algorithm: PS256
      openid:
        issuer: https://login.microsoftonline.com/0b5c/v2.0
  ldap:
    - name: corp
      server: ldap://ldap.acme.example
      managerPassword: hush-ldap
  jwt-auth:
    issuer: https://gateway.example/realms/data
    username-claim: mail
    groups-claim: teams
    api-key-claim: key
clusters:
  - id: one
    properties: |
      sasl.password="hush-kafka"
"""

CONDUKTOR_VARIABLES = """\
CDK_ADMIN_PASSWORD=hush-admin
CDK_SSO_OAUTH2_0_NAME=auth0
CDK_SSO_OAUTH2_0_DEFAULT=true
CDK_SSO_OAUTH2_0_CLIENT-ID=xyz
CDK_SSO_OAUTH2_0_CLIENTSECRET=hush-auth0
CDK_SSO_OAUTH2_0_OPENID_ISSUER=acme.auth0.com
CDK_SSO_JWTAUTH_ISSUER=https://gateway.example
POSTGRES_PASSWORD=hush-postgres
"""

INFRAHUB = """\
INFRAHUB_DB_PASSWORD=hush-neo4j
INFRAHUB_ALLOW_ANONYMOUS_ACCESS=false
INFRAHUB_PUBLIC_URL=https://infrahub.example
INFRAHUB_INITIAL_ADMIN_PASSWORD=hush-first
INFRAHUB_SECURITY_SECRET_KEY=hush-signing
INFRAHUB_SECURITY_ACCESS_TOKEN_LIFETIME=3600
INFRAHUB_SECURITY_REFRESH_TOKEN_LIFETIME=2592000
INFRAHUB_SECURITY_SSO_ACCOUNT_NAME_FALLBACK=true
INFRAHUB_SECURITY_SSO_USER_DEFAULT_GROUP=Infrahub Users
INFRAHUB_SECURITY_AUTO_CREATE_GROUPS_FILTER='^LDAP/group/(?P<name>.+)$'
INFRAHUB_SECURITY_AUTO_CREATE_GROUPS_MAX_PER_LOGIN=20
INFRAHUB_SECURITY_OIDC_PROVIDERS='["provider1", "google"]'
INFRAHUB_SECURITY_OAUTH2_PROVIDERS='["provider2"]'
INFRAHUB_OIDC_PROVIDER1_CLIENT_ID=infrahub
INFRAHUB_OIDC_PROVIDER1_CLIENT_SECRET=hush-keycloak
INFRAHUB_OIDC_PROVIDER1_DISCOVERY_URL=http://login.corp.example/realms/it/.well-known/openid-configuration
INFRAHUB_OIDC_PROVIDER1_SCOPES='["openid", "profile", "email", "groups"]'
INFRAHUB_OIDC_PROVIDER1_DISPLAY_LABEL="Keycloak (corp)"
INFRAHUB_OIDC_PROVIDER1_ICON=mdi:security
INFRAHUB_OIDC_PROVIDER1_GROUPS_CLAIM=teams
INFRAHUB_OIDC_PROVIDER1_PKCE_ENABLED=false
INFRAHUB_OIDC_PROVIDER1_ID_TOKEN_VERIFY_SIGNATURE=false
INFRAHUB_OIDC_GOOGLE_CLIENT_ID=acme.apps.example
INFRAHUB_OIDC_GOOGLE_CLIENT_SECRET=hush-google
INFRAHUB_OIDC_GOOGLE_FETCH_GROUPS=true
INFRAHUB_OAUTH2_PROVIDER1_CLIENT_ID=unused
INFRAHUB_OAUTH2_PROVIDER2_CLIENT_ID=hub
INFRAHUB_OAUTH2_PROVIDER2_CLIENT_SECRET=hush-hub
INFRAHUB_OAUTH2_PROVIDER2_AUTHORIZATION_URL=https://github.com/login/oauth/authorize
INFRAHUB_OAUTH2_PROVIDER2_TOKEN_URL=https://github.com/login/oauth/access_token
INFRAHUB_OAUTH2_PROVIDER2_USERINFO_URL=https://api.github.com/user
"""

INFRAHUB_TOML = """\
[main]
allow_anonymous_access = true
anonymous_access_role = "Anonymous User"

[security]
access_token_lifetime = 900
secret_key = "hush-signing"
oidc_providers = ["provider1"]

[security.oidc_provider_settings.provider1]
client_id = "infrahub"
discovery_url = "https://login.microsoftonline.com/0b5c/.well-known/openid-configuration"
userinfo_method = "post"

[database]
password = "hush-neo4j"
"""

SAMPLES = [
    ("hasura", HASURA),
    ("hasura", json.dumps({"HASURA_GRAPHQL_SSO_PROVIDERS": [HASURA_PROVIDER]})),
    ("hasura", json.dumps(HASURA_SECRET)),
    ("allegrograph", ALLEGROGRAPH),
    ("conduktor", CONDUKTOR),
    ("conduktor", CONDUKTOR_VARIABLES),
    ("infrahub", INFRAHUB),
    ("infrahub", INFRAHUB_TOML),
]


def keys_of(text: str) -> set[str]:
    """Return the words of a sample that stand before = or : as keys do, JSON's included."""
    return set(re.findall(r'(?:^|[\s,{"-])([A-Za-z][\w-]*)"?\s*[=:](?!//)', text)) - {
        "http",
        "https",
        "mdi",
        "test",
        "ldap",
    }
