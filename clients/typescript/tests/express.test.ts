// The middleware for Express, in a running application.
import assert from "node:assert/strict";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import express from "express";
import { Client } from "tenancy-client";
import { identityOf, verifier } from "tenancy-client/express";
import { type Canned, createTenant, Gate, type Tenant, URL } from "./world.js";

const VERIFY = "/api/v1/auth/verify";
let acme: Tenant;
let globex: Tenant;
let gate: Gate;
const servers: Server[] = [];

async function start(url: string, timeout = 10_000): Promise<string> {
  const tenancy = verifier(url, { timeout });
  const app = express();
  app.get("/notes", tenancy.require("tenant:read"), (request, response) => {
    const { tenantId, tenantSlug, userId, apiKeyId } = identityOf(request);
    response.json({ tenantId, tenantSlug, userId, apiKeyId });
  });
  app.put("/notes", tenancy.require("files:write"), (request, response) => {
    response.json(identityOf(request).tenantId);
  });
  app.get("/forgotten", (request, response) => {
    response.json(identityOf(request));
  });
  app.use(((_error, _request, response, _next) => response.status(500).end()) as express.ErrorRequestHandler);
  const server = await new Promise<Server>((resolve) => {
    const listening: Server = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
  servers.push(server);
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes`;
}

let notes: string;

before(async () => {
  [acme, globex] = await Promise.all([createTenant(), createTenant()]);
});
beforeEach(async () => {
  gate?.close();
  gate = await Gate.open();
  notes = await start(gate.url);
});
after(() => {
  gate.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function get(token?: string, headers: Record<string, string> = {}, method = "GET", url = notes): Promise<Response> {
  const authorization = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  return fetch(url, { method, headers: { ...authorization, ...headers } });
}

async function codeOf(response: Response): Promise<string> {
  assert.equal(response.headers.get("content-type")?.split(";")[0], "application/problem+json");
  const { code } = (await response.json()) as { code: string };
  return `${response.status} ${code}`;
}

test("valid_caller_reaches_handler", async () => {
  const user = (await (await get(acme.tokens.accessToken)).json()) as Record<string, unknown>;
  assert.equal(user["tenantId"], acme.id);
  assert.equal(user["tenantSlug"], acme.slug);
  assert(user["userId"] && user["apiKeyId"] === null);
  // The headers of a caller that look like an identity have no effect.
  const forged = { "X-API-Key": globex.apiKey, "X-Tenant-Id": acme.id, "X-Scopes": "files:write" };
  const service = (await (await get(undefined, forged)).json()) as Record<string, unknown>;
  assert(service["tenantId"] === globex.id && service["apiKeyId"]);
});

test("invalid_callers_are_refused", async () => {
  assert.equal(await codeOf(await get()), "401 authentication_required");
  const refused = await get("nonsense");
  assert(refused.headers.get("www-authenticate"));
  assert.equal(await codeOf(refused), "401 invalid_token");
  // A credential of another tenant.
  assert.equal(await codeOf(await get(globex.apiKey, { "X-Tenant-Slug": acme.slug })), "403 tenant_mismatch");
  const both = await get(acme.tokens.accessToken, { "X-API-Key": globex.apiKey });
  assert([401, 403].includes(both.status));
});

test("revoked_key_is_refused_at_once", async () => {
  const service = new Client(URL, { credential: acme.apiKey });
  const key = await service.createApiKey({ name: "short-lived", scopes: ["tenant:read"] });
  assert.equal((await get(key.api_key)).status, 200);
  await service.revokeApiKey(key.id);
  assert.equal(await codeOf(await get(key.api_key)), "401 invalid_api_key");
});

test("route_enforces_its_scope", async () => {
  const service = new Client(URL, { credential: acme.apiKey });
  const key = await service.createApiKey({ name: "reads", scopes: ["tenant:read"] });
  assert.equal((await get(key.api_key)).status, 200);
  assert.equal(await codeOf(await get(key.api_key, {}, "PUT")), "403 forbidden");
  assert.equal(await (await get(acme.apiKey, {}, "PUT")).json(), acme.id);
  // A route without the middleware has no caller.
  assert.equal((await get(acme.apiKey, {}, "GET", notes.replace("notes", "forgotten"))).status, 500);
});

const verified = (id: string, scope: string) =>
  JSON.stringify({ tenant_id: id, tenant_slug: "a", user_id: null, user_role: null, api_key_id: null, scopes: [scope] });
const UNCLEAR: Canned[] = [
  { status: 500 },
  { status: 302, headers: { Location: "http://127.0.0.1:1" } },
  { status: 404, body: "not the service" },
  { status: 204 },
  { status: 200, body: "<html>" },
  { status: 200, body: "[]" },
  { status: 200, body: "null" },
  { status: 200, body: verified("", "tenant:read") },
  { status: 200, body: verified("1", "files:read") },
  { status: 503, headers: { "Retry-After": "0" } },
  { close: true },
];

test("unclear_answer_fails_closed", async () => {
  for (const canned of UNCLEAR) {
    gate.prepare(VERIFY, canned, canned);
    const refused = await get(acme.apiKey);
    assert(refused.headers.get("retry-after"));
    assert.equal(await codeOf(refused), "503 unavailable", JSON.stringify(canned));
    gate.clear(VERIFY);
  }
});

test("limit_is_passed_on", async () => {
  const headers = { "Content-Type": "application/problem+json", "Retry-After": "7" };
  gate.prepare(VERIFY, { status: 429, headers, body: '{"code": "rate_limited", "detail": "Wait."}' });
  const refused = await get(acme.apiKey);
  assert.equal(refused.headers.get("retry-after"), "7");
  assert.equal(await codeOf(refused), "429 rate_limited");
  assert.equal(gate.count(VERIFY), 1);
});

test("absent_service_fails_closed", async () => {
  const absent = await start("http://127.0.0.1:1");
  assert.equal(await codeOf(await get(acme.apiKey, {}, "GET", absent)), "503 unavailable");
  gate.delay = 3000;
  const begin = performance.now();
  const slow = await start(gate.url, 1000);
  assert.equal(await codeOf(await get(acme.apiKey, {}, "GET", slow)), "503 unavailable");
  assert(performance.now() - begin < 2500);
});
