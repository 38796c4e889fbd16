"""Repetitions, timeouts, pages and streams."""

import asyncio
import hashlib
import io
import time
from collections.abc import AsyncIterator, Iterator
from email.utils import formatdate
from pathlib import Path
from typing import cast

import pytest
from conftest import URL, Canned, Gate, Tenant

from tenancy_client import (
    AsyncClient,
    AsyncContent,
    CallOptions,
    Client,
    ConnectionFailed,
    Content,
    NotModified,
    Reply,
    RetryPolicy,
    TimedOut,
    UnexpectedResponse,
    models,
    problems,
)

USERS = "/api/v1/users"
PROBLEM = (("content-type", "application/problem+json"),)
RATE_LIMITED = b'{"code": "rate_limited", "detail": "Wait.", "title": "", "status": 429, "request_id": "1", "type": ""}'
WAIT = (*PROBLEM, ("retry-after", "1"))
SIZE = 2 * 1024 * 1024


@pytest.mark.parametrize("canned", [Canned(429, WAIT, RATE_LIMITED), Canned(503, (("retry-after", "1"),))])
def test_safe_request_waits_for_retry_after(acme: Tenant, gate: Gate, canned: Canned) -> None:
    gate.prepare(USERS, canned)
    begin = time.monotonic()
    with acme.service(gate.url) as client:
        assert client.list_users()["total"] >= 1
    assert 1 <= time.monotonic() - begin < 5
    assert gate.count(USERS) == 2


def test_retry_after_may_be_date(acme: Tenant, gate: Gate) -> None:
    gate.prepare(USERS, Canned(503, (("retry-after", formatdate(time.time() + 2, usegmt=True)),)))
    begin = time.monotonic()
    with acme.service(gate.url) as client:
        client.list_users()
    assert time.monotonic() - begin >= 0.9


def test_repetitions_are_bounded(acme: Tenant, gate: Gate) -> None:
    gate.prepare(USERS, *[Canned(429, WAIT[:1], RATE_LIMITED)] * 10)
    with acme.service(gate.url) as client:
        with pytest.raises(problems.RateLimited):
            client.list_users()
        assert gate.count(USERS) == 3
        with pytest.raises(problems.RateLimited):
            client.list_users(options=CallOptions(retries=0))
        assert gate.count(USERS) == 4


def test_long_pause_fails_at_once(acme: Tenant, gate: Gate) -> None:
    gate.prepare(USERS, Canned(429, (*PROBLEM, ("retry-after", "31")), RATE_LIMITED))
    begin = time.monotonic()
    with acme.service(gate.url) as client, pytest.raises(problems.RateLimited) as refused:
        client.list_users()
    assert time.monotonic() - begin < 5 and refused.value.headers["retry-after"] == "31"


def test_unsafe_request_is_sent_once(acme: Tenant, gate: Gate) -> None:
    gate.prepare(USERS, Canned(503, (("retry-after", "0"),)))
    gate.prepare("/api/v1/profile", Canned(close=True))
    with acme.user(gate.url) as client:
        with pytest.raises(UnexpectedResponse):
            client.create_user({"email": "once@example.com"})
        with pytest.raises(ConnectionFailed):
            client.update_profile({"first_name": "Once"})
    assert gate.count(USERS) == 1 and gate.count("/api/v1/profile") == 1


def test_lost_response_counts_usage_once(acme: Tenant, gate: Gate) -> None:
    path = "/api/v1/tenant/usage"
    with acme.service(gate.url) as client:
        before = client.get_usage(resource_type="ai_requests")
        gate.prepare(path, Canned(after=True, close=True))
        gate.requests.clear()
        reported = client.report_usage({"resource_type": "ai_requests", "amount": 3}, idempotency_key="once")
        assert gate.count(path) == 2
        gate.prepare(path, Canned(after=True, close=True))
        with pytest.raises(ConnectionFailed):
            client.report_usage({"resource_type": "ai_requests", "amount": 3})
    assert reported["current_usage"] == cast(models.Usage, before)["current_usage"] + 3


def test_consuming_verification_is_sent_once(acme: Tenant, gate: Gate) -> None:
    gate.prepare("/api/v1/auth/verify", Canned(close=True))
    with acme.service(gate.url) as client, pytest.raises(ConnectionFailed):
        client.verify_credential(consume="ai_requests:1")
    assert gate.count("/api/v1/auth/verify") == 1


def test_slow_service_times_out(acme: Tenant, gate: Gate) -> None:
    gate.delay = 3
    begin = time.monotonic()
    with acme.service(gate.url) as client, pytest.raises(TimedOut):
        client.list_users(options=CallOptions(timeout=0.2, retries=0))
    assert time.monotonic() - begin < 2.5


def test_absent_service_raises_connection_failed() -> None:
    with Client("http://127.0.0.1:1", retry=RetryPolicy(retries=1)) as client, pytest.raises(ConnectionFailed):
        client.get_health()


