#!/usr/bin/env python3
"""A service that keeps the notes of each tenant in the tenant's own database.

It has no users, no passwords and no database of its own. Tenancy identifies the caller of a request, and gives the
service short-lived credentials for the database of the caller's tenant. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 NOTES_KEYS='{"acme": "ldx_live_…"}' ./notes.py migrate
    TENANCY_URL=http://127.0.0.1:8002 NOTES_KEYS='{"acme": "ldx_live_…"}' PORT=9003 ./notes.py

NOTES_KEYS has the service's API key of each tenant, with the scopes database:write and, for `migrate`, database:owner.
Set PGBOUNCER=yes if the databases are behind PgBouncer in transaction mode.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import asyncpg
import httpx
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")
KEYS = json.loads(os.environ.get("NOTES_KEYS", "{}"))
# The lifetime of a database credential in seconds. It is renewed after half of it.
LIFETIME = int(os.environ.get("CREDENTIAL_SECONDS", "3600"))
CONNECTIONS = 5
# The pools of the tenants that were used last stay open.
MAX_POOLS = 100
FORWARDED = ("authorization", "x-api-key", "x-tenant-slug")
# The errors of a connection whose credential has ended, or that the server has closed.
ENDED = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidPasswordError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    ConnectionError,
)

tenancy = httpx.AsyncClient(base_url=TENANCY_URL, timeout=5)


class Refused(Exception):
    """An error of Tenancy, which the caller receives unchanged."""

    def __init__(self, answer):
        super().__init__(answer.status_code)
        self.answer = answer


async def credential(slug, access, **fields):
    """Returns a new credential for the database of a tenant."""
    answer = await tenancy.post(
        "/api/v1/tenant/database/credentials",
        headers={"x-api-key": KEYS.get(slug, "")},
        json={"access": access, "connections": CONNECTIONS, **fields},
    )
    if answer.status_code != 201:
        raise Refused(answer)
    return answer.json()


class Database:
    """The pool of one tenant, which gets a new credential before the previous one expires."""

    def __init__(self, slug):
        self.slug = slug
        self.pool = None
        self.renew_at = 0.0
        self.renewing = asyncio.Lock()

    async def current_pool(self):
        async with self.renewing:
            if self.pool is None or time.monotonic() >= self.renew_at:
                new = await credential(self.slug, "write", expires_in=LIFETIME)
                pool = await asyncpg.create_pool(
                    new["url"],
                    min_size=0,
                    max_size=CONNECTIONS,
                    # PgBouncer may run each transaction on another connection.
                    statement_cache_size=0 if os.environ.get("PGBOUNCER") else 100,
                )
                retired, self.pool = self.pool, pool
                self.renew_at = time.monotonic() + LIFETIME / 2
                retire(retired)
            return self.pool

    def forget(self, pool):
        """Drops a pool whose credential has ended."""
        if self.pool is pool:
            self.pool = None
            retire(pool)

    async def run(self, method, statement, *parameters):
        """Runs one statement. If the credential has ended, runs it again with a new one."""
        for attempt in range(2):
            pool = await self.current_pool()
            try:
                return await getattr(pool, method)(statement, *parameters)
            except ENDED:
                self.forget(pool)
                if attempt:
                    raise


background = set()


def retire(pool):
    """Closes a pool after its last statement has ended."""
    if pool is not None:
        task = asyncio.create_task(close(pool))
        background.add(task)
        task.add_done_callback(background.discard)


async def close(pool):
    try:
        await asyncio.wait_for(pool.close(), 30)
    except (asyncio.TimeoutError, *ENDED):
        pool.terminate()


databases = {}


def database(slug):
    """Returns the database of a tenant. Without a place for it, closes that of the tenant that waits the longest."""
    found = databases.pop(slug, None) or Database(slug)
    databases[slug] = found
    while len(databases) > MAX_POOLS:
        oldest = databases.pop(next(iter(databases)))
        retire(oldest.pool)
    return found


async def caller(request, scope="tenant:read"):
    """Returns the identity of the caller, which Tenancy verifies."""
    headers = {name: request.headers[name] for name in FORWARDED if name in request.headers}
    answer = await tenancy.get("/api/v1/auth/verify", params={"scope": scope}, headers=headers)
    if answer.status_code != 200:
        raise Refused(answer)
    return answer.json()


app = FastAPI(title="Notes")


class Note(BaseModel):
    body: str = Field(min_length=1, max_length=10_000)


@app.exception_handler(Refused)
async def refused(_, error):
    kept = {name: error.answer.headers[name] for name in ("retry-after", "www-authenticate") if name in error.answer.headers}
    media_type = error.answer.headers.get("content-type")
    return Response(error.answer.content, error.answer.status_code, kept, media_type)


@app.exception_handler(httpx.HTTPError)
async def away(_, __):
    return JSONResponse({"detail": "Tenancy cannot be reached. Try again."}, 503, {"retry-after": "1"})


@app.exception_handler(asyncpg.DataError)
async def unstorable(_, __):
    return JSONResponse({"detail": "PostgreSQL cannot store one of the values."}, 422)


@app.post("/notes", status_code=201)
async def create(note: Note, request: Request):
    identity = await caller(request)
    row = await database(identity["tenant_slug"]).run(
        "fetchrow",
        "INSERT INTO notes (author, body) VALUES ($1, $2) RETURNING id, author, body, created_at",
        identity.get("user_id") or identity.get("api_key_id"),
        note.body,
    )
    return dict(row)


@app.get("/notes")
async def show(request: Request, limit: int = 50):
    identity = await caller(request)
    rows = await database(identity["tenant_slug"]).run(
        "fetch", "SELECT id, author, body, created_at FROM notes ORDER BY id DESC LIMIT $1", min(max(limit, 1), 100)
    )
    return {"tenant": identity["tenant_slug"], "items": [dict(row) for row in rows]}


@app.delete("/notes/{number}", status_code=204)
async def delete(number: int, request: Request):
    identity = await caller(request)
    result = await database(identity["tenant_slug"]).run("execute", "DELETE FROM notes WHERE id = $1", number)
    return Response(status_code=204 if result == "DELETE 1" else 404)


async def migrate():
    """Creates the tables of each tenant with an owner's credential, and revokes it."""
    schema = (Path(__file__).parent / "schema.sql").read_text()
    for slug in KEYS:
        try:
            owner = await credential(slug, "owner", expires_in=60)
        except Refused as error:
            sys.exit(f"{slug}: Tenancy refused the API key: {error.answer.text}")
        connection = await asyncpg.connect(owner["url"])
        try:
            await connection.execute(schema)
        finally:
            await connection.close()
            await tenancy.delete(
                f"/api/v1/tenant/database/credentials/{owner['id']}", headers={"x-api-key": KEYS[slug]}
            )
        print(f"{slug}: done")


if __name__ == "__main__":
    if sys.argv[1:] == ["migrate"]:
        asyncio.run(migrate())
    else:
        uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "9003")), log_level="warning")
