"""Reading what is asked of stores as OpenFGA does: in the spelling of its documents or of protobuf.

Members that nobody knows are passed over.  What is wrong is said in OpenFGA's words, for clients read the codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from gatepost.store.relations import MAIN
from gatepost.stores.errors import StoreError, invalid
from gatepost.stores.keys import TupleKey
from gatepost.stores.pages import MOST, USUAL, Paging
from gatepost.stores.questions import Asking

ULID = "^[ABCDEFGHJKMNPQRSTVWXYZ0-9]{26}$"
RELATION = "^[^:#@\\s]{1,50}$"
OBJECT = "^[^\\s]{2,256}$"
CHECKED_USER = "^[^\\s]{2,512}$"
READ_USER = "^[^\\s]{1,511}:[^\\s]{1,511}$"
TYPE = "^[^:#@\\s]{1,254}$"
TOKEN = "^$|^[A-Za-z0-9-_]+={0,2}$"  # noqa: S105 - a pattern
STORE_NAME = "^[a-zA-Z0-9\\s\\.\\-\\/^_&@]{3,64}$"
CORRELATION = "^[\\w\\d-]{1,36}$"
CONDITION = "^[^\\s]{2,256}$"
MOST_TOKEN = 5120
MOST_USER = 512
MOST_CONTEXTUAL = 100
HIGHER = "HIGHER_CONSISTENCY"
CONSISTENCIES = {0: "UNSPECIFIED", 100: "MINIMIZE_LATENCY", 200: HIGHER}  # by their numbers in protobuf

Body = Mapping[str, Any]


@cache
def camel(name: str) -> str:
    """A member's other name.  Called with the names in this package alone, so what is kept is bounded."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


def member(sent: Body, name: str) -> Any:
    """A member by its name in snake case or, as protobuf also has it, in camel case.  None: absent, or null."""
    if name in sent:
        return sent[name]
    return sent.get(camel(name))


def text(sent: Body, name: str) -> str:
    found = member(sent, name)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise invalid(f"invalid value for string field {name}")
    if "\0" in found:
        raise invalid(f"there is a NUL character in {name}")
    return found


def part(sent: Body, name: str) -> Body | None:
    found = member(sent, name)
    if found is not None and not isinstance(found, dict):
        raise invalid(f"invalid value for {name}: an object is needed")
    return found


def parts(sent: Body, name: str) -> Sequence[Body]:
    found = member(sent, name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise invalid(f"invalid value for {name}: a list of objects is needed")
    return found


def require(value: str, pattern: str, where: str) -> str:
    """Raise `StoreError` unless a text is of this form; `where` is `Message.Field`."""
    if re.fullmatch(pattern, value, re.ASCII) is None:
        code = "type_invalid_pattern" if where.endswith(".Type") else "validation_error"
        raise StoreError(code, f'invalid {where}: value does not match regex pattern "{pattern}"')
    return value


def optional(value: str, pattern: str, where: str) -> str:
    return require(value, pattern, where) if value else ""


def model_id(sent: Body, message: str) -> str:
    return optional(text(sent, "authorization_model_id"), ULID, f"{message}.AuthorizationModelId")


def page_size(value: Any, message: str) -> int:
    """A number from 1 to 100, perhaps written as text."""
    if value is None:
        return USUAL
    size = whole(value, "page_size")
    if not 1 <= size <= MOST:
        raise StoreError("page_size_invalid", f"invalid {message}.PageSize: value must be inside range [1, {MOST}]")
    return size


def whole(value: Any, name: str) -> int:
    if isinstance(value, str) and re.fullmatch("-?[0-9]{1,9}", value, re.ASCII):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise invalid(f'parsing field "{name}": invalid syntax')


def token(value: str, message: str) -> str:
    if len(value) > MOST_TOKEN:
        raise invalid(f"invalid {message}.ContinuationToken: value length must be at most {MOST_TOKEN} bytes")
    return require(value, TOKEN, f"{message}.ContinuationToken")


def paging(sent: Body, message: str) -> Paging:
    size = page_size(member(sent, "page_size"), message)
    return Paging(size, token(text(sent, "continuation_token"), message))


def wants_newest(sent: Body, message: str) -> bool:
    """`HIGHER_CONSISTENCY`: answer from the newest state there is.  A word that nobody knows is the default, as in OpenFGA.

    Raises `StoreError` for what is neither a word nor the number of one.
    """
    wish = member(sent, "consistency")
    if wish is None or isinstance(wish, str):
        return wish == HIGHER
    if isinstance(wish, bool) or not isinstance(wish, int) or wish not in CONSISTENCIES:
        raise invalid(f"invalid {message}.Consistency: value must be one of the defined enum values")
    return CONSISTENCIES[wish] == HIGHER


def flag(sent: Body, name: str) -> bool:
    found = member(sent, name)
    if found is None:
        return False
    if not isinstance(found, bool):
        raise invalid(f"invalid value for bool field {name}")
    return found


def written_key(sent: Body) -> TupleKey:
    """A tuple to write, or one that counts for a question: judged by the model, so hardly here."""
    key = _bare_key(sent, "TupleKey")
    given = part(sent, "condition")
    if given is None:
        return key
    name = require(text(given, "name"), CONDITION, "RelationshipCondition.Name")
    return replace(key, condition={"name": name, "context": part(given, "context") or {}})


def deleted_key(sent: Body) -> TupleKey:
    """A tuple to delete, which is known without its condition: one that is sent along is not looked at."""
    return _bare_key(sent, "TupleKeyWithoutCondition")


def _bare_key(sent: Body, message: str) -> TupleKey:
    user = within(text(sent, "user"), f"{message}.User")
    relation = optional(text(sent, "relation"), RELATION, f"{message}.Relation")
    return TupleKey(user, relation, optional(text(sent, "object"), OBJECT, f"{message}.Object"))


def within(user: str, where: str) -> str:
    """Raise `StoreError` for a user of too many bytes."""
    if len(user.encode()) > MOST_USER:
        raise invalid(f"invalid {where}: value length must be at most {MOST_USER} bytes")
    return user


def checked_key(sent: Body | None, message: str) -> TupleKey:
    if sent is None:
        raise StoreError("tuple_key_value_not_specified", f"invalid {message}.TupleKey: value is required")
    user = require(text(sent, "user"), CHECKED_USER, "CheckRequestTupleKey.User")
    relation = require(text(sent, "relation"), RELATION, "CheckRequestTupleKey.Relation")
    return TupleKey(user, relation, require(text(sent, "object"), OBJECT, "CheckRequestTupleKey.Object"))


def asking(sent: Body, message: str, *, listed: bool = False) -> Asking:
    """Model, context, contextual tuples and consistency; `listed`: the tuples are a bare list there."""
    if listed:
        tuples = parts(sent, "contextual_tuples")
    else:
        given = part(sent, "contextual_tuples")
        tuples = () if given is None else parts(given, "tuple_keys")
    if len(tuples) > MOST_CONTEXTUAL:
        sentence = f"value must contain no more than {MOST_CONTEXTUAL} item(s)"
        raise invalid(f"invalid ContextualTupleKeys.TupleKeys: {sentence}")
    return Asking(
        model=model_id(sent, message),
        context=part(sent, "context") or {},
        tuples=[written_key(each) for each in tuples],
        newest_state=wants_newest(sent, message),
    )


def store_name(name: str, message: str) -> str:
    """A store by its id, or `main`.  Raises `StoreError` for what is neither."""
    return name if name == MAIN else require(name, ULID, f"{message}.StoreId")
