"""Sign-in, renewal and end of a session."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from conftest import PASSWORD, URL, Canned, Gate, Tenant, expired, sign_in

from tenancy_client import AsyncClient, Client, ConnectionFailed, Tokens, UnexpectedResponse, problems

REFRESH = "/api/v1/auth/refresh"


def test_sign_in_and_sign_out(acme: Tenant, gate: Gate) -> None:
    stored: list[Tokens | None] = []
    with Client(gate.url, tenant=acme.slug, on_tokens=stored.append) as client:
        signed_in = client.login({"email": acme.email, "password": PASSWORD})
        assert stored == [client.tokens] and client.tokens
        assert client.tokens.access_token == signed_in["access_token"]
        assert signed_in["access_token"] not in repr(client.tokens)
        assert client.get_profile()["email"] == acme.email
        client.logout()
        assert client.tokens is None and stored[-1] is None
        with pytest.raises(problems.AuthenticationRequired):
            client.get_profile()
    with Client(gate.url, credential=signed_in["access_token"]) as ended, pytest.raises(problems.TokenRevoked):
        ended.get_profile()


def test_expired_token_is_renewed_once(acme: Tenant, gate: Gate) -> None:
    stored: list[Tokens | None] = []
    tokens = expired(sign_in(acme))
    gate.delay = 0.05
    with Client(gate.url, tokens=tokens, on_tokens=stored.append) as client:
        with ThreadPoolExecutor(20) as pool:
            emails = [one["email"] for one in pool.map(lambda _: client.get_profile(), range(20))]
        assert emails == [acme.email] * 20
        assert gate.count(REFRESH) == 1
        assert stored == [client.tokens]
        # The new refresh token is valid, so no token was used twice.
        client.refresh_tokens({"refresh_token": client.tokens.refresh_token if client.tokens else ""})
        assert client.get_profile()["email"] == acme.email


def test_tasks_renew_token_once(acme: Tenant, gate: Gate) -> None:
    tokens = expired(sign_in(acme))
    gate.delay = 0.05

    async def run() -> None:
        async with AsyncClient(gate.url, tokens=tokens) as client:
            # The first call starts the renewal. Its end must not end the renewal.
            first = asyncio.create_task(client.get_profile())
            while not gate.count(REFRESH):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            others = [asyncio.create_task(client.get_profile()) for _ in range(20)]
            first.cancel()
            assert [one["email"] for one in await asyncio.gather(*others)] == [acme.email] * 20
            assert gate.count(REFRESH) == 1
            assert client.tokens and client.tokens.refresh_token != tokens.refresh_token

    asyncio.run(run())


def test_token_is_renewed_before_expiry(acme: Tenant, gate: Gate) -> None:
    tokens = replace(sign_in(acme), expires_at=time.time() - 1)
    with Client(gate.url, tokens=tokens) as client:
        client.upload_file("early", iter([b"a", b"b"]))
        assert gate.requests == [("POST", REFRESH), ("PUT", "/api/v1/files/early")]
        assert client.tokens and client.tokens.expires_at and client.tokens.expires_at > time.time() + 60
        client.get_profile()
        assert gate.count(REFRESH) == 1


def test_used_refresh_token_ends_session(acme: Tenant, gate: Gate) -> None:
    tokens = expired(sign_in(acme))
    with Client(gate.url, tokens=tokens) as thief:
        thief.get_profile()
    with Client(gate.url, tenant=acme.slug, tokens=tokens) as client:
        for _ in range(3):
            with pytest.raises(problems.InvalidRefreshToken):
                client.get_profile()
        # One renewal by each client.
        assert gate.count(REFRESH) == 2
        client.login({"email": acme.email, "password": PASSWORD})
        assert client.get_profile()["email"] == acme.email


def test_unavailable_renewal_keeps_tokens(acme: Tenant, gate: Gate) -> None:
    tokens = expired(sign_in(acme))
    unavailable = Canned(503, (("retry-after", "60"),))
    gate.prepare(REFRESH, unavailable, Canned(close=True), Canned(close=True), Canned(close=True))
    with Client(gate.url, tokens=tokens) as client:
        with pytest.raises(Exception, match="503"):
            client.get_profile()
        with pytest.raises(ConnectionFailed):
            client.get_profile()
        assert client.tokens == tokens
        assert client.get_profile()["email"] == acme.email


def test_threads_share_failed_renewal(acme: Tenant, gate: Gate) -> None:
    tokens = expired(sign_in(acme))
    gate.prepare(REFRESH, *[Canned(503, (("retry-after", "60"),))] * 20)
    gate.delay = 0.3
    with Client(gate.url, tokens=tokens) as client:

        def call(_: int) -> int:
            with pytest.raises(UnexpectedResponse) as failed:
                client.get_profile()
            return failed.value.status

        with ThreadPoolExecutor(20) as pool:
            assert list(pool.map(call, range(20))) == [503] * 20
    # A call that starts after the failure tries again.
    assert 1 <= gate.count(REFRESH) < 10


def test_new_password_starts_session(acme: Tenant) -> None:
    with acme.user() as admin:
        invited = admin.create_user({"email": f"u@{acme.slug}.example"})
    with Client(URL, tenant=acme.slug) as client:
        assert invited["setup_token"]
        client.set_up_password({"setup_token": invited["setup_token"], "password": PASSWORD})
        before = client.tokens
        client.change_password({"current_password": PASSWORD, "new_password": "another password for tests"})
        assert client.tokens != before
        assert client.get_profile()["id"] == invited["id"]


def test_tokens_are_not_sent_elsewhere(acme: Tenant, gate: Gate) -> None:
    elsewhere = Gate()
    gate.prepare("/api/v1/profile", Canned(307, (("location", f"{elsewhere.url}/api/v1/profile"),)))
    with acme.user(gate.url) as client, pytest.raises(Exception, match="307"):
        client.get_profile()
    assert elsewhere.requests == []
