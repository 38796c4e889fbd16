// Sign-in, renewal and end of a session.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { Client, ConnectionFailed, problems, type Tokens } from "tenancy-client";
import { createTenant, expired, Gate, PASSWORD, signIn, type Tenant, URL } from "./world.js";

const REFRESH = "/api/v1/auth/refresh";
let acme: Tenant;
let gate: Gate;

before(async () => {
  acme = await createTenant();
});
beforeEach(async () => {
  gate?.close();
  gate = await Gate.open();
});
after(() => gate.close());

test("sign_in_and_sign_out", async () => {
  const stored: (Tokens | undefined)[] = [];
  const client = new Client(gate.url, { tenant: acme.slug, onTokens: (tokens) => void stored.push(tokens) });
  const signedIn = await client.login({ email: acme.email, password: PASSWORD });
  assert.deepEqual(stored, [client.tokens]);
  assert.equal(client.tokens?.accessToken, signedIn.access_token);
  assert.equal((await client.getProfile()).email, acme.email);
  await client.logout();
  assert.equal(client.tokens, undefined);
  assert.equal(stored.at(-1), undefined);
  await assert.rejects(client.getProfile(), problems.AuthenticationRequired);
  const ended = new Client(gate.url, { credential: signedIn.access_token });
  await assert.rejects(ended.getProfile(), problems.TokenRevoked);
});

test("expired_token_is_renewed_once", async () => {
  const tokens = expired(await signIn(acme));
  const stored: (Tokens | undefined)[] = [];
  gate.delay = 50;
  const client = new Client(gate.url, { tokens, onTokens: (next) => void stored.push(next) });
  const cancelled = new AbortController();
  // The first call starts the renewal. Its end must not end the renewal.
  const first = client.getProfile({ signal: cancelled.signal });
  const others = Array.from({ length: 20 }, () => client.getProfile());
  while (gate.count(REFRESH) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  cancelled.abort(new Error("the caller has left"));
  await assert.rejects(first, /the caller has left/);
  for (const profile of await Promise.all(others)) assert.equal(profile.email, acme.email);
  assert.equal(gate.count(REFRESH), 1);
  assert.deepEqual(stored, [client.tokens]);
  // The new refresh token is valid, so no token was used twice.
  await client.refreshTokens({ refresh_token: client.tokens?.refreshToken ?? "" });
  assert.equal((await client.getProfile()).email, acme.email);
});

test("token_is_renewed_before_expiry", async () => {
  const tokens = { ...(await signIn(acme)), expiresAt: Date.now() - 1 };
  const client = new Client(gate.url, { tokens });
  await client.uploadFile("early", new Blob(["ab"]).stream());
  assert.deepEqual(gate.requests, [`POST ${REFRESH}`, "PUT /api/v1/files/early"]);
  assert((client.tokens?.expiresAt ?? 0) > Date.now() + 60_000);
  await client.getProfile();
  assert.equal(gate.count(REFRESH), 1);
});

test("used_refresh_token_ends_session", async () => {
  const tokens = expired(await signIn(acme));
  await new Client(gate.url, { tokens }).getProfile();
  const client = new Client(gate.url, { tokens, tenant: acme.slug });
  for (let call = 0; call < 3; call += 1) await assert.rejects(client.getProfile(), problems.InvalidRefreshToken);
  // One renewal by each client.
  assert.equal(gate.count(REFRESH), 2);
  await client.login({ email: acme.email, password: PASSWORD });
  assert.equal((await client.getProfile()).email, acme.email);
});

test("unavailable_renewal_keeps_tokens", async () => {
  const tokens = expired(await signIn(acme));
  const broken = { close: true };
  gate.prepare(REFRESH, { status: 503, headers: { "Retry-After": "60" } }, broken, broken, broken);
  const client = new Client(gate.url, { tokens });
  await assert.rejects(client.getProfile(), /503/);
  await assert.rejects(client.getProfile(), ConnectionFailed);
  assert.deepEqual(client.tokens, tokens);
  assert.equal((await client.getProfile()).email, acme.email);
});

test("new_password_starts_session", async () => {
  const admin = new Client(URL, { tokens: acme.tokens });
  const invited = await admin.createUser({ email: `u@${acme.slug}.example` });
  assert(invited.setup_token);
  const client = new Client(URL, { tenant: acme.slug });
  await client.setUpPassword({ setup_token: invited.setup_token, password: PASSWORD });
  const previous = client.tokens;
  await client.changePassword({ current_password: PASSWORD, new_password: "another password for tests" });
  assert.notDeepEqual(client.tokens, previous);
  assert.equal((await client.getProfile()).id, invited.id);
});

test("tokens_are_not_sent_elsewhere", async () => {
  const elsewhere = await Gate.open();
  gate.prepare("/api/v1/profile", { status: 307, headers: { Location: `${elsewhere.url}/api/v1/profile` } });
  await assert.rejects(new Client(gate.url, { tokens: acme.tokens }).getProfile(), /307/);
  assert.deepEqual(elsewhere.requests, []);
  elsewhere.close();
});
