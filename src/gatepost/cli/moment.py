"""A point in time on the command line."""

from __future__ import annotations

from datetime import datetime

import click


class Moment(click.ParamType[datetime]):
    """RFC 3339 with its zone: without one nobody knows when it is."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail("write a time as 2027-01-31T18:00:00Z", param, ctx)
        if moment.tzinfo is None:
            self.fail("the time needs a zone: 2027-01-31T18:00:00Z, or +01:00 in place of the Z", param, ctx)
        return moment


expires_option = click.option("--expires-at", type=Moment(), help="When it ends: 2027-01-31T18:00:00Z.")
