"""A catalogue of datasets in a database: each visitor lists exactly what they may see.  FastAPI and SQLAlchemy.

A Gatepost server is asked (GATEPOST_URL, with GATEPOST_CLIENT as `name:token` of a service), else the gate is in this
process: uvicorn app:app
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import Depends, FastAPI, HTTPException, Request
from pydantic import BaseModel
from sqlalchemy import Engine, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from gatepost import Gatepost
from gatepost.asgi import Authentication
from gatepost.fastapi import Visitor, any_principal, current_principal, requires
from gatepost.sqlalchemy import visible_to


class Base(DeclarativeBase):
    """The application's own tables."""


class Dataset(Base):
    __tablename__ = "catalogue"
    id: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]


class Title(BaseModel):
    title: str


def _session(request: Request) -> Iterator[Session]:
    with Session(request.app.state.engine) as session:
        yield session


Database = Annotated[Session, Depends(_session)]
api = FastAPI(title="Catalogue")


@api.get("/me")
async def me(who: Annotated[Visitor, Depends(current_principal)]) -> dict[str, str]:
    return {"you are": str(who.subject)}


@api.get("/datasets")
def list_datasets(
    database: Database, who: Annotated[Visitor, Depends(any_principal)], after: str = ""
) -> dict[str, Any]:
    """A page of what the caller may see.  The next one begins after the last id."""
    query = select(Dataset).where(visible_to(who, Dataset.id, type="dataset"), Dataset.id > after)
    rows = list(database.scalars(query.order_by(Dataset.id).limit(50)))
    return {
        "items": [{"id": row.id, "title": row.title} for row in rows],
        "next": rows[-1].id if len(rows) == 50 else None,
    }


@api.get("/datasets/{id}")
def read_dataset(
    id: str, database: Database, _: Annotated[Visitor, Depends(requires("view", "dataset:{id}"))]
) -> Title:
    return Title(title=_row(database, id).title)


@api.put("/datasets/{id}", dependencies=[Depends(requires("edit", "dataset:{id}"))])
def rename_dataset(id: str, wanted: Title, database: Database) -> Title:
    _row(database, id).title = wanted.title
    database.commit()
    return wanted


def _row(database: Session, identifier: str) -> Dataset:
    row = database.get(Dataset, identifier)
    if row is None:
        raise HTTPException(404)
    return row


def create_app(engine: Engine, **guard: Any) -> Authentication:
    """The application on this database; `guard` is what `Authentication` takes."""
    Base.metadata.create_all(engine)
    api.state.engine = engine
    return Authentication(api, **guard)


def __getattr__(name: str) -> Authentication:
    """`app` is made when a server asks for it, so that a test can import this file and bring its own gate."""
    if name != "app":
        raise AttributeError(name)
    engine = create_engine(os.environ.get("CATALOGUE", "sqlite:///catalogue.db"))
    if url := os.environ.get("GATEPOST_URL"):
        service, _, token = os.environ["GATEPOST_CLIENT"].partition(":")
        return create_app(engine, server=url, client=(service, token))
    return create_app(engine, gate=Gatepost.open("sqlite:///gatepost.db"))
