"""Bodies and answers of `/api/v1/plans`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StrictBool

from gatepost.directory import reading_desired
from gatepost.server.rest.shapes import Answer, Body, Moment, Text

MOST, MOST_MODEL = reading_desired.MOST, reading_desired.MOST_MODEL
Model = Annotated[str, Field(max_length=MOST_MODEL)]


class HolderBody(Body):
    subject: Text
    expires_at: Moment | None = None


class DesiredUserBody(Body):
    username: Text
    display_name: Text | None = None
    email: Text | None = None
    external: Text | None = None
    disabled: StrictBool | None = None


class DesiredServiceBody(Body):
    name: Text
    description: Text | None = None


class DesiredGroupBody(Body):
    name: Text
    description: Text | None = None
    members: list[HolderBody] | None = None


class DesiredRoleBody(Body):
    name: Text
    description: Text | None = None
    permissions: list[Text] | None = None
    assignees: list[HolderBody] | None = None


class DesiredResourceBody(Body):
    """`parent` is empty for none; without `owner` a resource belongs to whoever has it made."""

    resource: Text
    display_name: Text | None = None
    parent: Text | None = None
    owner: Text | None = None


class DesiredGrantBody(Body):
    resource: Text
    relation: Text
    subject: Text
    expires_at: Moment | None = None


class DesiredBody(Body):
    """What there shall be.  What is left out is not spoken of, and stays as it is."""

    users: list[DesiredUserBody] | None = Field(None, max_length=MOST)
    services: list[DesiredServiceBody] | None = Field(None, max_length=MOST)
    groups: list[DesiredGroupBody] | None = Field(None, max_length=MOST)
    roles: list[DesiredRoleBody] | None = Field(None, max_length=MOST)
    resources: list[DesiredResourceBody] | None = Field(None, max_length=MOST)
    grants: list[DesiredGrantBody] | None = Field(None, max_length=MOST)
    model: Model | None = None


class PlanBody(Body):
    """`prune`: what files made (origin `config`) and do not name any more goes."""

    desired: DesiredBody
    prune: StrictBool = False


class ApplyBody(PlanBody):
    """A plan that was looked at: its `revision` and `digest` as they were answered."""

    revision: Text
    digest: Text


class PlanStepAnswer(Answer):
    verb: str
    target: str
    before: dict[str, object]
    after: dict[str, object]


class PlanAnswer(Answer):
    revision: str
    digest: str
    steps: list[PlanStepAnswer]
