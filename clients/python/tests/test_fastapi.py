"""The middleware for FastAPI, in a running application."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
import uvicorn
from conftest import URL, Canned, Gate, Tenant
from fastapi import Depends, FastAPI

from tenancy_client.fastapi import Identity, Tenancy

VERIFY = "/api/v1/auth/verify"
VERIFIED = (
    b'{"tenant_id": "%s", "tenant_slug": "a", "user_id": null, "user_role": null, "api_key_id": null, "scopes": [%s]}'
)


def application(url: str, installed: bool = True, timeout: float = 10) -> FastAPI:
    app = FastAPI()
    tenancy = Tenancy(url, timeout=timeout)
    if installed:
        tenancy.install(app)

    @app.get("/notes")
    async def notes(caller: Annotated[Identity, Depends(tenancy.require("tenant:read"))]) -> dict[str, Any]:
        return {
            "tenant": caller.tenant_id,
            "slug": caller.tenant_slug,
            "user": caller.user_id,
            "key": caller.api_key_id,
        }

    @app.put("/notes")
    async def write(caller: Annotated[Identity, Depends(tenancy.require("files:write"))]) -> str:
        return caller.tenant_id

    return app


class Running:
    def __init__(self, app: FastAPI) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"

    def get(self, *headers: tuple[str, str], method: str = "GET") -> httpx.Response:
        return httpx.request(method, f"{self.url}/notes", headers=list(headers), timeout=20)

    def stop(self) -> None:
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def running(gate: Gate) -> Iterator[Running]:
    running = Running(application(gate.url))
    yield running
    running.stop()


def bearer(token: str) -> tuple[str, str]:
    return ("Authorization", f"Bearer {token}")


def code(response: httpx.Response) -> tuple[int, str]:
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


def test_valid_caller_reaches_handler(running: Running, acme: Tenant, globex: Tenant) -> None:
    answer = running.get(bearer(acme.tokens.access_token)).json()
    assert (answer["tenant"], answer["slug"], answer["key"]) == (acme.id, acme.slug, None) and answer["user"]
    # The headers of a caller that look like an identity have no effect.
    forged = running.get(("X-API-Key", globex.api_key), ("X-Tenant-Id", acme.id), ("X-Scopes", "files:write")).json()
    assert forged["tenant"] == globex.id and forged["key"]


def test_invalid_callers_are_refused(running: Running, acme: Tenant, globex: Tenant) -> None:
    assert code(running.get()) == (401, "authentication_required")
    refused = running.get(bearer("nonsense"))
    assert code(refused) == (401, "invalid_token") and refused.headers["www-authenticate"]
    # A credential of another tenant.
    foreign = running.get(bearer(globex.api_key), ("X-Tenant-Slug", acme.slug))
    assert code(foreign) == (403, "tenant_mismatch")
    both = running.get(bearer(acme.tokens.access_token), ("X-API-Key", globex.api_key))
    assert both.status_code in (401, 403)
    twice = running.get(bearer(acme.tokens.access_token), bearer(globex.api_key))
    assert twice.status_code in (400, 401, 403)


def test_revoked_key_is_refused_at_once(running: Running, acme: Tenant) -> None:
    with acme.service() as service:
        key = service.create_api_key({"name": "short-lived", "scopes": ["tenant:read"]})
        assert running.get(bearer(key["api_key"])).status_code == 200
        service.revoke_api_key(key["id"])
    assert code(running.get(bearer(key["api_key"]))) == (401, "invalid_api_key")


def test_route_enforces_its_scope(running: Running, acme: Tenant) -> None:
    with acme.service() as service:
        key = service.create_api_key({"name": "reads", "scopes": ["tenant:read"]})["api_key"]
    assert running.get(bearer(key)).status_code == 200
    assert code(running.get(bearer(key), method="PUT")) == (403, "forbidden")
    assert running.get(bearer(acme.api_key), method="PUT").json() == acme.id


@pytest.mark.parametrize(
    "canned",
    [
        Canned(500),
        Canned(302, (("location", "http://127.0.0.1:1"),)),
        Canned(404, body=b"not the service"),
        Canned(204),
        Canned(200, body=b"<html>"),
        Canned(200, body=b"[]"),
        Canned(200, body=b"null"),
        Canned(200, body=VERIFIED % (b"", b'"tenant:read"')),
        Canned(200, body=VERIFIED % (b"1", b'"files:read"')),
        Canned(503, (("retry-after", "0"),)),
        Canned(close=True),
    ],
    ids=str,
)
def test_unclear_answer_fails_closed(running: Running, gate: Gate, acme: Tenant, canned: Canned) -> None:
    gate.prepare(VERIFY, canned, canned)
    refused = running.get(bearer(acme.api_key))
    assert code(refused) == (503, "unavailable") and refused.headers["retry-after"]


def test_proxy_of_environment_is_ignored(gate: Gate, acme: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(0.2)
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        running = Running(application(gate.url, timeout=5))
        try:
            with httpx.Client(trust_env=False) as caller:
                headers = [bearer(acme.api_key)]
                assert caller.get(f"{running.url}/notes", headers=headers, timeout=20).status_code == 200
            with pytest.raises(TimeoutError):
                proxy.accept()
        finally:
            running.stop()


def test_limit_is_passed_on(running: Running, gate: Gate, acme: Tenant) -> None:
    body = b'{"code": "rate_limited", "detail": "Wait.", "status": 429}'
    gate.prepare(VERIFY, Canned(429, (("content-type", "application/problem+json"), ("retry-after", "7")), body))
    refused = running.get(bearer(acme.api_key))
    assert code(refused) == (429, "rate_limited") and refused.headers["retry-after"] == "7"
    assert gate.count(VERIFY) == 1


def test_absent_service_fails_closed(gate: Gate, acme: Tenant) -> None:
    running = Running(application("http://127.0.0.1:1"))
    assert code(running.get(bearer(acme.api_key))) == (503, "unavailable")
    running.stop()
    gate.delay = 3
    slow = Running(application(gate.url, timeout=1))
    begin = time.monotonic()
    assert code(slow.get(bearer(acme.api_key))) == (503, "unavailable")
    assert time.monotonic() - begin < 2.5
    slow.stop()


def test_uninstalled_middleware_refuses_too(acme: Tenant) -> None:
    running = Running(application(URL, installed=False))
    assert running.get(bearer(acme.api_key)).status_code == 200
    assert running.get(bearer("nonsense")).status_code == 401
    not_ascii = httpx.get(f"{running.url}/notes", headers=[(b"Authorization", "Bearer nonsensé".encode())])
    assert not_ascii.status_code in (400, 401, 503)
    running.stop()
