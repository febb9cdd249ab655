"""`/api/v1/users` and `/api/v1/subjects`."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from gatepost.directory import rights, subjects, users
from gatepost.directory.users import UNSET, Ended, NewPassword, NewUser, UserChange
from gatepost.records import Profile
from gatepost.server.pools import Pools
from gatepost.server.rereading import reread_everywhere
from gatepost.server.rest.given import Caller, Gate, WantedPage, all_of, page_of, problems
from gatepost.server.rest.rights_shapes import RightsAnswer
from gatepost.server.rest.shapes import (
    ChangedUserAnswer,
    FoundAnswer,
    Page,
    PasswordBody,
    UserAnswer,
    UserBody,
    UserPatch,
)
from gatepost.server.rest.sync_shapes import RereadAnswer

router = APIRouter(tags=["People"])


def _members(profile: Profile) -> dict[str, Any]:
    return {
        "id": profile.id,
        "username": profile.username,
        "display_name": profile.display_name,
        "email": profile.email,
        "email_verified": profile.email_verified,
        "disabled": profile.disabled_at is not None,
        "external": profile.external,
        "has_password": profile.has_password,
        "created_at": profile.created_at,
        "created_by": profile.created_by,
    }


def user_answer(profile: Profile) -> UserAnswer:
    return UserAnswer(**_members(profile))


def ended_answer(ended: Ended) -> ChangedUserAnswer:
    return ChangedUserAnswer(
        **_members(ended.user),
        sessions_ended=ended.sessions,
        tokens_refused=ended.tokens,
        left_without_owner=list(ended.left_without_owner),
    )


@router.post("/users", status_code=201, responses=problems(409))
async def create_user(request: Request, body: UserBody, gate: Gate, caller: Caller) -> UserAnswer:
    """Make a person, local with a password or `external`, for a provider or issuer to vouch."""
    pools: Pools = request.state.pools
    pool = pools.database if body.password is None else pools.passwords
    return user_answer(await pool(users.create_user, gate, caller, NewUser(**body.model_dump())))


@router.get("/users", responses=problems())
def list_users(
    gate: Gate, caller: Caller, page: WantedPage, q: Annotated[str, Query(max_length=200)] = ""
) -> Page[UserAnswer]:
    """List people; `q` finds a part of the username, the name or the e-mail."""
    return page_of(users.list_users(gate, caller, page, q), user_answer)


@router.get("/users/{username}", responses=problems(404))
def get_user(username: str, gate: Gate, caller: Caller) -> UserAnswer:
    """One person.  Anybody may read themselves."""
    return user_answer(users.get_user(gate, caller, username))


@router.patch("/users/{username}", responses=problems(404))
def change_user(username: str, body: UserPatch, gate: Gate, caller: Caller) -> ChangedUserAnswer:
    """Change a person.  Disabling ends every session and token of theirs at once, and reports what ended."""
    sent = {name: getattr(body, name) for name in body.model_fields_set}
    flags = {name: UNSET for name in ("disabled", "email_verified") if sent.get(name, ...) is None}
    return ended_answer(users.change_user(gate, caller, username, UserChange(**{**sent, **flags})))


@router.delete("/users/{username}", status_code=204, responses=problems(404, 409))
def delete_user(
    username: str, gate: Gate, caller: Caller, transfer_to: Annotated[str | None, Query(max_length=200)] = None
) -> Response:
    """Delete a person with everything of theirs.  What they alone own goes to `transfer_to`."""
    users.delete_user(gate, caller, username, transfer_to)
    return Response(status_code=204)


@router.put("/users/{username}/password", status_code=204, responses=problems(404, 409, 429))
async def set_password(username: str, request: Request, body: PasswordBody, gate: Gate, caller: Caller) -> Response:
    """Set a password and end the person's other sessions.  One's own takes the current one."""
    pools: Pools = request.state.pools
    await pools.passwords(users.set_password, gate, caller, username, NewPassword(**body.model_dump()))
    return Response(status_code=204)


@router.get("/users/{username}/rights", responses=problems(404))
def get_rights(username: str, gate: Gate, caller: Caller) -> RightsAnswer:
    """What a person effectively may, each with its source."""
    found = rights.rights_of(gate, caller, username)
    return RightsAnswer.model_validate(found)


@router.post("/users/{username}/sync", responses=problems(404, 409, 502))
async def sync_user(username: str, request: Request, gate: Gate, caller: Caller) -> Page[RereadAnswer]:
    """Read a person's groups and roles again, at each provider that gave a refresh token.

    A provider that fails says so in `failed`; where all of them do, that is the answer.
    """
    done = await reread_everywhere(gate, request.state.pools, caller, username)
    return all_of(RereadAnswer.model_validate(each) for each in done)


@router.get("/subjects", responses=problems())
def find_subjects(
    gate: Gate, caller: Caller, page: WantedPage, q: Annotated[str, Query(max_length=200)] = ""
) -> Page[FoundAnswer]:
    """Users, groups and services by name, for sharing."""
    return all_of((FoundAnswer.model_validate(found) for found in subjects.find_subjects(gate, caller, q)), page)
