"""Signing in elsewhere: what Gatepost does as an OpenID Connect relying party.

    browser ── begin ──► provider ── callback ──► finish ──► SignedIn          login, callback
                                                    │
               discovery ── jwks ── keys ── id_token ── claims                 one rule a file

Nothing here knows the database: `provisioning` turns a `SignedIn` into an account.
"""
