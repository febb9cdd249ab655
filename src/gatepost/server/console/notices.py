"""What a page says after a change.  The address carries a word of this table, never the sentence itself."""

from __future__ import annotations

NOTICES = {
    "granted": "Access given. It holds from now on.",
    "removed": "Access removed. The next question is already answered without it.",
    "public": "This is public now: anybody may view it, signed in or not.",
    "private": "This is not public any more.",
    "created": "Created. You are its owner.",
    "made": "Created.",
    "changed": "Saved.",
    "moved": "Moved. Who inherits access has changed with it.",
    "deleted": "Deleted, with everything that named it.",
    "revoked": "Revoked. It is refused from now on.",
    "session-ended": "That session is over.",
    "others-ended": "All your other sessions are over.",
    "password": "The password is changed, and the account's other sessions are over.",
    "enabled": "The account is enabled again. Its old sessions stay ended; its API tokens work again.",
    "member-added": "Added. The member has everything that the group has from now on.",
    "member-removed": "Removed from the group.",
    "assigned": "The role is given.",
    "unassigned": "The role is taken.",
    "looked-up": "Asked just now: it answers as it should.",
    "looked-down": "Asked just now: it does not answer as it should.",
    "looked-unknown": "Asked just now: there is nothing to be asked of it, until somebody comes.",
    "looking": "Still asking: it does not answer at once. Open this page again in a moment.",
    "dismissed": "Dismissed. No account was changed.",
    "linked": "Linked. You can sign in that way, too, from now on.",
    "unlinked": "Unlinked. Whoever comes that way is not you any more; the sessions that it opened elsewhere are over.",
    "signed-out": "You are signed out.",
}
