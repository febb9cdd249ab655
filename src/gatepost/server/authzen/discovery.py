"""`/.well-known/authzen-configuration` (AuthZEN 1.0 section 9)."""

from __future__ import annotations

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from gatepost.gate import Gatepost


def metadata(request: Request) -> Response:
    """What this policy decision point offers, and where.  It tells nothing of whether there is such a store."""
    gate: Gatepost = request.state.gate
    store = request.path_params.get("store")
    base = gate.settings.main.public_url
    return JSONResponse(
        describe(f"{base}/stores/{quote(store)}" if store else base), headers={"Cache-Control": "public, max-age=300"}
    )


def describe(base: str) -> dict[str, str]:
    """The document of the decision point at `base`: the public URL, or a store's address below it."""
    return {
        "policy_decision_point": base,
        "access_evaluation_endpoint": f"{base}/access/v1/evaluation",
        "access_evaluations_endpoint": f"{base}/access/v1/evaluations",
        "search_subject_endpoint": f"{base}/access/v1/search/subject",
        "search_resource_endpoint": f"{base}/access/v1/search/resource",
        "search_action_endpoint": f"{base}/access/v1/search/action",
    }
