"""Filling the demo: the sample company, made with the same operations that an admin's script would call."""

from __future__ import annotations

from gatepost.demo import platform
from gatepost.demo.platform import DemoResource
from gatepost.directory import groups, resources, roles, services, sharing, users
from gatepost.directory.resources import NewResource
from gatepost.directory.sharing import NewGrant
from gatepost.directory.users import NewUser
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.tokens.api_tokens import WantedToken, issue_api_token
from gatepost.tokens.service_tokens import WantedServiceToken, issue_service_token


def person(username: str) -> Principal:
    """Somebody, as the process itself vouches for them."""
    return Principal(subject=Entity("user", username), method=Method.EMBEDDED, scope=None)


def seed(gate: Gatepost, password: str) -> None:
    """Make the whole company.  Whoever signs in here has `password`; the others have one at the provider."""
    admin = person("admin")
    for group in platform.GROUPS:
        groups.create_group(gate, admin, group.name, group.description)
    for group in platform.GROUPS:
        for above in group.within:
            groups.add_member(gate, admin, above, f"group:{group.name}")
    for role in platform.ROLES:
        roles.create_role(gate, admin, role.name, role.permissions, role.description)
    _seed_people(gate, admin, password)
    for service in platform.SERVICES:
        services.create_service(gate, admin, service.name, service.description)
        issue_service_token(gate, admin, WantedServiceToken(name=service.name, role=service.role))
    for resource in platform.RESOURCES:
        _make(gate, admin, resource)
    for share in platform.SHARES:
        until = gate.now() + share.lasts if share.lasts else None
        resource_ = Entity.parse(share.resource)
        grant = NewGrant(subject=share.subject, relation=share.relation, expires_at=until)
        sharing.grant_access(gate, admin, resource_.type, resource_.id, grant)


def _seed_people(gate: Gatepost, admin: Principal, password: str) -> None:
    for someone in platform.PEOPLE:
        elsewhere = someone.signs_in == "provider"
        wanted = NewUser(
            username=someone.username,
            display_name=someone.display_name,
            email=someone.email,
            password=None if elsewhere else password,
            external=platform.PROVIDER if elsewhere else None,
        )
        users.create_user(gate, admin, wanted)
        for role in someone.roles:
            roles.assign_role(gate, admin, role, f"user:{someone.username}")
        # Whoever signs in at the provider gets the groups from there, at the first sign-in.
        for group in () if elsewhere else someone.groups:
            groups.add_member(gate, admin, group, f"user:{someone.username}")


def _make(gate: Gatepost, admin: Principal, resource: DemoResource) -> None:
    """Have the owner make it; where the owner's rights only come with the first sign-in, the admin hands it over."""
    wanted = NewResource(
        type=resource.type, id=resource.id, display_name=resource.display_name, parent=resource.parent or None
    )
    maker = person(resource.owner)
    if not resource.parent or gate.may(maker, "edit", Entity.parse(resource.parent)):
        resources.create_resource(gate, maker, wanted)
    else:
        resources.create_resource(gate, admin, wanted)
        owner = NewGrant(subject=f"user:{resource.owner}", relation="owner")
        sharing.grant_access(gate, admin, resource.type, resource.id, owner)
        sharing.revoke_access(gate, admin, resource.type, resource.id, "owner", str(admin.subject))


def fresh_token(gate: Gatepost, username: str) -> str:
    """An API token to paste into a terminal."""
    return issue_api_token(gate, person(username), WantedToken(name="from the demo")).secret
