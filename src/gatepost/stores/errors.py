"""The errors of OpenFGA's API: its codes, its statuses, and where clients read them, its sentences."""

from __future__ import annotations

from gatepost.errors import GatepostError

NOT_FOUND = frozenset({"store_id_not_found", "undefined_endpoint", "unimplemented"})


class StoreError(GatepostError):
    """Something that OpenFGA's API has a code for: 404 for what is not there, 409 for a conflict, 400 for all else.

    `items` lists what stands in the way.
    """

    def __init__(self, code: str, description: str, *, status: int = 0, items: tuple[str, ...] = ()) -> None:
        super().__init__(description.encode("ascii", "backslashreplace").decode())
        self.code = code  # type: ignore[misc]  # one class for a table of codes
        self.status = status or (404 if code in NOT_FOUND else 400)  # type: ignore[misc]
        self.items = items


def invalid(description: str) -> StoreError:
    """OpenFGA's error for most of what is wrong with a request."""
    return StoreError("validation_error", description)


def store_not_found() -> StoreError:
    return StoreError("store_id_not_found", "Store ID not found")


def model_not_found(model: str) -> StoreError:
    return StoreError("authorization_model_not_found", f"Authorization Model '{model}' not found")


def no_model_yet(store: str) -> StoreError:
    return StoreError("latest_authorization_model_not_found", f"No authorization models found for store '{store}'")


def type_not_found(kind: str) -> StoreError:
    return StoreError("type_not_found", f"type '{kind}' not found")


def relation_not_found(kind: str, relation: str) -> StoreError:
    return StoreError("relation_not_found", f"relation '{kind}#{relation}' not found")


def invalid_token() -> StoreError:
    return StoreError("invalid_continuation_token", "Invalid continuation token")


def conflict(description: str, items: tuple[str, ...] = ()) -> StoreError:
    """The state of things forbids it: nothing was changed, and nothing will be if it is sent again as it is."""
    return StoreError("conflict", description, status=409, items=items)
