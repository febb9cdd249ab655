"""A company to look at in the pages: the demo's, made by its operations as an administrator would."""

from __future__ import annotations

from gatepost.demo import platform
from gatepost.directory.groups import add_member, create_group
from gatepost.directory.resources import NewResource, create_resource
from gatepost.directory.roles import assign_role, create_role
from gatepost.directory.services import create_service
from gatepost.directory.sharing import NewGrant, grant_access
from gatepost.directory.users import NewUser, create_user
from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal

PASSWORD = "quay-seven-lantern"


def as_person(username: str) -> Principal:
    return Principal(subject=Entity("user", username), method=Method.EMBEDDED, scope=None)


def settle(gate: Gatepost) -> None:
    """Fill an empty Gatepost with Tidewater Cargo.  Everybody's password is `PASSWORD`."""
    admin = as_person("admin")
    for group in platform.GROUPS:
        create_group(gate, admin, group.name, group.description)
    for group in platform.GROUPS:
        for above in group.within:
            add_member(gate, admin, above, f"group:{group.name}#member")
    for person in platform.PEOPLE:
        name, email = person.display_name, person.email
        create_user(gate, admin, NewUser(username=person.username, password=PASSWORD, email=email, display_name=name))
        for group_name in person.groups:
            add_member(gate, admin, group_name, f"user:{person.username}")
    for role in platform.ROLES:
        create_role(gate, admin, role.name, role.permissions, role.description)
        for assignee in role.assignees:
            assign_role(gate, admin, role.name, assignee)
    for person in platform.PEOPLE:
        for role_name in person.roles:
            assign_role(gate, admin, role_name, f"user:{person.username}")
    for service in platform.SERVICES:
        create_service(gate, admin, service.name, service.description)
        assign_role(gate, admin, service.role, f"service:{service.name}")
    _share(gate)


def _share(gate: Gatepost) -> None:
    admin = as_person("admin")
    for resource in platform.RESOURCES:
        wanted = NewResource(
            type=resource.type, id=resource.id, display_name=resource.display_name, parent=resource.parent or None
        )
        # Whoever makes a resource owns it; a dataset is made by the collection's owner, and then handed over.
        maker = next((c.owner for c in platform.COLLECTIONS if str(c) == resource.parent), resource.owner)
        create_resource(gate, as_person(maker), wanted)
        if maker != resource.owner:
            owner = NewGrant(subject=f"user:{resource.owner}", relation="owner")
            grant_access(gate, as_person(maker), resource.type, resource.id, owner)
    for share in platform.SHARES:
        kind, _, identifier = share.resource.partition(":")
        until = gate.now() + share.lasts if share.lasts else None
        wanted_share = NewGrant(subject=share.subject, relation=share.relation, expires_at=until)
        grant_access(gate, admin, kind, identifier, wanted_share)
