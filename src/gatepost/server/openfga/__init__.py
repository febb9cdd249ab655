"""OpenFGA's HTTP API under `/stores`, so that its SDKs and its command-line tool work unchanged."""

from gatepost.server.openfga.hot import hot_question
from gatepost.server.openfga.problems import store_problem
from gatepost.server.openfga.routes import routes

__all__ = ["hot_question", "routes", "store_problem"]