def test_iteration_visits_three_pages(acme: Tenant, gate: Gate) -> None:
    paths = [f"pages/{number}" for number in range(5)]
    with acme.service(gate.url) as client:
        for path in paths:
            client.upload_file(path, b"x")
        gate.requests.clear()
        assert [file["path"] for file in client.iterate_files(prefix="pages/", limit=2)] == paths
        assert gate.count("/api/v1/files") == 3
        names = {
            client.create_api_key({"name": f"page {number}", "scopes": ["tenant:read"]})["id"] for number in range(4)
        }
        every = [key["id"] for key in client.list_api_keys(limit=100)["items"]]
        assert names < set(every)
        gate.requests.clear()
        assert [key["id"] for key in client.iterate_api_keys(limit=2)] == every
        assert gate.count("/api/v1/api-keys") == (len(every) + 1) // 2 >= 3

    async def run() -> list[str]:
        async with AsyncClient(gate.url, credential=acme.api_key) as client:
            return [file["path"] async for file in client.iterate_files(prefix="pages/", limit=2)]

    assert asyncio.run(run()) == paths


def pieces() -> Iterator[bytes]:
    for number in range(SIZE // 1024):
        yield number.to_bytes(4, "big") * 256


DIGEST = hashlib.sha256(b"".join(pieces())).hexdigest()


def test_file_is_streamed_both_ways(acme: Tenant, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"".join(pieces()))
    contents: list[Content] = [pieces(), source, io.BytesIO(source.read_bytes()), source.read_bytes()]
    with acme.service() as client:
        for number, content in enumerate(contents):
            stored = client.upload_file(f"big/{number} ä?#", content, content_type="application/x-test")
            assert stored["size"] == SIZE and stored["content_type"] == "application/x-test"
            with client.download_file(f"big/{number} ä?#") as download:
                assert download.size == SIZE and download.etag == stored["etag"]
                download.save(target)
            assert hashlib.sha256(target.read_bytes()).hexdigest() == DIGEST
            assert client.get_file_metadata(f"big/{number} ä?#")["content-length"] == str(SIZE)
        with client.download_file("big/0 ä?#", range="bytes=4-7") as part:
            assert part.status == 206 and part.read() == bytes(4)


def test_tasks_stream_both_ways(acme: Tenant, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"".join(pieces()))

    async def async_pieces() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    contents: list[AsyncContent] = [async_pieces(), source, pieces()]

    async def run() -> None:
        async with AsyncClient(URL, credential=acme.api_key) as client:
            for number, content in enumerate(contents):
                await client.upload_file(f"async/{number}", content)
                digest = hashlib.sha256()
                async with await client.download_file(f"async/{number}") as download:
                    async for piece in download:
                        digest.update(piece)
                assert digest.hexdigest() == DIGEST

    asyncio.run(run())


def test_file_is_sent_again_from_start(acme: Tenant, gate: Gate) -> None:
    gate.prepare("/api/v1/files/again", Canned(503), Canned(close=True))
    content = io.BytesIO(b"skipped, sent")
    content.seek(9)
    with acme.service(gate.url) as client:
        client.upload_file("again", content)
        assert gate.count("/api/v1/files/again") == 3
        with client.download_file("again") as download:
            assert download.read() == b"sent"
        # A stream cannot be read again, and a condition would refuse the second attempt.
        gate.prepare("/api/v1/files/once", Canned(503), Canned(503))
        with pytest.raises(UnexpectedResponse):
            client.upload_file("once", iter([b"x"]), options=CallOptions(headers={"content-length": "1"}))
        with pytest.raises(UnexpectedResponse):
            client.upload_file("once", b"x", if_none_match="*")
        assert gate.count("/api/v1/files/once") == 2


def test_entity_tags_guard_changes(operator: Client, acme: Tenant) -> None:
    replies: list[Reply] = []
    operator.get_tenant(acme.id, options=CallOptions(on_response=replies.append))
    etag = replies[0].headers["etag"]
    with pytest.raises(NotModified):
        operator.get_tenant(acme.id, if_none_match=etag)
    operator.update_tenant(acme.id, {"name": "Renamed"}, if_match=etag)
    with pytest.raises(problems.PreconditionFailed):
        operator.update_tenant(acme.id, {"name": "Again"}, if_match=etag)


@pytest.mark.parametrize("path", ["../users", "a/../../users", ".", "", "a//b", "/a"])
def test_path_cannot_leave_its_endpoint(acme: Tenant, gate: Gate, path: str) -> None:
    with acme.service(gate.url) as client:
        with pytest.raises(ValueError, match="segment"):
            client.delete_file(path)
        with pytest.raises(problems.UserNotFound):
            client.get_user("a/b")
    assert gate.requests == [("GET", "/api/v1/users/a%2Fb")]


def test_text_and_forms_are_supported(acme: Tenant) -> None:
    with acme.service() as client:
        client.report_usage({"resource_type": "ai_requests", "amount": 1})
        with client.get_usage_history_csv() as csv:
            assert b",ai_requests," in csv.read()
        service = client.create_api_key({"name": "introspects", "scopes": ["tokens:introspect"]})
        client.put_cache_entry("a/b", b"\x00\xff", ttl=60)
        with client.get_cache_entry("a/b") as entry:
            assert entry.read() == b"\x00\xff"
    with Client(URL, credential=service["api_key"]) as introspecting:
        introspection = introspecting.introspect_token({"token": acme.tokens.access_token})
        assert introspection["active"] is True
        assert "tenancy_" in introspecting.get_metrics()
