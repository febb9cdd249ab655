"""Gatepost in front of other people's applications: what the ASGI and the WSGI form share, without either.

A `Guard` says who a visitor is and what they may.  `Embedded` asks a gate in the same process, `Remote` a server.  What
would block comes back as `Later`, so that an event loop can send it elsewhere and a thread can simply do it.
"""

from gatepost.guard.closed import Closed
from gatepost.guard.doorway import Doorway
from gatepost.guard.embedded import Embedded
from gatepost.guard.remote import Remote
from gatepost.guard.template import Template
from gatepost.guard.visitor import Guard, Later, Reach, Shown, Visitor, now

__all__ = ["Closed", "Doorway", "Embedded", "Guard", "Later", "Reach", "Remote", "Shown", "Template", "Visitor", "now"]
