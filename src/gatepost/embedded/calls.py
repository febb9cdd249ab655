"""All calls together, as whoever asks makes them."""

from __future__ import annotations

from gatepost.embedded.groups import Groups
from gatepost.embedded.operating import Operating
from gatepost.embedded.people import People
from gatepost.embedded.plans import Plans
from gatepost.embedded.questions import Questions
from gatepost.embedded.roles import Roles
from gatepost.embedded.services import Services
from gatepost.embedded.sharing import Sharing
from gatepost.embedded.stores import Stores
from gatepost.embedded.tokens import Tokens
from gatepost.embedded.who import Who


class Calls(Who, People, Groups, Roles, Services, Tokens, Sharing, Questions, Stores, Plans, Operating):
    """Everything that the SDK's `Client` does, by the same names, but for `check`: the gate has its own."""
