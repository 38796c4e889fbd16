#!/usr/bin/env python3
"""A research service for many tenants: it stores each question and its result for the tenant of the caller.

It has no users and no passwords. It forwards the credential of a request to Tenancy, which returns the identity of the
caller. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 PORT=9002 GATEWAY_KEYS='{"acme": "ldx_live_…"}' ./research.py

GATEWAY_KEYS has the service's API key of each tenant, with the scope usage:write: the service sets the price of a
question.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")
# The service's keys, by the slugs of the tenants.
GATEWAY_KEYS = json.loads(os.environ.get("GATEWAY_KEYS", "{}"))
# Headers that identify the caller and the tenant.
FORWARDED = ("Authorization", "X-API-Key", "X-Tenant-Slug")

# Longer questions are refused before they are read.
MAX_BODY = 64 * 1024

research_of_tenant = defaultdict(list)


class Refused(Exception):
    """A response of Tenancy other than 200."""

    def __init__(self, status, body, headers):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers

    @property
    def code(self):
        try:
            return json.loads(self.body).get("code")
        except (ValueError, AttributeError):
            return None


def verify(headers, consume=None):
    """Returns the tenant, the user and the scopes of the caller, and consumes the price of the request."""
    caller = ask(headers, None, None)
    # The first call identifies the tenant, which selects the key.
    return ask(headers, consume, GATEWAY_KEYS.get(caller["tenant_slug"])) if consume else caller


def ask(headers, consume, gateway_key):
    url = f"{TENANCY_URL}/api/v1/auth/verify?scope=tenant:read"
    if consume:
        url += f"&consume={consume}"
    forwarded = {name: headers[name] for name in FORWARDED if headers[name]}
    if gateway_key:
        forwarded["X-Gateway-Key"] = gateway_key
    request = urllib.request.Request(url, headers=forwarded)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Refused(error.code, error.read(), error.headers) from error
    # For example a header that urllib does not send, because it contains a line break.
    except (ValueError, http.client.HTTPException) as error:
        raise ConnectionError("no readable response") from error


class BadRequest(Exception):
    """A request that this service cannot read: its status and the reason."""


def read_question(stream, headers):
    try:
        length = int(headers.get("Content-Length", ""))
    except ValueError:
        raise BadRequest(411, "send the length of the body in Content-Length") from None
    if not 0 <= length <= MAX_BODY:
        raise BadRequest(413, f"send at most {MAX_BODY} bytes")
    try:
        body = json.loads(stream.read(length))
    # Deep nesting raises RecursionError.
    except (ValueError, RecursionError):
        raise BadRequest(400, "send a JSON object") from None
    question = body.get("question") if isinstance(body, dict) else None
    if not isinstance(question, str) or not question.strip():
        raise BadRequest(422, "question must be a string")
    return question


class Handler(BaseHTTPRequestHandler):
    # A stalled client must not occupy a thread forever.
    timeout = 20

    def do_POST(self):
        try:
            # Before the call to Tenancy, so that an unreadable question costs no quota.
            question = read_question(self.rfile, self.headers)
        except BadRequest as error:
            status, reason = error.args
            # The rest of the body may still arrive.
            self.close_connection = True
            return self.answer(status, json.dumps({"error": reason}).encode())
        self.guarded(lambda caller: self.research(caller, question), consume="ai_requests:1")

    def do_GET(self):
        self.guarded(self.list_research)

    def guarded(self, handler, consume=None):
        try:
            caller = verify(self.headers, consume)
        except Refused as refused:
            if refused.code == "invalid_gateway_key":
                # The caller is not at fault. The operator reads the reason.
                print("GATEWAY_KEYS has an invalid key:", refused.body.decode(errors="replace"), file=sys.stderr)
                return self.answer(503, b'{"error": "this service is misconfigured"}')
            # Pass 401, 403 and 429 to the caller with the text of Tenancy.
            more = {name: refused.headers[name] for name in ("WWW-Authenticate", "Retry-After")}
            self.answer(refused.status, refused.body, "application/problem+json", more)
        except OSError:
            self.answer(503, b'{"error": "Tenancy does not respond"}', more={"Retry-After": "1"})
        else:
            handler(caller)

    def research(self, caller, question):
        found = {"question": question, "asked_by": caller["user_id"] or caller["api_key_id"]}
        research_of_tenant[caller["tenant_id"]].append(found)
        self.answer(201, json.dumps(found).encode())

    def list_research(self, caller):
        found = research_of_tenant[caller["tenant_id"]]
        answer = {"tenant": caller["tenant_slug"], "items": found}
        self.answer(200, json.dumps(answer).encode())

    def answer(self, status, body, content_type="application/json", more=None):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (more or {}).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 9002))), Handler).serve_forever()
