"""What does `visible_to` cost on 1,000,000 rows, beside a join written by hand over the same grants?

The application has a table of a million datasets.  Somebody may see some of them: half by grants of their own, half by a
group's.  The hand-written query joins a table of the same grants in the application's own database, with an index for it;
Gatepost has them as tuples, and the filter carries the ids.  Timed in turns: a page of 50 by the key, in the middle, and
the count of all.  `visible_to` is made anew each time, as for a request.

    PYTHONPATH=src python benchmarks/visible_to.py [--rows 1000000] [--url postgresql+psycopg://…]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    MetaData,
    Select,
    String,
    Table,
    create_engine,
    func,
    insert,
    or_,
    select,
)

from gatepost.gate import Gatepost
from gatepost.principal import Entity, Method, Principal
from gatepost.sqlalchemy import visible_to
from gatepost.store import tables
from gatepost.store.relations import relate

VISIBLE = (0, 100, 10_000, 100_000)
TIMES, PAGE, AT_ONCE = 15, 50, 50_000

Shape = Callable[[Select[Any], int], Select[Any]]

metadata = MetaData()
datasets = Table("app_datasets", metadata, Column("id", String(20), primary_key=True), Column("title", String(40)))
grants = Table(
    "app_grants",
    metadata,
    Column("subject", String(40), primary_key=True),
    Column("dataset", String(20), primary_key=True),
)
members = Table(
    "app_members",
    metadata,
    Column("person", String(40), primary_key=True),
    Column("team", String(40), primary_key=True),
)


def name(number: int) -> str:
    return f"d{number:07}"


def granted(count: int, rows: int) -> Iterator[tuple[str, str]]:
    """(subject, dataset): spread over all rows, every other one by the group."""
    person, team = f"user:p{count}", f"group:t{count}#member"
    step = rows // count if count else 1
    for index in range(count):
        yield (team if index % 2 else person), name(index * step)


def fill(connection: Connection, rows: int) -> None:
    metadata.drop_all(connection)
    metadata.create_all(connection)
    each = iter(range(rows))
    while chunk := list(islice(each, AT_ONCE)):
        connection.execute(insert(datasets), [{"id": name(n), "title": f"title {n}"} for n in chunk])
    for count in VISIBLE:
        connection.execute(insert(members), {"person": f"user:p{count}", "team": f"group:t{count}#member"})
        found = granted(count, rows)
        while pairs := list(islice(found, AT_ONCE)):
            connection.execute(insert(grants), [{"subject": s, "dataset": d} for s, d in pairs])


def share(gate: Gatepost, rows: int) -> None:
    at = datetime.now(UTC)
    base = {
        "store": "main",
        "origin": "manual",
        "author": "bench",
        "created_at": at,
        "expires_at": None,
        "condition": None,
    }
    with gate.database.write() as connection:
        for count in VISIBLE:
            found = granted(count, rows)
            while pairs := list(islice(found, AT_ONCE)):
                rows_ = [{**base, "object": f"dataset:{d}", "relation": "viewer", "subject": s} for s, d in pairs]
                connection.execute(insert(tables.tuples), rows_)
    with gate.change_unasked() as tx:
        for count in VISIBLE:
            relate(tx, f"group:t{count}", "member", f"user:p{count}", author="bench")
        relate(tx, "role:reader", "assignee", "user:all", author="bench")


def by_hand(count: int) -> Select[Any]:
    """The same rows by a join, written as one would."""
    teams = select(members.c.team).where(members.c.person == f"user:p{count}")
    mine = or_(grants.c.subject == f"user:p{count}", grants.c.subject.in_(teams))
    return select(datasets.c.id).join(grants, grants.c.dataset == datasets.c.id).where(mine)


def filtered(gate: Gatepost, who: Principal) -> Select[Any]:
    return select(datasets.c.id).where(visible_to(who, datasets.c.id, type="dataset", gate=gate))


def page(query: Select[Any], rows: int) -> Select[Any]:
    return query.where(datasets.c.id > name(rows // 2)).order_by(datasets.c.id).limit(PAGE)


def whole(query: Select[Any], _rows: int) -> Select[Any]:
    return query.with_only_columns(func.count())


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def measure(connection: Connection, gate: Gatepost, count: int | None, rows: int) -> None:
    """`None` is somebody who sees everything by a role, beside the query without any filter."""
    who = Principal(subject=Entity("user", "all" if count is None else f"p{count}"), method=Method.EMBEDDED, scope=None)
    hand = select(datasets.c.id) if count is None else by_hand(count)
    for what, shape in (("page", page), ("count", whole)):

        def ours(shape: Shape = shape) -> list[Any]:
            return list(connection.execute(shape(filtered(gate, who), rows)))

        def theirs(shape: Shape = shape) -> list[Any]:
            return list(connection.execute(shape(hand, rows)))

        assert ours() == theirs(), (what, count)
        timed = [(milliseconds(ours), milliseconds(theirs)) for _ in range(TIMES)]
        mine, by_join = statistics.median(a for a, _ in timed), statistics.median(b for _, b in timed)
        made = statistics.median(milliseconds(lambda: filtered(gate, who)) for _ in range(TIMES))
        seen = "everything" if count is None else f"{count:,}"
        took = f"visible_to {mine:8.2f} ms (making it {made:7.2f}), by hand {by_join:8.2f} ms, {mine / by_join:6.2f} x"
        print(f"{seen:>10} visible, {what:5}: {took}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--url", default="", help="the application's database; a throw-away SQLite file by default")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        file = f"sqlite:///{folder}/gatepost.db"
        with Gatepost.open(file) as gate:
            share(gate, options.rows)
        engine = create_engine(options.url or f"sqlite:///{Path(folder) / 'app.db'}")
        with Gatepost.open(file) as gate, engine.connect() as connection:
            fill(connection, options.rows)
            connection.commit()
            connection.exec_driver_sql("ANALYZE")
            connection.commit()
            print(f"{engine.dialect.name}, {options.rows:,} rows, median of {TIMES}")
            for count in (*VISIBLE, None):
                measure(connection, gate, count, options.rows)
        engine.dispose()


if __name__ == "__main__":
    main()
