"""OpenID AuthZEN Authorization API 1.0: evaluation, evaluations, search and discovery.

The two evaluations of the platform's own store are answered in front of the framework (`gatepost.server.hot`).
"""

from gatepost.server.authzen.evaluation import answer_evaluation, answer_evaluations
from gatepost.server.authzen.routes import routes

__all__ = ["answer_evaluation", "answer_evaluations", "routes"]
