"""The demo's company as plain data: Tidewater Cargo, which moves containers and wants to know where the money is.

Nothing here is special to the engine.  It is what a script of an admin would create, in this order: groups, people,
services, roles, resources, shares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

COMPANY = "Tidewater Cargo"
DOMAIN = "tidewater.example"
PROVIDER = "tidewater"  # the name of the provider in URLs
PROVIDER_DISPLAY_NAME = "Tidewater ID"

EVERYBODY = ("user:*", "service:*", "anonymous:*")  # what the console calls public


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """Somebody at the company.  Who signs in through the provider has a password there, everybody else one here."""

    username: str
    given_name: str
    family_name: str
    title: str
    groups: tuple[str, ...]
    roles: tuple[str, ...] = ()
    signs_in: Literal["provider", "password"] = "password"
    featured: bool = False  # offered by name on the sign-in page

    @property
    def display_name(self) -> str:
        return f"{self.given_name} {self.family_name}"

    @property
    def email(self) -> str:
        return f"{self.username}@{DOMAIN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoGroup:
    """A group.  `within` are the groups that it is a member of, so that groups nest."""

    name: str
    description: str
    within: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoRole:
    """A role beside the built-in ones, and the subjects it is assigned to."""

    name: str
    description: str
    permissions: tuple[str, ...]
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoService:
    """A program.  Its token is minted at the start and printed."""

    name: str
    description: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoResource:
    """A collection, a dataset or a piece of knowledge.  `owner` makes it; `parent` is `type:id` or empty."""

    type: Literal["collection", "dataset", "knowledge"]
    id: str
    display_name: str
    owner: str
    parent: str = ""

    def __str__(self) -> str:
        return f"{self.type}:{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoShare:
    """Somebody has a relation to a resource, for good or for `lasts` from the start of the demo."""

    resource: str
    relation: Literal["owner", "editor", "viewer"]
    subject: str
    lasts: timedelta | None = None


GROUPS = (
    DemoGroup(name="staff", description="Everybody at Tidewater Cargo"),
    DemoGroup(name="data-team", description="Whoever builds and keeps the data platform", within=("staff",)),
    DemoGroup(name="engineers", description="Pipelines and storage", within=("data-team",)),
    DemoGroup(name="analysts", description="Questions and answers", within=("data-team",)),
    DemoGroup(name="stewards", description="What the data means, and whether it is right", within=("data-team",)),
    DemoGroup(name="sales-team", description="Accounts and bookings", within=("staff",)),
    DemoGroup(name="marketing-team", description="Campaigns and the website", within=("staff",)),
    DemoGroup(name="finance-team", description="Invoices, ledgers and budgets", within=("staff",)),
    DemoGroup(name="auditors", description="Who may look at everything and change nothing"),
)

PEOPLE = (
    DemoPerson(
        username="bob",
        given_name="Bob",
        family_name="Okafor",
        title="analyst",
        groups=("analysts",),
        signs_in="provider",
        featured=True,
    ),
    DemoPerson(
        username="marit",
        given_name="Marit",
        family_name="Solheim",
        title="data steward",
        groups=("stewards",),
        signs_in="provider",
        featured=True,
    ),
    DemoPerson(
        username="deniz",
        given_name="Deniz",
        family_name="Aydin",
        title="data engineer",
        groups=("engineers",),
        signs_in="provider",
        featured=True,
    ),
    DemoPerson(
        username="ines",
        given_name="Ines",
        family_name="Carvalho",
        title="platform lead",
        groups=("data-team",),
        roles=("platform-lead",),
        featured=True,
    ),
    DemoPerson(
        username="ruth",
        given_name="Ruth",
        family_name="Adeyemi",
        title="auditor",
        groups=("auditors",),
        roles=("auditor",),
        featured=True,
    ),
    DemoPerson(
        username="tomasz",
        given_name="Tomasz",
        family_name="Wrona",
        title="head of sales",
        groups=("sales-team",),
        featured=True,
    ),
    DemoPerson(
        username="leilani",
        given_name="Leilani",
        family_name="Kekoa",
        title="campaign manager",
        groups=("marketing-team",),
    ),
    DemoPerson(
        username="henrik",
        given_name="Henrik",
        family_name="Lund",
        title="controller",
        groups=("finance-team",),
    ),
    DemoPerson(
        username="priya",
        given_name="Priya",
        family_name="Raman",
        title="research scientist",
        groups=("analysts", "staff"),
    ),
    DemoPerson(
        username="noor",
        given_name="Noor",
        family_name="Haddad",
        title="consultant until the end of the month",
        groups=(),
    ),
)

ROLES = (
    DemoRole(
        name="auditor",
        description="Sees every resource and the audit log",
        permissions=("collection:view", "dataset:view", "knowledge:view", "audit:view"),
    ),
    DemoRole(
        name="platform-lead",
        description="Makes accounts, groups and services, and asks about everybody's rights",
        permissions=(
            *("user:view", "user:create"),
            *("group:view", "group:create", "group:edit"),
            *("service:view", "service:create"),
            "decision:ask",
        ),
    ),
    DemoRole(
        name="pipeline",
        description="What a pipeline needs: reads and writes datasets, and nothing of the directory",
        permissions=("dataset:view", "dataset:edit"),
    ),
)

SERVICES = (
    DemoService(name="etl", description="The nightly load from the booking system", role="pipeline"),
    DemoService(name="quality-check", description="Compares yesterday's rows with today's", role="reader"),
    DemoService(name="gateway", description="Asks who a request is from, and whether it may", role="decider"),
)

COLLECTIONS = (
    DemoResource(type="collection", id="sales", display_name="Sales", owner="tomasz"),
    DemoResource(type="collection", id="finance", display_name="Finance", owner="henrik"),
    DemoResource(type="collection", id="marketing", display_name="Marketing", owner="leilani"),
    DemoResource(type="collection", id="research", display_name="Research", owner="priya"),
    DemoResource(type="collection", id="operations", display_name="Operations", owner="ines"),
    DemoResource(type="collection", id="open-data", display_name="Open data", owner="marit"),
)


def _datasets(parent: str, owner: str, *named: tuple[str, str]) -> tuple[DemoResource, ...]:
    return tuple(
        DemoResource(type="dataset", id=name, display_name=display_name, owner=owner, parent=f"collection:{parent}")
        for name, display_name in named
    )


DATASETS = (
    *_datasets(
        "sales",
        "tomasz",
        ("bookings", "Bookings"),
        ("customers", "Customers"),
        ("rate-cards", "Rate cards"),
        ("quarterly-targets", "Quarterly targets"),
    ),
    *_datasets(
        "finance",
        "henrik",
        ("general-ledger", "General ledger"),
        ("invoices", "Invoices"),
        ("payroll", "Payroll"),
        ("fuel-hedging", "Fuel hedging"),
    ),
    *_datasets(
        "marketing",
        "leilani",
        ("web-visits", "Visits to the website"),
        ("campaigns", "Campaigns"),
        ("newsletter", "Newsletter subscribers"),
    ),
    *_datasets(
        "research",
        "priya",
        ("berth-times", "Times at berth"),
        ("storm-delays", "Storms and delays"),
        ("demand-forecast", "Demand forecast"),
    ),
    *_datasets(
        "operations",
        "deniz",
        ("vessels", "Vessels"),
        ("container-moves", "Container moves"),
        ("crane-telemetry", "Crane telemetry"),
        ("incidents", "Incidents"),
    ),
    *_datasets("open-data", "marit", ("ports", "Ports of the world"), ("tide-tables", "Tide tables")),
)

KNOWLEDGE = (
    DemoResource(type="knowledge", id="glossary", display_name="Glossary: what we call things", owner="marit"),
    DemoResource(type="knowledge", id="how-to-book", display_name="How a booking becomes an invoice", owner="tomasz"),
    DemoResource(type="knowledge", id="closing-the-books", display_name="Closing the books", owner="henrik"),
    DemoResource(type="knowledge", id="pipeline-runbook", display_name="When the nightly load fails", owner="deniz"),
)

RESOURCES = (*COLLECTIONS, *DATASETS, *KNOWLEDGE)

SHARES = (
    # Whole collections to groups: whoever joins the group has them, and their datasets with them.
    DemoShare(resource="collection:sales", relation="editor", subject="group:sales-team#member"),
    DemoShare(resource="collection:sales", relation="viewer", subject="group:analysts#member"),
    DemoShare(resource="collection:finance", relation="editor", subject="group:finance-team#member"),
    DemoShare(resource="collection:marketing", relation="editor", subject="group:marketing-team#member"),
    DemoShare(resource="collection:marketing", relation="viewer", subject="group:analysts#member"),
    DemoShare(resource="collection:research", relation="viewer", subject="group:data-team#member"),
    DemoShare(resource="collection:operations", relation="editor", subject="group:engineers#member"),
    DemoShare(resource="collection:operations", relation="viewer", subject="group:staff#member"),
    # Single datasets out of a collection that stays closed.
    DemoShare(resource="dataset:invoices", relation="viewer", subject="group:sales-team#member"),
    DemoShare(resource="dataset:invoices", relation="viewer", subject="user:bob"),
    DemoShare(resource="dataset:demand-forecast", relation="editor", subject="user:bob"),
    DemoShare(resource="dataset:customers", relation="editor", subject="group:stewards#member"),
    DemoShare(resource="dataset:bookings", relation="editor", subject="service:etl"),
    # For a while: it ends by itself, and the console says when.
    DemoShare(resource="dataset:fuel-hedging", relation="viewer", subject="user:noor", lasts=timedelta(days=9)),
    DemoShare(resource="dataset:payroll", relation="viewer", subject="user:ruth", lasts=timedelta(hours=2)),
    # Public.
    *(DemoShare(resource="collection:open-data", relation="viewer", subject=subject) for subject in EVERYBODY),
    *(DemoShare(resource="knowledge:glossary", relation="viewer", subject=subject) for subject in EVERYBODY),
    DemoShare(resource="knowledge:pipeline-runbook", relation="viewer", subject="group:data-team#member"),
    DemoShare(resource="knowledge:how-to-book", relation="viewer", subject="user:*"),
)
