"""What goes in and comes out of the questions: check, batch, explain."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from gatepost.server.rest.shapes import Answer, Body, Problem, Text


class QuestionBody(Body):
    action: Text
    resource: Text
    subject: Text | None = None
    context: dict[str, Any] | None = None


class DecisionAnswer(Answer):
    allowed: bool
    revision: str


class BatchBody(Body):
    checks: list[QuestionBody] = Field(min_length=1, max_length=100)


class BatchItem(Answer):
    allowed: bool | None
    error: Problem | None = None


class BatchAnswer(Answer):
    results: list[BatchItem]
    revision: str


class StepAnswer(Answer):
    object: str
    relation: str
    subject: str
    text: str


class ExplanationAnswer(DecisionAnswer):
    reason: str
    sentence: str
    path: list[StepAnswer]
    tried: list[str]
    would_allow: list[str]
