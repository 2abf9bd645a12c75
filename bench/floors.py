"""What the machine could do with no platform on it: the floor that each figure stands beside.

`python -m bench.floors raw|orm|forward PORT ADDRESS` serves one of them.
"""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import asyncpg
import uvicorn
import uvloop
from aiohttp import web
from fastapi import FastAPI
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import DateTime, MetaData
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


def raw(database: str) -> FastAPI:
    """A bare FastAPI route that answers with the bytes of one row, read by asyncpg."""
    pool: Any = None

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        nonlocal pool
        pool = await asyncpg.create_pool(database, min_size=10, max_size=10)
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    # Under the name of a route of ours too, so that both forwarders stand before the same.
    @app.get("/rows/{row_id}")
    @app.get("/api/v1/customers/{row_id}")
    async def row(row_id: UUID) -> Response:
        content = await pool.fetchval("SELECT content FROM bench.rows WHERE id = $1", row_id)
        return Response(content, media_type="application/json")

    return app


class Bare(DeclarativeBase):
    metadata = MetaData(schema="bench")


class Thing(Bare):
    """A row as wide as a customer's, with as many indexes."""

    __tablename__ = "things"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    kind: Mapped[str]
    name: Mapped[str]
    name_folded: Mapped[str] = mapped_column(index=True)
    status: Mapped[str]
    home_unit_id: Mapped[UUID] = mapped_column(index=True)
    birth_date: Mapped[date | None]
    gender: Mapped[str | None]
    grade: Mapped[str | None]
    registered_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Told(Bare):
    """What happened, to be told later."""

    __tablename__ = "told"
    id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    type: Mapped[str]
    key: Mapped[UUID]
    payload: Mapped[bytes]
    occurred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class NewThing(BaseModel):
    name: str
    home_unit_id: UUID


def orm(database: str) -> FastAPI:
    """A bare FastAPI route that writes two rows through SQLAlchemy's ORM: a thing, and that it came to be."""
    engine = create_async_engine(database.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    app = FastAPI(openapi_url=None)

    @app.post("/things", status_code=201)
    async def create(body: NewThing) -> dict[str, str]:
        now, home = datetime.now(UTC), body.home_unit_id
        words = {"kind": "person", "status": "prospect", "name": body.name, "name_folded": body.name.casefold()}
        thing = Thing(id=uuid4(), version=1, home_unit_id=home, registered_at=now, **words)
        told = Told(
            event_id=uuid4(), type="made", key=thing.id, payload=body.model_dump_json().encode(), occurred_at=now
        )
        async with sessions() as session:
            session.add_all([thing, told])
            await session.commit()
        return {"id": str(thing.id), "name": thing.name}

    return app


def forward(target: str) -> web.Application:
    """A bare forwarder: aiohttp on both sides, streamed, every header passed on."""
    session: Any = None

    async def client(_app: web.Application) -> AsyncIterator[None]:
        nonlocal session
        session = aiohttp.ClientSession(auto_decompress=False, connector=aiohttp.TCPConnector(limit=200))
        yield
        await session.close()

    async def passed(request: web.Request) -> web.StreamResponse:
        headers = {name: value for name, value in request.headers.items() if name != "Host"}
        async with session.get(target + request.path_qs, headers=headers) as answer:
            response = web.StreamResponse(status=answer.status, headers=answer.headers)
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            return response

    app = web.Application()
    app.router.add_get("/{path:.*}", passed)
    app.cleanup_ctx.append(client)
    return app


APPS = {"raw": raw, "orm": orm}


def main() -> None:
    kind, port, address = sys.argv[1:]
    if kind in APPS:
        uvicorn.run(APPS[kind](address), host="127.0.0.1", port=int(port), access_log=False, log_level="warning")
    else:
        uvloop.install()
        web.run_app(forward(address), host="127.0.0.1", port=int(port), access_log=None, print=None)


if __name__ == "__main__":
    main()
