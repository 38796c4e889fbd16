"""Calls of Tenancy."""

import http.client
import json
import os
import urllib.error
import urllib.request

TENANCY_URL = os.environ.get("TENANCY_URL", "http://127.0.0.1:8002")


class Unavailable(Exception):
    """Tenancy does not respond."""


class SignedOut(Exception):
    """The session has ended."""


class Refused(Exception):
    """A problem from Tenancy (RFC 9457): its status, code and detail, and a message for each invalid field."""

    def __init__(self, error):
        super().__init__(error.code)
        self.status = error.code
        self.retry_after = error.headers.get("Retry-After")
        try:
            problem = json.load(error)
            self.code, self.detail = str(problem["code"]), str(problem["detail"])
            self.errors = {error["field"]: error["message"] for error in problem.get("errors", [])}
            self.challenge = problem.get("challenge")
            self.second_factors = problem.get("second_factors", [])
        except (ValueError, TypeError, KeyError, AttributeError, OSError, http.client.HTTPException):
            self.code, self.detail = "", "Tenancy refused the request."
            self.errors, self.challenge, self.second_factors = {}, None, []


def call(method, path, body=None, token=None, tenant=None, client=None):
    headers = {"Content-Type": "application/json"} if body is not None else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    if tenant:
        headers["X-Tenant-Slug"] = tenant
    if client:
        # Login throttling and the networks of a tenant use this address. Without it, all users would share one.
        headers["X-Forwarded-For"] = client
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(TENANCY_URL + path, data, headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read()
        return json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        raise Refused(error) from error
    # urllib raises ValueError for a header that it does not send.
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Unavailable from error
