"""Every operation of the REST API, as a function that builds its call.  `Client` and `AsyncClient` both send these.

Subjects and resources are written `type:id` (`user:alice`, `group:analysts#member`, `collection:sales`).
An argument that is None is not sent, so a `change_…` leaves what it does not name.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from gatepost.client import answers as a
from gatepost.client import operating, plans, questions, sharing
from gatepost.client import stores as of_stores
from gatepost.client.call import Call, call, listed, path_of
from gatepost.client.credentials import Tokens
from gatepost.client.reading import Page, bare_list_of, nothing, one, page_of
from gatepost.client.rights import Rights

# --- who -------------------------------------------------------------------------------------------------------------


def login(username: str, password: str) -> Call[Tokens]:
    body = {"username": username, "password": password}
    return call("POST", path_of("auth", "login"), one(Tokens), body=body, authenticated=False)


def refresh(refresh_token: str) -> Call[Tokens]:
    body = {"refresh_token": refresh_token}
    return call("POST", path_of("auth", "refresh"), one(Tokens), body=body, repeatable=True, authenticated=False)


def logout() -> Call[None]:
    """End the session that the credential belongs to, and its tokens."""
    return call("POST", path_of("auth", "logout"), nothing)


def sign_in_options() -> Call[Page[a.SignInOption]]:
    return call("GET", path_of("auth", "providers"), bare_list_of(a.SignInOption), authenticated=False)


def me() -> Call[a.Me]:
    return call("GET", path_of("me"), one(a.Me))


def identities() -> Call[Page[a.Identity]]:
    return call("GET", path_of("me", "identities"), page_of(a.Identity))


def unlink_identity(identity_id: str) -> Call[None]:
    return call("DELETE", path_of("me", "identities", identity_id), nothing)


def conflicts(*, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.SignInConflict]]:
    """Sign-ins that were refused for a clash; for admins."""
    return listed("conflicts", a.SignInConflict, limit, cursor)


def dismiss_conflict(conflict_id: str) -> Call[None]:
    """Take a refused sign-in off the list.  It changes nobody's account."""
    return call("DELETE", path_of("conflicts", conflict_id), nothing)


def subjects(q: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.FoundSubject]]:
    """Find users, groups and services by name, to share with."""
    return listed("subjects", a.FoundSubject, limit, cursor, q=q)


# --- users -----------------------------------------------------------------------------------------------------------


def users(*, q: str | None = None, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.User]]:
    """List people; `q` finds a part of the username, the name or the e-mail."""
    return listed("users", a.User, limit, cursor, q=q)


def user(username: str) -> Call[a.User]:
    return call("GET", path_of("users", username), one(a.User))


def create_user(
    username: str,
    *,
    password: str | None = None,
    email: str | None = None,
    display_name: str | None = None,
    external: str | None = None,
) -> Call[a.User]:
    """Make an account: local with a password, or `external`, for a provider or issuer to bind at its first sign-in."""
    body = {
        "username": username,
        "password": password,
        "email": email,
        "display_name": display_name,
        "external": external,
    }
    return call("POST", path_of("users"), one(a.User), body=body)


def change_user(
    username: str,
    *,
    disabled: bool | None = None,
    display_name: str | None = None,
    email: str | None = None,
    email_verified: bool | None = None,
) -> Call[a.ChangedUser]:
    body = {
        "disabled": disabled,
        "display_name": display_name,
        "email": email,
        "email_verified": email_verified,
    }
    return call("PATCH", path_of("users", username), one(a.ChangedUser), body=body)


def delete_user(username: str, *, transfer_to: str | None = None) -> Call[None]:
    """Delete an account.  What it alone owns goes to `transfer_to`; without that it is a `Conflict` with the list."""
    return call("DELETE", path_of("users", username), nothing, params={"transfer_to": transfer_to})


def set_password(username: str, password: str, *, current_password: str | None = None) -> Call[None]:
    """Set a password; one's own takes the current one.  Not sent twice: a second time the current one is another."""
    body = {"current_password": current_password, "password": password}
    return call("PUT", path_of("users", username, "password"), nothing, body=body, repeatable=False)


def rights(username: str) -> Call[Rights]:
    return call("GET", path_of("users", username, "rights"), one(Rights))


def sync_user(username: str) -> Call[Page[a.Reread]]:
    """Have the user's groups and roles read again, at each provider that gave a refresh token."""
    return call("POST", path_of("users", username, "sync"), page_of(a.Reread))


# --- groups, roles, services -----------------------------------------------------------------------------------------


def groups(*, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Group]]:
    return listed("groups", a.Group, limit, cursor)


def group(name: str) -> Call[a.Group]:
    return call("GET", path_of("groups", name), one(a.Group))


def create_group(name: str, *, description: str | None = None) -> Call[a.Group]:
    return call("POST", path_of("groups"), one(a.Group), body={"name": name, "description": description})


def change_group(name: str, *, description: str) -> Call[a.Group]:
    return call("PATCH", path_of("groups", name), one(a.Group), body={"description": description})


def delete_group(name: str) -> Call[None]:
    return call("DELETE", path_of("groups", name), nothing)


def members(group: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Membership]]:
    return listed(("groups", group, "members"), a.Membership, limit, cursor)


