"""May they?  One graph of relation tuples, one check, in OpenFGA's modelling language."""

from gatepost.access.actions import Actions, actions
from gatepost.access.builtin import allows, builtin_model, completed, read_model, with_protected_types
from gatepost.access.check import Answers, PlainQuestion, answers_from_memo, check
from gatepost.access.contextual import Contextual
from gatepost.access.decision import ConditionUndecided, Decision, Reason, TooComplex, TooDeep
from gatepost.access.dsl import parse_model
from gatepost.access.expansion import expand
from gatepost.access.explain import Explanation, Step, explain
from gatepost.access.formatting import format_model
from gatepost.access.graph import Graph
from gatepost.access.later import Carried, Later, carried, check_at, ends, permissions_carried
from gatepost.access.model import PROTECTED, AuthorizationModel
from gatepost.access.model_json import read_model as read_model_json
from gatepost.access.model_json import write_model as write_model_json
from gatepost.access.patience import WouldWait, at_once
from gatepost.access.roles import grants_of, groups_of, permissions_of, rights, roles_of
from gatepost.access.search import (
    Access,
    Found,
    access_list,
    everything,
    ids_in_order,
    objects,
    subjects,
    walk_ids,
    walk_objects,
    walk_subjects,
)
from gatepost.access.tuples import RelationTuple, TupleChange, TupleCondition
from gatepost.access.users import UserFilter, list_users, walk_users
from gatepost.access.validate import validate

__all__ = [
    "PROTECTED",
    "Access",
    "Actions",
    "Answers",
    "AuthorizationModel",
    "Carried",
    "ConditionUndecided",
    "Contextual",
    "Decision",
    "Explanation",
    "Found",
    "Graph",
    "Later",
    "PlainQuestion",
    "Reason",
    "RelationTuple",
    "Step",
    "TooComplex",
    "TooDeep",
    "TupleChange",
    "TupleCondition",
    "UserFilter",
    "WouldWait",
    "access_list",
    "actions",
    "allows",
    "answers_from_memo",
    "at_once",
    "builtin_model",
    "carried",
    "check",
    "check_at",
    "completed",
    "ends",
    "everything",
    "expand",
    "explain",
    "format_model",
    "grants_of",
    "groups_of",
    "ids_in_order",
    "list_users",
    "objects",
    "parse_model",
    "permissions_carried",
    "permissions_of",
    "read_model",
    "read_model_json",
    "rights",
    "roles_of",
    "subjects",
    "validate",
    "walk_ids",
    "walk_objects",
    "walk_subjects",
    "walk_users",
    "with_protected_types",
    "write_model_json",
]
