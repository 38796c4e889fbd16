// Repetitions, timeouts, pages and streams.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream, openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { Client, ConnectionFailed, type Content, NotModified, problems, TimedOut, UnexpectedResponse } from "tenancy-client";
import { type Canned, createTenant, Gate, operator, type Tenant, URL } from "./world.js";

const USERS = "/api/v1/users";
const SIZE = 2 * 1024 * 1024;
const LIMITED: Canned = {
  status: 429,
  headers: { "Content-Type": "application/problem+json" },
  body: '{"code": "rate_limited", "detail": "Wait."}',
};
let acme: Tenant;
let gate: Gate;
let client: Client;

function waiting(seconds: string): Canned {
  return { ...LIMITED, headers: { ...LIMITED.headers, "Retry-After": seconds } };
}

async function milliseconds(call: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await call();
  return performance.now() - begin;
}

before(async () => {
  acme = await createTenant();
});
beforeEach(async () => {
  gate?.close();
  gate = await Gate.open();
  client = new Client(gate.url, { credential: acme.apiKey });
});
after(() => gate.close());

for (const canned of [waiting("1"), { status: 503, headers: { "Retry-After": "1" } }]) {
  test(`safe_request_waits_after_${canned.status}`, async () => {
    gate.prepare(USERS, canned);
    const took = await milliseconds(() => client.listUsers());
    assert(took >= 1000 && took < 5000, String(took));
    assert.equal(gate.count(USERS), 2);
  });
}

test("retry_after_may_be_date", async () => {
  gate.prepare(USERS, { status: 503, headers: { "Retry-After": new Date(Date.now() + 2000).toUTCString() } });
  assert((await milliseconds(() => client.listUsers())) >= 900);
});

test("repetitions_are_bounded", async () => {
  gate.prepare(USERS, ...Array.from({ length: 10 }, () => LIMITED));
  await assert.rejects(client.listUsers(), problems.RateLimited);
  assert.equal(gate.count(USERS), 3);
  await assert.rejects(client.listUsers({ retries: 0 }), problems.RateLimited);
  assert.equal(gate.count(USERS), 4);
});

test("long_pause_fails_at_once", async () => {
  gate.prepare(USERS, waiting("31"));
  const took = await milliseconds(() => assert.rejects(client.listUsers(), problems.RateLimited));
  assert(took < 5000);
});

test("caller_can_cancel_pause", async () => {
  gate.prepare(USERS, waiting("20"));
  const signal = AbortSignal.timeout(100);
  const took = await milliseconds(() => assert.rejects(client.listUsers({ signal }), { name: "TimeoutError" }));
  assert(took < 5000);
});

test("unsafe_request_is_sent_once", async () => {
  gate.prepare(USERS, { status: 503, headers: { "Retry-After": "0" } });
  gate.prepare("/api/v1/profile", { close: true });
  await assert.rejects(client.createUser({ email: "once@example.com" }), UnexpectedResponse);
  const user = new Client(gate.url, { tokens: acme.tokens });
  await assert.rejects(user.updateProfile({ first_name: "Once" }), ConnectionFailed);
  assert.equal(gate.count(USERS), 1);
  assert.equal(gate.count("/api/v1/profile"), 1);
});

test("lost_response_counts_usage_once", async () => {
  const path = "/api/v1/tenant/usage";
  gate.prepare(path, { after: true, close: true });
  const report = { resource_type: "ai_requests", amount: 3 } as const;
  const reported = await client.reportUsage(report, { idempotencyKey: "once" });
  assert.equal(gate.count(path), 2);
  assert.equal(reported.current_usage, 3);
  gate.prepare(path, { after: true, close: true });
  await assert.rejects(client.reportUsage(report), ConnectionFailed);
  assert.equal(gate.count(path), 3);
});

test("consuming_verification_is_sent_once", async () => {
  gate.prepare("/api/v1/auth/verify", { close: true });
  await assert.rejects(client.verifyCredential({ consume: "ai_requests:1" }), ConnectionFailed);
  assert.equal(gate.count("/api/v1/auth/verify"), 1);
});

test("slow_service_times_out", async () => {
  gate.delay = 3000;
  const took = await milliseconds(() => assert.rejects(client.listUsers({ timeout: 200, retries: 0 }), TimedOut));
  assert(took < 2500);
});

test("absent_service_raises_connection_failed", async () => {
  await assert.rejects(new Client("http://127.0.0.1:1", { retry: { retries: 1 } }).getHealth(), ConnectionFailed);
});

test("iteration_visits_three_pages", async () => {
  const paths = [0, 1, 2, 3, 4].map((number) => `pages/${number}`);
  for (const path of paths) await client.uploadFile(path, "x");
  gate.requests.length = 0;
  const found: string[] = [];
  for await (const file of client.iterateFiles({ prefix: "pages/", limit: 2 })) found.push(file.path);
  assert.deepEqual(found, paths);
  assert.equal(gate.count("/api/v1/files"), 3);
  const created = new Set<string>();
  for (let number = 0; number < 4; number += 1) {
    created.add((await client.createApiKey({ name: `page ${number}`, scopes: ["tenant:read"] })).id);
  }
  const every = (await client.listApiKeys({ limit: 100 })).items.map(({ id }) => id);
  assert([...created].every((id) => every.includes(id)));
  gate.requests.length = 0;
  const keys: string[] = [];
  for await (const key of client.iterateApiKeys({ limit: 2 })) keys.push(key.id);
  assert.deepEqual(keys, every);
  assert.equal(gate.count("/api/v1/api-keys"), Math.ceil(every.length / 2));
});