def add_member(group: str, subject: str, *, expires_at: datetime | None = None) -> Call[None]:
    """Put a user, a service or another group (`group:analysts#member`) into a group."""
    return call("PUT", path_of("groups", group, "members", subject), nothing, body=_until(expires_at))


def remove_member(group: str, subject: str) -> Call[None]:
    return call("DELETE", path_of("groups", group, "members", subject), nothing)


def roles(*, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Role]]:
    return listed("roles", a.Role, limit, cursor)


def role(name: str) -> Call[a.Role]:
    return call("GET", path_of("roles", name), one(a.Role))


def create_role(name: str, *, permissions: Iterable[str], description: str | None = None) -> Call[a.Role]:
    body = {"name": name, "description": description, "permissions": list(permissions)}
    return call("POST", path_of("roles"), one(a.Role), body=body)


def change_role(name: str, *, permissions: Iterable[str] | None = None, description: str | None = None) -> Call[a.Role]:
    body = {"description": description, "permissions": None if permissions is None else list(permissions)}
    return call("PATCH", path_of("roles", name), one(a.Role), body=body)


def delete_role(name: str) -> Call[None]:
    return call("DELETE", path_of("roles", name), nothing)


def assignees(role: str, *, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Membership]]:
    return listed(("roles", role, "assignees"), a.Membership, limit, cursor)


def assign_role(role: str, subject: str, *, expires_at: datetime | None = None) -> Call[None]:
    return call("PUT", path_of("roles", role, "assignees", subject), nothing, body=_until(expires_at))


def unassign_role(role: str, subject: str) -> Call[None]:
    return call("DELETE", path_of("roles", role, "assignees", subject), nothing)


def services(*, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.Service]]:
    return listed("services", a.Service, limit, cursor)


def service(name: str) -> Call[a.Service]:
    return call("GET", path_of("services", name), one(a.Service))


def create_service(name: str, *, description: str | None = None) -> Call[a.Service]:
    return call("POST", path_of("services"), one(a.Service), body={"name": name, "description": description})


def change_service(name: str, *, description: str) -> Call[a.Service]:
    return call("PATCH", path_of("services", name), one(a.Service), body={"description": description})


def delete_service(name: str) -> Call[None]:
    return call("DELETE", path_of("services", name), nothing)


# --- what was issued -------------------------------------------------------------------------------------------------


def tokens(*, owner: str | None = None, limit: int | None = None, cursor: str | None = None) -> Call[Page[a.ApiToken]]:
    """The caller's tokens; or those of the user `owner`, `*` for everybody's."""
    return listed("tokens", a.ApiToken, limit, cursor, owner=owner)


def create_token(
    name: str, *, scopes: Iterable[str] | None = None, expires_at: datetime | None = None
) -> Call[a.ApiToken]:
    """Mint an API token for the caller.  Its secret is in this answer only."""
    body = {"name": name, "scopes": None if scopes is None else list(scopes), "expires_at": expires_at}
    return call("POST", path_of("tokens"), one(a.ApiToken), body=body)


def revoke_token(token_id: str) -> Call[None]:
    return call("DELETE", path_of("tokens", token_id), nothing)


def service_tokens(
    *, service: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[Page[a.ServiceToken]]:
    return listed("service-tokens", a.ServiceToken, limit, cursor, service=service)


def create_service_token(
    name: str, *, role: str, scopes: Iterable[str] | None = None, expires_at: datetime | None = None
) -> Call[a.ServiceToken]:
    """Mint a token for the service `name`, which is made if it is new.  The secret is in this answer only."""
    body = {
        "name": name,
        "role": role,
        "scopes": None if scopes is None else list(scopes),
        "expires_at": expires_at,
    }
    return call("POST", path_of("service-tokens"), one(a.ServiceToken), body=body)


def revoke_service_token(token_id: str) -> Call[None]:
    return call("DELETE", path_of("service-tokens", token_id), nothing)


def sessions(
    *, owner: str | None = None, limit: int | None = None, cursor: str | None = None
) -> Call[Page[a.SessionInfo]]:
    """The caller's sessions; or those of the user `owner`, `*` for everybody's."""
    return listed("sessions", a.SessionInfo, limit, cursor, owner=owner)


def revoke_session(session_id: str) -> Call[None]:
    return call("DELETE", path_of("sessions", session_id), nothing)


# --- resources, who may what, stores, and the server itself: each has a file of its own ------------------------------

resources = sharing.resources
resource = sharing.resource
create_resource = sharing.create_resource
change_resource = sharing.change_resource
delete_resource = sharing.delete_resource
access = sharing.access
grant = sharing.grant
revoke = sharing.revoke

check = questions.check
check_batch = questions.check_batch
explain = questions.explain

stores = of_stores.stores
store = of_stores.store
create_store = of_stores.create_store
delete_store = of_stores.delete_store
models = of_stores.models
model = of_stores.model
write_model = of_stores.write_model
tuples = of_stores.tuples
write_tuples = of_stores.write_tuples

make_plan = plans.make_plan
apply_plan = plans.apply_plan

audit = operating.audit
audit_export = operating.audit_export
providers = operating.providers
look_at_provider = operating.look_at_provider
keys = operating.keys
rotate_keys = operating.rotate_keys
examine = operating.examine
readiness = operating.readiness


def _until(expires_at: datetime | None) -> dict[str, object] | None:
    return None if expires_at is None else {"expires_at": expires_at}
