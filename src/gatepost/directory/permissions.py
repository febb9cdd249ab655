"""The platform's own permissions.  Those of resources come from the authorization model."""

from __future__ import annotations

from gatepost.principal import PLATFORM, PLATFORM_NOUNS

PROTECTED_TYPES = frozenset({"user", "service", "anonymous", "group", "role", PLATFORM.type})

PLATFORM_PERMISSIONS = {
    "audit:view": "read the audit trail",
    "conflict:view": "see sign-ins that were refused for a clash",
    "conflict:delete": "dismiss such a clash",
    "decision:ask": "ask what others may do (gateways)",
    "group:view": "list groups and their members",
    "group:create": "make groups",
    "group:edit": "change groups and their members",
    "group:delete": "delete groups",
    "key:view": "see the signing keys' state",
    "key:rotate": "rotate the signing keys",
    "plan:apply": "apply files of desired state: what they make has the origin config",
    "provider:view": "see the state of identity providers",
    "role:view": "list roles, their permissions and assignees",
    "role:create": "make roles",
    "role:edit": "change roles' permissions",
    "role:delete": "delete roles",
    "role:assign": "give roles to users, groups and services, and take them",
    "service:view": "list services",
    "service:create": "make services",
    "service:edit": "change services",
    "service:delete": "delete services, with their tokens",
    "service_token:view": "list service tokens",
    "service_token:create": "issue service tokens",
    "service_token:delete": "revoke service tokens",
    "session:view": "list everybody's sessions",
    "session:delete": "end anybody's session",
    "store:read": "read stores under /stores",
    "store:write": "write stores under /stores",
    "token:view": "list everybody's API tokens",
    "token:delete": "revoke anybody's API token",
    "user:view": "list users and what they may do",
    "user:create": "make users",
    "user:edit": "change users, disable and enable them",
    "user:delete": "delete users",
    "user:reset_password": "set somebody else's password",
    "user:sync": "read a user's groups again at the provider",
}

if frozenset(name.partition(":")[0] for name in PLATFORM_PERMISSIONS) != PLATFORM_NOUNS:
    raise AssertionError("PLATFORM_NOUNS and PLATFORM_PERMISSIONS speak of different things")
