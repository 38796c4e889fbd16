"""The running service, and a gate in front of it that can respond instead of it.

The test `clients` of the project sets TENANCY_URL, ADMIN_API_KEY and JWT_SECRET_KEY.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import itertools
import json
import os
import threading
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from tenancy_client import Client, Tokens

URL = os.environ["TENANCY_URL"]
PASSWORD = "a password for tests"  # noqa: S105
HOP_BY_HOP = ("host", "connection", "content-length", "transfer-encoding")
NAMES = itertools.count(1)


@dataclass
class Canned:
    """A response of the gate. `after` forwards the request first, and `close` breaks the connection."""

    status: int = 503
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    after: bool = False
    close: bool = False


class Gate:
    """Forwards requests to the service. Responds with a prepared response while it has one for the path."""

    def __init__(self) -> None:
        self.prepared: dict[str, deque[Canned]] = {}
        self.requests: list[tuple[str, str]] = []
        self.delay = 0.0
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self) -> None:
                path = urlsplit(self.path).path
                gate.requests.append((self.command, path))
                body = self.receive()
                waiting = gate.prepared.get(path)
                canned = waiting.popleft() if waiting else None
                time.sleep(gate.delay)
                if canned and not canned.after:
                    status, headers, data = canned.status, list(canned.headers), canned.body
                else:
                    status, headers, data = self.forward(body)
                if canned and canned.close:
                    self.close_connection = True
                    return
                self.send_response_only(status)
                for name, value in headers:
                    if name.lower() not in HOP_BY_HOP:
                        self.send_header(name, value)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def receive(self) -> bytes:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body

            def forward(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                connection = http.client.HTTPConnection(urlsplit(URL).netloc, timeout=30)
                connection.putrequest(self.command, self.path, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in HOP_BY_HOP:
                        connection.putheader(name, value)
                connection.putheader("content-length", str(len(body)))
                connection.endheaders(body)
                response = connection.getresponse()
                data = response.read()
                connection.close()
                return response.status, response.getheaders(), data

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = respond

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # A short interval, because the end of each test waits for it.
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def prepare(self, path: str, *responses: Canned) -> None:
        """Responds to the next requests of a path."""
        self.prepared.setdefault(path, deque()).extend(responses)

    def count(self, path: str) -> int:
        """Returns the number of requests of a path."""
        return sum(1 for _, seen in self.requests if seen == path)


@dataclass
class Tenant:
    """A tenant with a signed-in administrator."""

    id: str
    slug: str
    email: str
    api_key: str
    tokens: Tokens

    def user(self, url: str = URL) -> Client:
        """Returns a client with the session of the administrator."""
        return Client(url, tenant=self.slug, tokens=self.tokens)

    def service(self, url: str = URL) -> Client:
        """Returns a client with the API key."""
        return Client(url, credential=self.api_key)


@pytest.fixture
def gate() -> Iterator[Gate]:
    gate = Gate()
    yield gate
    gate.server.shutdown()
    gate.server.server_close()


@pytest.fixture(scope="session")
def operator() -> Client:
    return Client(URL, credential=os.environ["ADMIN_API_KEY"])


def create_tenant(operator: Client) -> Tenant:
    slug = f"python-{next(NAMES)}"
    email = f"admin@{slug}.example"
    created = operator.create_tenant({"name": slug, "slug": slug, "admin_email": email})
    client = Client(URL, tenant=slug)
    assert created["setup_token"]
    client.set_up_password({"setup_token": created["setup_token"], "password": PASSWORD})
    assert client.tokens
    return Tenant(created["id"], slug, email, created["api_key"], client.tokens)


@pytest.fixture(scope="session")
def acme(operator: Client) -> Tenant:
    return create_tenant(operator)


@pytest.fixture(scope="session")
def globex(operator: Client) -> Tenant:
    return create_tenant(operator)


def sign_in(tenant: Tenant) -> Tokens:
    """Returns the tokens of a new session."""
    with Client(URL, tenant=tenant.slug) as client:
        client.login({"email": tenant.email, "password": PASSWORD})
        assert client.tokens
        return client.tokens


def expired(tokens: Tokens) -> Tokens:
    """Returns the tokens with an access token that has expired. The client does not know when."""
    header, claims, _ = tokens.access_token.split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))
    changed["exp"] = changed["iat"] - 1
    encoded = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")
    message = f"{header}.{encoded}"
    digest = hmac.new(os.environ["JWT_SECRET_KEY"].encode(), message.encode(), hashlib.sha256).digest()
    signature = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return Tokens(f"{message}.{signature}", tokens.refresh_token)
