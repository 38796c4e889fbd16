"""A class for each stable code."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import PASSWORD, URL, Canned, Gate, Tenant, create_tenant

from tenancy_client import Client, Problem, UnexpectedResponse, problems

DOCUMENT = json.loads((Path(__file__).parents[3] / "docs/openapi.json").read_text())
CODES = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["code"]["enum"]


def prepared(gate: Gate, media_type: str, body: bytes) -> Exception:
    gate.prepare("/health", Canned(418, (("content-type", media_type),), body))
    with Client(gate.url) as client, pytest.raises(Exception) as raised:
        client.get_health()
    return raised.value


def test_each_code_has_a_class(gate: Gate) -> None:
    assert sorted(problems.PROBLEMS) == sorted(CODES)
    for code in CODES:
        problem = {"code": code, "title": "T", "detail": "D", "status": 418, "request_id": "R", "type": "U"}
        error = prepared(gate, "application/problem+json", json.dumps(problem).encode())
        assert type(error) is problems.PROBLEMS[code]
        assert (error.status, error.code, error.detail, error.request_id) == (418, code, "D", "R")
        assert type(error).__name__ == "".join(part.capitalize() for part in code.split("_"))


def test_unknown_code_is_a_problem(gate: Gate) -> None:
    error = prepared(gate, "application/problem+json", b'{"code": "of_a_later_version", "detail": "D"}')
    assert type(error) is Problem and error.code == "of_a_later_version"


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"code": 1, "errors": 2}', b"\xff"])
def test_foreign_response_is_unexpected(gate: Gate, body: bytes) -> None:
    for media_type in ("text/html", "application/problem+json"):
        error = prepared(gate, media_type, body)
        assert isinstance(error, UnexpectedResponse) and error.status == 418


def test_success_without_json_is_unexpected(gate: Gate) -> None:
    gate.prepare("/health", Canned(200, (("content-type", "text/html"),), b"<html>"))
    with Client(gate.url) as client, pytest.raises(UnexpectedResponse):
        client.get_health()


def test_service_problems_have_their_classes(operator: Client, acme: Tenant, globex: Tenant) -> None:
    user, service = acme.user(), acme.service()
    reader_key = service.create_api_key({"name": "reads", "scopes": ["tenant:read"]})["api_key"]
    reader, anonymous = Client(URL, credential=reader_key), Client(URL)
    profile = user.get_profile()
    service.upload_file("short", b"x")
    cases: list[tuple[type[Problem], Callable[[], object]]] = [
        (problems.AuthenticationRequired, anonymous.get_tenant_info),
        (problems.InvalidApiKey, Client(URL, credential=acme.api_key[:-1] + "!").get_tenant_info),
        (problems.InvalidToken, Client(URL, credential="nonsense").get_profile),
        (problems.InvalidAdminKey, Client(URL, credential="nonsense").list_plans),
        (problems.InvalidCredentials, lambda: login(acme.slug, "wrong")),
        (problems.TenantRequired, lambda: login(None, PASSWORD)),
        (problems.TenantNotFound, lambda: operator.get_tenant("0198c5b0-0000-7000-8000-000000000000")),
        (problems.TenantMismatch, Client(URL, tenant=globex.slug, credential=acme.api_key).get_tenant_info),
        (problems.InvalidSetupToken, lambda: anonymous.set_up_password({"setup_token": "no", "password": PASSWORD})),
        (problems.InvalidRefreshToken, lambda: anonymous.refresh_tokens({"refresh_token": "no"})),
        (problems.UserRequired, service.get_profile),
        (problems.Forbidden, reader.list_users),
        (problems.ScopeNotHeld, lambda: delegate(acme)),
        (problems.UserNotFound, lambda: service.get_user("0198c5b0-0000-7000-8000-000000000000")),
        (problems.ApiKeyNotFound, lambda: service.get_api_key("0198c5b0-0000-7000-8000-000000000000")),
        (problems.FileNotFound, lambda: service.download_file("absent")),
        (problems.CacheEntryNotFound, lambda: service.get_cache_entry("absent")),
        (problems.RangeNotSatisfiable, lambda: service.download_file("short", range="bytes=9-")),
        (problems.EmailTaken, lambda: user.create_user({"email": acme.email})),
        (problems.LastAdmin, lambda: user.delete_user(profile["id"])),
        (problems.SlugTaken, lambda: create(operator, acme.slug)),
        (problems.PlanNotFound, lambda: operator.get_plan("absent")),
        (
            problems.PlanTaken,
            lambda: operator.create_plan({"name": "free", "limits": operator.get_plan("free")["limits"]}),
        ),
    ]
    for expected, call in cases:
        with pytest.raises(expected) as raised:
            call()
        assert raised.value.request_id and raised.value.detail, expected
    with pytest.raises(problems.ValidationFailed) as invalid:
        user.create_user({"email": "not an address"})
    assert list(invalid.value.fields) == ["email"]


def test_limits_have_their_classes(operator: Client) -> None:
    tenant = create_tenant(operator)
    operator.update_tenant(tenant.id, {"limits": {"users": 1}})
    with tenant.user() as user, pytest.raises(problems.QuotaExceeded) as exceeded:
        user.create_user({"email": f"second@{tenant.slug}.example"})
    assert (exceeded.value.resource, exceeded.value.limit, exceeded.value.usage) == ("users", 1, 1)
    operator.update_tenant(tenant.id, {"limits": {"ai_requests": 0}})
    with tenant.service() as service, pytest.raises(problems.QuotaExceeded) as daily:
        service.report_usage({"resource_type": "ai_requests", "amount": 1}, idempotency_key="daily")
    assert daily.value.status == 429 and int(daily.value.headers["retry-after"]) > 0
    operator.update_tenant(tenant.id, {"status": "suspended"})
    with tenant.service() as service, pytest.raises(problems.TenantSuspended):
        service.get_tenant_info()


def login(slug: str | None, password: str) -> None:
    Client(URL, tenant=slug).login({"email": "admin@nobody.example", "password": password})


def create(operator: Client, slug: str) -> None:
    operator.create_tenant({"name": "Taken", "slug": slug, "admin_email": "a@taken.example"})


def delegate(tenant: Tenant) -> None:
    with tenant.service() as service:
        key = service.create_api_key({"name": "delegates", "scopes": ["api_keys:write"]})["api_key"]
    Client(URL, credential=key).create_api_key({"name": "more", "scopes": ["files:write"]})
