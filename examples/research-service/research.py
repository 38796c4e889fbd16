#!/usr/bin/env python3
"""A research service that belongs to many tenants: each question is answered, and remembered, for
the tenant that asks.

It keeps no users and no passwords. Whatever credential comes with a request goes on to Tenancy,
which says who it is. Run it with:

    TENANCY_URL=http://127.0.0.1:8002 PORT=9002 GATEWAY_KEYS='{"acme": "ldx_live_…"}' ./research.py

GATEWAY_KEYS has the service's own API key of each tenant, with the scope usage:write: it sets the price of a question.
"""

import json
import os
import urllib.error
import urllib.request
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")
# The service's own keys, by the slugs of the tenants.
GATEWAY_KEYS = json.loads(os.environ.get("GATEWAY_KEYS", "{}"))
# What says who calls, and which tenant they mean.
FORWARDED = ("Authorization", "X-API-Key", "X-Tenant-Slug")

research_of_tenant = defaultdict(list)


class Refused(Exception):
    """What Tenancy answered instead of 200."""

    def __init__(self, status, body, headers):
        super().__init__(status)
        self.status, self.body, self.headers = status, body, headers


def verify(headers, consume=None):
    """Returns the tenant, the user and the scopes of the caller, and consumes the price of the request."""
    caller = ask(headers, None, None)
    # Only now is the tenant known, and with it the key.
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


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.guarded(self.research, consume="ai_requests:1")

    def do_GET(self):
        self.guarded(self.list_research)

    def guarded(self, handler, consume=None):
        try:
            handler(verify(self.headers, consume))
        except Refused as refused:
            # 401, 403 and 429 are the caller's to see, with the words of Tenancy.
            more = {name: refused.headers[name] for name in ("WWW-Authenticate", "Retry-After")}
            self.answer(refused.status, refused.body, "application/problem+json", more)
        except OSError:
            self.answer(503, b'{"error": "Tenancy does not answer"}', more={"Retry-After": "1"})

    def research(self, caller):
        length = int(self.headers.get("Content-Length", 0))
        question = json.loads(self.rfile.read(length))["question"]
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
