"""A service small enough to test the chassis with: things that have a name, unique only at commit."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, ClassVar
from uuid import UUID

import asyncpg
import httpx
from fastapi import APIRouter
from sqlalchemy import Column, Table, Text, UniqueConstraint, Uuid, select
from sqlalchemy.orm import registry

from libs.common.access import Query, requires
from libs.common.app import App, build_chassis, create_app
from libs.common.authentication import Principal
from libs.common.caller import Scope, Variant
from libs.common.commands import command
from libs.common.database import Database, UnitOfWork
from libs.common.domain import Aggregate, DomainEvent, NotFound
from libs.common.ids import new_id
from libs.common.keyring import KeyRing
from libs.common.pages import CurrentPage, Page
from libs.common.publication import Publication
from libs.common.schemas import Body, View
from libs.common.sealing import Sealer
from libs.common.settings import Settings
from libs.common.tables import chassis_tables, new_metadata, version
from libs.common.topics import Topic
from libs.directory.scope import SystemScope
from tests.conftest import ROOT, Ground

EVENTS = Topic(name="crm.probe.events.v1")
SECTION = Topic(name="crm.section.probe.v1", cleanup="compact")

metadata = new_metadata()
chassis_tables(metadata)
things = Table(
    "things",
    metadata,
    Column("id", Uuid, primary_key=True),
    version(),
    Column("name", Text, nullable=False),
    UniqueConstraint("name", deferrable=True, initially="DEFERRED"),
)


@dataclass(frozen=True, kw_only=True)
class ThingTouched(DomainEvent):
    type: ClassVar[str] = "crm.thing.touched.v1"
    thing_id: UUID
    note: str = ""

    @property
    def subject(self) -> UUID:
        return self.thing_id

    def customers(self) -> tuple[UUID, ...]:
        return (self.thing_id,)


@dataclass(kw_only=True, eq=False)
class Thing(Aggregate):
    name: str

    def touch(self, note: str = "") -> None:
        self.record(ThingTouched(occurred_at=datetime.now(UTC), thing_id=self.id, note=note))


registry(metadata=metadata).map_imperatively(Thing, things, version_id_col=things.c.version, version_id_generator=False)

PUBLICATION = Publication(
    topic=SECTION,
    keys=lambda event: event.customers(),
    query="""SELECT id, json_build_object('staff', json_build_object('name', name),
                                          'self', json_build_object('name', name))::text
             FROM things WHERE id = ANY($1::uuid[])""",
)


class NewThing(Body):
    name: str


class ThingView(View):
    name: str


async def _get(uow: UnitOfWork, thing_id: UUID) -> Thing:
    found = await uow.session.execute(select(Thing).where(things.c.id == thing_id))
    thing = found.scalar_one_or_none()
    if thing is None:
        raise NotFound.thing("thing")
    return thing


async def show(uow: UnitOfWork, thing_id: UUID) -> ThingView:
    thing = await _get(uow, thing_id)
    return ThingView(id=thing.id, version=thing.version, name=thing.name)


Create = Annotated[UnitOfWork, command(show, conditional=False)]
Change = Annotated[UnitOfWork, command(show, conditional=True)]

EXAMPLES = {"name": "thing", "next": "eyJ", "cursor": "eyJ"}

router = APIRouter(prefix="/api/v1/things")


@router.post("", status_code=201, dependencies=[requires("things:change")])
async def create(body: NewThing, uow: Create) -> ThingView:
    thing = Thing(id=new_id(), name=body.name)
    thing.touch()
    uow.session.add(thing)
    return uow.answer(ThingView(id=thing.id, version=thing.version, name=thing.name))


@router.post("/{thing_id}/touch", dependencies=[requires("things:change")])
async def touch(thing_id: UUID, uow: Change) -> ThingView:
    thing = await _get(uow, thing_id)
    uow.check_version(thing)
    thing.touch()
    return uow.answer(ThingView(id=thing.id, version=thing.version, name=thing.name))


@router.get("/broken", dependencies=[requires("things:read")])
async def broken() -> ThingView:
    raise RuntimeError("110101199003074477 must reach nobody")


@router.get("", dependencies=[requires("things:read")])
async def find(uow: Query, page: CurrentPage, name: str | None = None) -> Page[ThingView]:
    wanted = select(things).order_by(things.c.id.desc()).limit(page.limit)
    if name:
        wanted = wanted.where(things.c.name == name)
    if page.after:
        wanted = wanted.where(things.c.id < page.after)
    rows = (await uow.session.execute(wanted)).all()
    return page.of(uow, [ThingView(id=r.id, version=r.version, name=r.name) for r in rows])


@router.get("/{thing_id}", dependencies=[requires("things:read")])
async def read(thing_id: UUID, uow: Query) -> ThingView:
    return uow.answer(await show(uow, thing_id))


@dataclass(frozen=True)
class Tester:
    """May do what the token's roles name, everywhere."""

    permissions: frozenset[str]
    id: str = "tester"
    staff_id: UUID | None = None
    unit_ids: tuple[UUID, ...] = ()
    own_customer_ids: tuple[UUID, ...] = ()
    variant: Variant = "staff"
    must_give_reasons: bool = False

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def scope(self, *, change: bool) -> Scope:  # noqa: ARG002 - both are the same here
        return SystemScope()


class TokenAuthority:
    async def caller(self, principal: Principal, *, fresh: bool) -> Tester:  # noqa: ARG002 - nothing is cached
        return Tester(principal.roles)


@dataclass
class Probe:
    settings: Settings
    database: Database
    app: App
    versions: dict[UUID, int] = field(default_factory=dict)

    def client(self, token: str) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(self.app.public, raise_app_exceptions=False)
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(transport=transport, base_url="http://probe", headers=headers)


@asynccontextmanager
async def probe(ground: Ground) -> AsyncIterator[Probe]:
    await _create_tables(ground)
    settings = ground.settings("probe", consistency_wait=0.3)
    sealer = Sealer(KeyRing.load(settings.keyring))
    database = Database(settings.dsn, publications=[PUBLICATION], sealer=sealer, pool=8)
    held: dict[UUID, int] = {}

    async def version_of(key: UUID) -> int | None:
        return held.get(key)

    chassis = build_chassis(settings, database, TokenAuthority(), {SECTION.name: version_of})
    app = create_app(
        chassis,
        title="probe",
        routers=[router],
        examples={"name": "thing", "cursor": "c", "next": "c"},
        publications=[PUBLICATION],
    )
    yield Probe(settings, database, app, held)
    await app.close()


async def _create_tables(ground: Ground) -> None:
    owner = await asyncpg.connect(ground.url("probe", "owner"))
    try:
        if await owner.fetchval("SELECT to_regclass('things')") is None:
            for script in ("0001_chassis", "0002_audit", "0003_retries", "0004_recovery", "0005_traces", "0006_newest"):
                await owner.execute((ROOT / f"libs/common/{script}.sql").read_text())
            await owner.execute(
                "CREATE TABLE things (id uuid PRIMARY KEY, version bigint NOT NULL, name text NOT NULL,"
                " UNIQUE (name) DEFERRABLE INITIALLY DEFERRED);"
                "CREATE TABLE effects (place bigint GENERATED ALWAYS AS IDENTITY, thing_id uuid, note text)"
            )
    finally:
        await owner.close()
