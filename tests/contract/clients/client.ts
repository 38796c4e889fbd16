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
const path = "notes/bytes";
const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
// The type of a binary body is string, because the command openapi-typescript does not read `format: binary`. A schema
// without a type would be unknown, but then openapi-python-client has no File. The serializer can return any body.
const put = await service.PUT("/api/v1/files/{path}", {
  params: { path: { path } },
  body: "",
  bodySerializer: () => bytes,
  headers: { "Content-Type": "application/octet-stream" },
});
assert.equal(put.data?.size, 256);
const got = await service.GET("/api/v1/files/{path}", { params: { path: { path } }, parseAs: "arrayBuffer" });
assert(got.data);
assert.deepEqual(new Uint8Array(got.data), bytes);
const head = await service.HEAD("/api/v1/files/{path}", { params: { path: { path } } });
assert.equal(head.response.headers.get("Content-Length"), "256");
const absent = await service.GET("/api/v1/files/{path}", { params: { path: { path: "absent" } } });
assert.equal(absent.error?.code satisfies Code | undefined, "file_not_found");
const used = await service.POST("/api/v1/tenant/usage", { body: { resource_type: "ai_requests", amount: 2 } });
assert.equal(used.data?.current_usage, 2);
const history = await service.GET("/api/v1/tenant/usage/history");
assert(typeof history.data === "object");
assert(history.data.items.some((record) => record.resource_type === "ai_requests"));
const csv = await service.GET("/api/v1/tenant/usage/history", {
  params: { query: { format: "csv" } },
  parseAs: "text",
});
const lines: string[] = csv.data?.split("\r\n") ?? [];
assert(lines.some((line) => line.includes("ai_requests")), csv.data);
