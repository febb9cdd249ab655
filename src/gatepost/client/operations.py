"""The operations that both clients have, under the same names: one table over `gatepost.client.requests`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

from gatepost.client import requests
from gatepost.client.call import Call
from gatepost.client.reading import Page

P = ParamSpec("P")
T = TypeVar("T")


class Blocking(Protocol):
    """What sends a call and waits for it."""

    def send(self, call: Call[T], /) -> T: ...

    def all(self, call: Call[Page[T]], /) -> Iterator[T]: ...


class Awaiting(Protocol):
    """What sends a call and is awaited."""

    def send(self, call: Call[T], /) -> Coroutine[Any, Any, T]: ...

    def all(self, call: Call[Page[T]], /) -> AsyncIterator[T]: ...


class Operation(Generic[P, T]):
    """A builder of calls as a method: on `Client` it returns the answer, on `AsyncClient` a coroutine of it."""

    def __init__(self, build: Callable[P, Call[T]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Operation[P, T]: ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        def operate(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.send(self.build(*args, **kwargs))

        return _named(operate, self.build)


class Listing(Generic[P, T]):
    """A builder of list calls as a method that iterates over the items of all pages, fetching each when it is needed.

    `limit` is then the size of a page.
    """

    def __init__(self, build: Callable[P, Call[Page[T]]]) -> None:
        self.build = build
        self.__doc__ = build.__doc__

    @overload
    def __get__(self, client: None, owner: type) -> Listing[P, T]: ...
    @overload
    def __get__(self, client: Blocking, owner: type) -> Callable[P, Iterator[T]]: ...
    @overload
    def __get__(self, client: Awaiting, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        if client is None:
            return self

        def operate(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.all(self.build(*args, **kwargs))

        return _named(operate, self.build)


def _named(operate: Callable[P, T], build: Callable[..., object]) -> Callable[P, T]:
    operate.__name__, operate.__doc__ = build.__name__, build.__doc__
    return operate


class Operations:
    """Everything that the REST API does, by name."""

    me = Operation(requests.me)
    logout = Operation(requests.logout)
    sign_in_options = Listing(requests.sign_in_options)
    identities = Listing(requests.identities)
    unlink_identity = Operation(requests.unlink_identity)
    conflicts = Listing(requests.conflicts)
    dismiss_conflict = Operation(requests.dismiss_conflict)
    subjects = Listing(requests.subjects)

    users = Listing(requests.users)
    user = Operation(requests.user)
    create_user = Operation(requests.create_user)
    change_user = Operation(requests.change_user)
    delete_user = Operation(requests.delete_user)
    set_password = Operation(requests.set_password)
    rights = Operation(requests.rights)
    sync_user = Operation(requests.sync_user)

    groups = Listing(requests.groups)
    group = Operation(requests.group)
    create_group = Operation(requests.create_group)
    change_group = Operation(requests.change_group)
    delete_group = Operation(requests.delete_group)
    members = Listing(requests.members)
    add_member = Operation(requests.add_member)
    remove_member = Operation(requests.remove_member)

    roles = Listing(requests.roles)
    role = Operation(requests.role)
    create_role = Operation(requests.create_role)
    change_role = Operation(requests.change_role)
    delete_role = Operation(requests.delete_role)
    assignees = Listing(requests.assignees)
    assign_role = Operation(requests.assign_role)
    unassign_role = Operation(requests.unassign_role)

    services = Listing(requests.services)
    service = Operation(requests.service)
    create_service = Operation(requests.create_service)
    change_service = Operation(requests.change_service)
    delete_service = Operation(requests.delete_service)

    tokens = Listing(requests.tokens)
    create_token = Operation(requests.create_token)
    revoke_token = Operation(requests.revoke_token)
    service_tokens = Listing(requests.service_tokens)
    create_service_token = Operation(requests.create_service_token)
    revoke_service_token = Operation(requests.revoke_service_token)
    sessions = Listing(requests.sessions)
    revoke_session = Operation(requests.revoke_session)

    resources = Listing(requests.resources)
    resource = Operation(requests.resource)
    create_resource = Operation(requests.create_resource)
    change_resource = Operation(requests.change_resource)
    delete_resource = Operation(requests.delete_resource)
    access = Listing(requests.access)
    grant = Operation(requests.grant)
    revoke = Operation(requests.revoke)

    check = Operation(requests.check)
    check_batch = Operation(requests.check_batch)
    explain = Operation(requests.explain)

    stores = Listing(requests.stores)
    store = Operation(requests.store)
    create_store = Operation(requests.create_store)
    delete_store = Operation(requests.delete_store)
    models = Listing(requests.models)
    model = Operation(requests.model)
    write_model = Operation(requests.write_model)
    tuples = Listing(requests.tuples)
    write_tuples = Operation(requests.write_tuples)

    make_plan = Operation(requests.make_plan)
    apply_plan = Operation(requests.apply_plan)

    audit = Listing(requests.audit)
    audit_export = Operation(requests.audit_export)
    providers = Listing(requests.providers)
    look_at_provider = Operation(requests.look_at_provider)
    examine = Operation(requests.examine)
    keys = Listing(requests.keys)
    rotate_keys = Operation(requests.rotate_keys)
    readiness = Operation(requests.readiness)
