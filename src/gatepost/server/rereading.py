"""Reading somebody's groups and roles again, each provider on its own pool: one that fails keeps no other from its turn."""

from __future__ import annotations

from gatepost.errors import Unavailable
from gatepost.gate import Gatepost
from gatepost.principal import Principal
from gatepost.server.pools import Pools
from gatepost.sso.reread import Outcome, Reread, at_hand, settled, tried


async def reread_everywhere(gate: Gatepost, pools: Pools, caller: Principal, username: str) -> list[Reread]:
    """Read again at every provider that gave a refresh token.  Raises as `gatepost.sso.reread.sync_user`."""
    outcomes: list[Outcome] = []
    hands = await pools.database(at_hand, gate, caller, username)
    for hand in hands:
        try:
            outcomes.append(await pools.provider(hand.provider)(tried, gate, caller, hand))
        except Unavailable as error:  # too many wait at that one
            outcomes.append(error)
    return settled(hands, outcomes)