function pieces(): AsyncIterable<Uint8Array> {
  async function* generate() {
    for (let number = 0; number < SIZE / 1024; number += 1) {
      const piece = Buffer.alloc(1024);
      piece.writeUInt32BE(number);
      yield new Uint8Array(piece);
    }
  }
  return generate();
}

async function digestOf(content: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of content) hash.update(piece);
  return hash.digest("hex");
}

test("file_is_streamed_both_ways", async () => {
  const folder = await mkdtemp(join(tmpdir(), "tenancy-"));
  const source = join(folder, "source");
  await writeFile(source, pieces());
  const expected = await digestOf(pieces());
  const contents: Content[] = [pieces(), () => createReadStream(source), await openAsBlob(source)];
  for (const [number, content] of contents.entries()) {
    const path = `big/${number} ä?#`;
    const stored = await client.uploadFile(path, content, { contentType: "application/x-test" });
    assert.equal(stored.size, SIZE);
    assert.equal(stored.content_type, "application/x-test");
    const download = await new Client(URL, { credential: acme.apiKey }).downloadFile(path);
    assert.equal(download.size, SIZE);
    assert.equal(download.etag, stored.etag);
    assert.equal(await digestOf(download), expected);
    assert.equal((await client.getFileMetadata(path)).get("content-length"), String(SIZE));
  }
  const part = await client.downloadFile("big/0 ä?#", { range: "bytes=4-7" });
  assert.equal(part.status, 206);
  assert.deepEqual(await part.bytes(), new Uint8Array(4));
  await rm(folder, { recursive: true });
});

test("file_is_sent_again_from_start", async () => {
  const path = "/api/v1/files/again";
  gate.prepare(path, { status: 503 }, { close: true });
  let opened = 0;
  const open = () => {
    opened += 1;
    return new Blob(["sent"]).stream();
  };
  await client.uploadFile("again", open);
  assert.equal(opened, 3);
  assert.equal(await (await client.downloadFile("again")).text(), "sent");
  // A stream cannot be read again, and a condition would refuse the second attempt.
  gate.prepare("/api/v1/files/once", { status: 503 }, { status: 503 });
  await assert.rejects(client.uploadFile("once", new Blob(["x"]).stream()), UnexpectedResponse);
  await assert.rejects(client.uploadFile("once", "x", { ifNoneMatch: "*" }), UnexpectedResponse);
  assert.equal(gate.count("/api/v1/files/once"), 2);
});

test("interrupted_download_is_an_error", async () => {
  const headers = { "Content-Type": "application/octet-stream", "Content-Length": "9" };
  gate.prepare("/api/v1/files/short", { status: 200, headers, body: "four" });
  const download = await client.downloadFile("short", { timeout: 500 });
  await assert.rejects(download.bytes(), ConnectionFailed);
});

test("entity_tags_guard_changes", async () => {
  let etag = "";
  await operator.getTenant(acme.id, { onResponse: ({ headers }) => (etag = headers.get("etag") ?? "") });
  await assert.rejects(operator.getTenant(acme.id, { ifNoneMatch: etag }), NotModified);
  await operator.updateTenant(acme.id, { name: "Renamed" }, { ifMatch: etag });
  const again = operator.updateTenant(acme.id, { name: "Again" }, { ifMatch: etag });
  await assert.rejects(again, problems.PreconditionFailed);
});

test("path_cannot_leave_its_endpoint", async () => {
  for (const path of ["../users", "a/../../users", ".", "", "a//b", "/a"]) {
    await assert.rejects(client.deleteFile(path), RangeError);
  }
  await assert.rejects(client.getUser("a/b$&"), problems.UserNotFound);
  assert.deepEqual(gate.requests, ["GET /api/v1/users/a%2Fb%24%26"]);
});

test("text_and_forms_are_supported", async () => {
  await client.reportUsage({ resource_type: "ai_requests", amount: 1 });
  assert.match(await (await client.getUsageHistoryCsv()).text(), /,ai_requests,/);
  await client.putCacheEntry("a/b", new Uint8Array([0, 255]), { ttl: 60 });
  assert.deepEqual(await (await client.getCacheEntry("a/b")).bytes(), new Uint8Array([0, 255]));
  const { api_key: credential } = await client.createApiKey({ name: "introspects", scopes: ["tokens:introspect"] });
  const introspection = await new Client(URL, { credential }).introspectToken({ token: acme.tokens.accessToken });
  assert.equal(introspection.active, true);
  assert.match(await client.getMetrics(), /tenancy_/);
});
