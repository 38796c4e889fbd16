// Uses the service with a client that openapi-typescript generated. Arguments: address, admin key.
import assert from "node:assert/strict";
import createClient from "openapi-fetch";
import type { components, paths } from "./api.js";

type Code = components["schemas"]["Problem"]["code"];

const [address, adminKey] = process.argv.slice(2);
assert(address && adminKey);
const baseUrl = `http://${address}`;
const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

const operator = createClient<paths>({ baseUrl, ...bearer(adminKey) });
const created = await operator.POST("/admin/tenants", {
  body: { name: "TypeScript", slug: "typescript", admin_email: "admin@typescript.example" },
});
assert(created.data, JSON.stringify(created.error));
const { id, api_key: apiKey, setup_token: setupToken } = created.data;
assert(setupToken);
assert.equal(created.response.headers.get("Location"), `/admin/tenants/${id}`);

const found = await operator.GET("/admin/tenants", { params: { query: { search: "typescript" } } });
const slugs: string[] = found.data?.items.map((tenant) => tenant.slug) ?? [];
assert.deepEqual(slugs, ["typescript"]);

// An update with a condition.
const tenant = await operator.GET("/admin/tenants/{id}", { params: { path: { id } } });
const etag = tenant.response.headers.get("ETag");
assert(etag);
const update = (ifMatch: string) =>
  operator.PATCH("/admin/tenants/{id}", {
    params: { path: { id }, header: { "If-Match": ifMatch } },
    body: { name: "Renamed" },
  });
assert.equal((await update(etag)).data?.name, "Renamed");
const outdated = await update(etag);
assert.equal(outdated.response.status, 412);
const code: Code | undefined = outdated.error?.code;
assert.equal(code, "precondition_failed");

// A user of the tenant.
const anonymous = createClient<paths>({ baseUrl });
const setUp = await anonymous.POST("/api/v1/auth/setup", {
  body: { setup_token: setupToken, password: "a password of TypeScript" },
});
assert(setUp.data);
const user = createClient<paths>({ baseUrl, ...bearer(setUp.data.access_token) });
const profile = await user.GET("/api/v1/profile");
assert.equal(profile.data?.email, "admin@typescript.example");
const lastName: string | null | undefined = profile.data?.last_name;
assert.equal(lastName, null);
const invited = await user.POST("/api/v1/users", { body: { email: "u@typescript.example", role: "viewer" } });
assert(invited.data?.setup_token);
const invalid = await user.POST("/api/v1/users", { body: { email: "not an address" } });
assert.deepEqual(invalid.error?.errors?.map((error) => error.field), ["email"]);

// Files and usage with the API key in its own header.
const service = createClient<paths>({ baseUrl, headers: { "X-API-Key": apiKey } });
const path = "notes/hello.txt";
const put = await service.PUT("/api/v1/files/{path}", {
  params: { path: { path } },
  body: "Hello, world",
  bodySerializer: (body) => body,
  headers: { "Content-Type": "application/octet-stream" },
});
assert.equal(put.data?.size, 12);
const got = await service.GET("/api/v1/files/{path}", { params: { path: { path } }, parseAs: "text" });
assert.equal(got.data, "Hello, world");
const head = await service.HEAD("/api/v1/files/{path}", { params: { path: { path } } });
assert.equal(head.response.headers.get("Content-Length"), "12");
const absent = await service.GET("/api/v1/files/{path}", { params: { path: { path: "absent" } } });
assert.equal(absent.error?.code satisfies Code | undefined, "file_not_found");
const used = await service.POST("/api/v1/tenant/usage", { body: { resource_type: "ai_requests", amount: 2 } });
assert.equal(used.data?.current_usage, 2);
