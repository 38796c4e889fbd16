// A class for each stable code.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Client, Problem, problems, UnexpectedResponse } from "tenancy-client";
import { createTenant, Gate, operator, PASSWORD, type Tenant, URL } from "./world.js";

const NOBODY = "0198c5b0-0000-7000-8000-000000000000";
let acme: Tenant;
let globex: Tenant;
let gate: Gate;

before(async () => {
  [acme, globex, gate] = await Promise.all([createTenant(), createTenant(), Gate.open()]);
});
after(() => gate.close());

async function prepared(type: string, body: string): Promise<unknown> {
  gate.prepare("/health", { status: 418, headers: { "Content-Type": type }, body });
  return new Client(gate.url).getHealth().then(
    () => assert.fail("the response is no success"),
    (error: unknown) => error,
  );
}

test("each_code_has_a_class", async () => {
  const document = (await new Client(URL).getOpenApiDocument()) as {
    components: { schemas: { Problem: { properties: { code: { enum: string[] } } } } };
  };
  const codes = document.components.schemas.Problem.properties.code.enum;
  assert.deepEqual(Object.keys(problems.PROBLEMS).sort(), codes.toSorted());
  const known: Record<string, typeof Problem> = problems.PROBLEMS;
  for (const [code, expected] of Object.entries(known)) {
    const error = await prepared("application/problem+json", JSON.stringify({ code, detail: "D" }));
    assert(error instanceof expected && error.constructor === expected, code);
    assert.equal(error.code, code);
    assert.equal(error.status, 418);
    assert.equal(error.document.detail, "D");
    assert.equal(error.name, expected.name);
  }
});

test("unknown_code_is_a_problem", async () => {
  for (const code of ["of_a_later_version", "constructor", "toString"]) {
    const error = await prepared("application/problem+json", JSON.stringify({ code }));
    assert(error instanceof Problem && error.constructor === Problem);
    assert.equal(error.code, code);
  }
});

test("foreign_response_is_unexpected", async () => {
  for (const body of ["<html>", "[]", "{}", "null", '{"code": 1}']) {
    for (const type of ["text/html", "application/problem+json"]) {
      const error = await prepared(type, body);
      assert(error instanceof UnexpectedResponse && error.status === 418, body);
    }
  }
});

test("success_without_json_is_unexpected", async () => {
  gate.prepare("/health", { status: 200, headers: { "Content-Type": "text/html" }, body: "<html>" });
  await assert.rejects(new Client(gate.url).getHealth(), UnexpectedResponse);
});

test("service_problems_have_their_classes", async () => {
  const user = new Client(URL, { tokens: acme.tokens });
  const service = new Client(URL, { credential: acme.apiKey });
  const key = async (scopes: ["tenant:read"] | ["api_keys:write"]) => {
    const { api_key: credential } = await service.createApiKey({ name: scopes[0], scopes });
    return new Client(URL, { credential });
  };
  const [reader, delegate] = [await key(["tenant:read"]), await key(["api_keys:write"])];
  const anonymous = new Client(URL);
  const login = (tenant?: string) => {
    const options = tenant === undefined ? {} : { tenant };
    return new Client(URL, options).login({ email: "admin@nobody.example", password: PASSWORD });
  };
  const { id } = await user.getProfile();
  await service.uploadFile("short", "x");
  const taken = { name: "Taken", slug: acme.slug, admin_email: "a@taken.example" };
  const foreign = new Client(URL, { tenant: globex.slug, credential: acme.apiKey });
  const cases: [new (...parameters: never[]) => Problem, () => Promise<unknown>][] = [
    [problems.AuthenticationRequired, () => anonymous.getTenantInfo()],
    [problems.InvalidApiKey, () => new Client(URL, { credential: `${acme.apiKey.slice(0, -1)}!` }).getTenantInfo()],
    [problems.InvalidToken, () => new Client(URL, { credential: "nonsense" }).getProfile()],
    [problems.InvalidAdminKey, () => new Client(URL, { credential: "nonsense" }).listPlans()],
    [problems.InvalidCredentials, () => login(acme.slug)],
    [problems.TenantRequired, () => login()],
    [problems.TenantNotFound, () => operator.getTenant(NOBODY)],
    [problems.TenantMismatch, () => foreign.getTenantInfo()],
    [problems.InvalidSetupToken, () => anonymous.setUpPassword({ setup_token: "no", password: PASSWORD })],
    [problems.InvalidRefreshToken, () => anonymous.refreshTokens({ refresh_token: "no" })],
    [problems.UserRequired, () => service.getProfile()],
    [problems.Forbidden, () => reader.listUsers()],
    [problems.ScopeNotHeld, () => delegate.createApiKey({ name: "more", scopes: ["files:write"] })],
    [problems.UserNotFound, () => service.getUser(NOBODY)],
    [problems.ApiKeyNotFound, () => service.getApiKey(NOBODY)],
    [problems.FileNotFound, () => service.downloadFile("absent")],
    [problems.CacheEntryNotFound, () => service.getCacheEntry("absent")],
    [problems.RangeNotSatisfiable, () => service.downloadFile("short", { range: "bytes=9-" })],
    [problems.EmailTaken, () => user.createUser({ email: acme.email })],
    [problems.LastAdmin, () => user.deleteUser(id)],
    [problems.SlugTaken, () => operator.createTenant(taken)],
    [problems.PlanNotFound, () => operator.getPlan("absent")],
  ];
  for (const [expected, call] of cases) await assert.rejects(call(), expected);
  await assert.rejects(user.createUser({ email: "not an address" }), (error: unknown) => {
    assert(error instanceof problems.ValidationFailed);
    return Object.keys(error.fields).join() === "email";
  });
});

test("limits_have_their_classes", async () => {
  await operator.updateTenant(globex.id, { limits: { users: 1, ai_requests: 0 } });
  const service = new Client(URL, { credential: globex.apiKey });
  await assert.rejects(service.createUser({ email: `second@${globex.slug}.example` }), (error: unknown) => {
    assert(error instanceof problems.QuotaExceeded);
    const { resource, limit, usage } = error.document;
    return resource === "users" && limit === 1 && usage === 1;
  });
  const report = service.reportUsage({ resource_type: "ai_requests", amount: 1 }, { idempotencyKey: "daily" });
  await assert.rejects(report, (error: unknown) => {
    assert(error instanceof problems.QuotaExceeded);
    return error.status === 429 && Number(error.headers.get("retry-after")) > 0;
  });
  await operator.updateTenant(globex.id, { status: "suspended" });
  await assert.rejects(service.getTenantInfo(), problems.TenantSuspended);
});
