"""Gatepost in a Starlette or FastAPI application, or any other that speaks ASGI.

app = Authentication(app, gate=gate)                                    # the gate is in this process
app = Authentication(app, server="https://…", client=("shop", token))   # a Gatepost server is asked

@require("view", "dataset:{id}")
async def read_dataset(request): ...
"""

from gatepost.asgi.middleware import Authentication
from gatepost.asgi.refusal import Refused
from gatepost.asgi.requiring import Requirement, authorize, may, require, visitor_of
from gatepost.guard.visitor import Visitor

__all__ = ["Authentication", "Refused", "Requirement", "Visitor", "authorize", "may", "require", "visitor_of"]
