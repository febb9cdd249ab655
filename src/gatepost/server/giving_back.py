"""After a sign-out: the provider's refresh token is revoked on that provider's pool, and the answer does not wait."""

from __future__ import annotations

from gatepost.gate import Gatepost
from gatepost.server.pools import Pools
from gatepost.sso.leaving import Left
from gatepost.sso.revoking import give_back


def give_back_later(gate: Gatepost, pools: Pools, left: Left) -> None:
    if left.refresh_token:
        pools.provider(left.provider).leave(give_back, gate, left.provider, left.refresh_token)
