"""For gateways: who is calling, and may they?  nginx, Caddy, Traefik and Envoy ask it about each request.

applications  the hosts that a gateway protects, and what each is told
asked         what the gateway tells of the request
identity      the headers that say who is calling
endpoint      `/forward-auth`: the answer
tickets       what a browser carries between our host and the application's
pages         `/.gatepost/` on the application's host, and the sign-in on ours
"""

from gatepost.server.forward_auth.endpoint import Answer, ForwardAuth
from gatepost.server.forward_auth.pages import routes

__all__ = ["Answer", "ForwardAuth", "routes"]
