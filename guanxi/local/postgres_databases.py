"""A service's database: one role that owns it, one that works in it and defines nothing."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import asyncpg

from guanxi.local.failures import LocalFailure, wrong_setting

_NAME = re.compile(r"[a-z][a-z0-9_]{0,50}")
_ROUNDS = 4096
# Whatever the server's own is: every letter, upper and lower, and the same order on every system.
_KNOWS_EVERY_LETTER = "template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'"
# No work of an app may hold a connection or a lock for longer.
_APP_LIMITS = {
    "statement_timeout": "10s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "3s",
    "transaction_timeout": "15s",
}


def scram_verifier(password: str) -> str:
    """What PostgreSQL stores for a password (RFC 5802, RFC 7677), so that the password itself is never sent."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, _ROUNDS)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    encoded = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${_ROUNDS}:{encoded[0]}${encoded[1]}:{encoded[2]}"


async def make_database(address: Callable[[str], str], name: str, owner_password: str, app_password: str) -> None:
    """Make `name` with its roles `<name>_owner` and `<name>_app`, as whoever `address` lets into a database."""
    async with _connected(address("postgres")) as connection:
        await _refuse_what_is_not_ours(connection, name)
        await ensure_roles(connection, name, owner_password, app_password)
        await ensure_empty_database(connection, name)
    async with _connected(address(name)) as connection:
        await ensure_privileges(connection, name)


async def _refuse_what_is_not_ours(connection: asyncpg.Connection, name: str) -> None:
    """Before its roles get other passwords, and its tables company."""
    found = "select pg_get_userbyid(datdba) from pg_database where datname = $1"
    owner = await connection.fetchval(found, name)
    if owner not in (None, f"{name}_owner"):
        raise wrong_setting(f"The database {name} is there already, of {owner}: rename it, or name another server.")


@asynccontextmanager
async def _connected(dsn: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(dsn, timeout=5)
    try:
        yield connection
    finally:
        await connection.close()


async def ensure_roles(connection: asyncpg.Connection, name: str, owner_password: str, app_password: str) -> None:
    """Create both roles, or give them these passwords again."""
    if not _NAME.fullmatch(name):
        raise wrong_setting(f"{name!r} cannot name a database: use lower-case letters, digits and _.")
    await _ensure_role(connection, f"{name}_owner", owner_password)
    await _ensure_role(connection, f"{name}_app", app_password)
    for setting, value in _APP_LIMITS.items():
        await connection.execute(f"alter role {name}_app set {setting} = '{value}'")


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    exists = await connection.fetchval("select true from pg_roles where rolname = $1", role)
    verb = "alter" if exists else "create"
    await connection.execute(
        f"{verb} role {role} with login nosuperuser nocreatedb nocreaterole noreplication nobypassrls "
        f"password '{scram_verifier(password)}'"
    )


async def ensure_empty_database(connection: asyncpg.Connection, name: str) -> None:
    """Create the database for its owner; nobody but the two roles may connect."""
    if not await connection.fetchval("select true from pg_database where datname = $1", name):
        await connection.execute(f"create database {name} owner {name}_owner {_KNOWS_EVERY_LETTER}")
    await connection.execute(f"revoke all on database {name} from public")
    await connection.execute(f"grant connect on database {name} to {name}_app")


async def ensure_privileges(connection: asyncpg.Connection, name: str) -> None:
    """Inside the database: what the owner creates from now on, the app may use.

    Existing tables are left alone, since a migration may have taken a right away from the app.
    """
    by_default = f"alter default privileges for role {name}_owner grant"
    await connection.execute("revoke create on schema public from public")
    await connection.execute(f"grant usage on schema public to {name}_app")
    await connection.execute(f"{by_default} usage on schemas to {name}_app")
    await connection.execute(f"{by_default} select, insert, update, delete on tables to {name}_app")
    await connection.execute(f"{by_default} usage on sequences to {name}_app")


async def migrate(addresses: Mapping[str, str]) -> None:
    """Bring databases up to date, by package and the owner's address, in one process of its own.

    Raises:
        LocalFailure: one of them could not be.
    """
    argv = [sys.executable, "-m", "guanxi.local.migrating"]
    process = await asyncio.create_subprocess_exec(*argv, stdin=PIPE, stdout=PIPE, stderr=STDOUT)
    output, _ = await process.communicate(json.dumps(addresses).encode())
    if process.returncode != 0:
        last = output.decode(errors="replace").strip().splitlines()[-1:]
        raise LocalFailure(f"A database could not be migrated: {' '.join(last)}", os.EX_SOFTWARE)
