// The operations. Generated from docs/openapi.json by clients/generator.

import type { Content } from "../content.js";
import type { Download } from "../download.js";
import type { CallOptions } from "../request.js";
import { Runtime } from "../runtime.js";
import type { components } from "./schema.js";

type Schemas = components["schemas"];

/** A method for each operation of the service. */
export abstract class Operations extends Runtime {
  /** Returns the name and the version of the service. */
  getServiceInfo(parameters: CallOptions = {}): Promise<Schemas["Root"]> {
    return this.json<Schemas["Root"]>(
      {
        method: "GET",
        path: "/",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Returns the public keys that verify access tokens, if tokens are signed with EdDSA. A new key is published before it signs tokens. */
  getJsonWebKeySet(parameters: CallOptions = {}): Promise<Schemas["JwkSet"]> {
    return this.json<Schemas["JwkSet"]>(
      {
        method: "GET",
        path: "/.well-known/jwks.json",
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Returns the origins whose pages may use the passkeys of the requested host.
   *
   * Browsers ask the domain that the rules of a tenant name as `passkey_domain`.
   */
  getRelatedOrigins(parameters: CallOptions = {}): Promise<Schemas["RelatedOrigins"]> {
    return this.json<Schemas["RelatedOrigins"]>(
      {
        method: "GET",
        path: "/.well-known/webauthn",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Lists the audit events of all tenants and of the platform, newest first. */
  listPlatformAuditEvents(parameters: {
    /** Restricts the list to this tenant. */
    tenant_id?: string | undefined;
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** The `next_cursor` of the previous page. */
    cursor?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["AuditPage"]> {
    return this.json<Schemas["AuditPage"]>(
      {
        method: "GET",
        path: "/admin/audit",
        query: { tenant_id: parameters.tenant_id, event: parameters.event, actor: parameters.actor, resource: parameters.resource, severity: parameters.severity, succeeded: parameters.succeeded, from: parameters.from, to: parameters.to, limit: parameters.limit, cursor: parameters.cursor },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listPlatformAuditEvents}. `limit` is the size of a page. */
  iteratePlatformAuditEvents(parameters: {
    /** Restricts the list to this tenant. */
    tenant_id?: string | undefined;
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["LoggedEvent"]> {
    return this.cursorPages((cursor) => this.listPlatformAuditEvents({ ...parameters, cursor }));
  }

  /** Exports the audit trail, newest event first. */
  exportPlatformAuditEvents(parameters: {
    /** The format: CSV with a header line, or one JSON object per line. */
    format?: Schemas["ExportFormat"] | undefined;
    /** Restricts the export to this tenant. */
    tenant_id?: string | undefined;
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
  } & CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/admin/audit/export",
        query: { format: parameters.format, tenant_id: parameters.tenant_id, event: parameters.event, actor: parameters.actor, resource: parameters.resource, severity: parameters.severity, succeeded: parameters.succeeded, from: parameters.from, to: parameters.to },
      },
      parameters,
    );
  }

  /** Verifies that no row of the audit trail was changed, moved or removed. */
  verifyPlatformAuditTrail(parameters: {
    /** The id of the tenant. The default is the trail of the platform. */
    tenant_id?: string | undefined;
    /** Verifies a long trail from its beginning instead of from its last checkpoint. */
    full?: boolean | undefined;
  } & CallOptions = {}): Promise<Schemas["Verification"]> {
    return this.json<Schemas["Verification"]>(
      {
        method: "GET",
        path: "/admin/audit/verify",
        query: { tenant_id: parameters.tenant_id, full: parameters.full },
      },
      parameters,
    );
  }

  /**
   * Finishes work that requests and crashes have deferred.
   *
   * This covers files that wait to be removed, expired uploads, queued publications, expired idempotency keys and expired reports. Call it regularly. Repeat the call with `next_cursor` until that is null.
   */
  runMaintenance(parameters: {
    /** The `next_cursor` of the previous response. */
    after?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["MaintenanceReport"]> {
    return this.json<Schemas["MaintenanceReport"]>(
      {
        method: "POST",
        path: "/admin/maintenance",
        query: { after: parameters.after },
      },
      parameters,
    );
  }

  /** Lists the operator keys that are not revoked, newest first. */
  listOperatorKeys(parameters: {
    /** The number of keys to skip. */
    offset?: number | undefined;
    /** The maximum number of keys to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["OperatorKeyPage"]> {
    return this.json<Schemas["OperatorKeyPage"]>(
      {
        method: "GET",
        path: "/admin/operator-keys",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listOperatorKeys}. `limit` is the size of a page. */
  iterateOperatorKeys(parameters: {
    /** The maximum number of keys to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["OperatorKey"]> {
    return this.offsetPages((offset) => this.listOperatorKeys({ ...parameters, offset }));
  }

  /**
   * Creates an operator key.
   *
   * Only this response contains the key itself. An operator key can create only keys whose scopes, expiry and networks are within its own.
   */
  createOperatorKey(body: Schemas["NewOperatorKey"], parameters: CallOptions = {}): Promise<Schemas["CreatedOperatorKey"]> {
    return this.json<Schemas["CreatedOperatorKey"]>(
      {
        method: "POST",
        path: "/admin/operator-keys",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Permanently revokes an operator key.
   *
   * The next request with the key is rejected. An operator key can revoke itself, and keys whose scopes, expiry and networks are within its own.
   */
  revokeOperatorKey(id: string, parameters: {
    /** Proceeds only if the key has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/admin/operator-keys/{id}",
        parameters: { id },
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /** Returns an operator key, without its secret. */
  getOperatorKey(id: string, parameters: {
    /** Returns 304 if the current entity tag is listed. */
    ifNoneMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["OperatorKey"]> {
    return this.json<Schemas["OperatorKey"]>(
      {
        method: "GET",
        path: "/admin/operator-keys/{id}",
        parameters: { id },
        headers: { "If-None-Match": parameters.ifNoneMatch },
      },
      parameters,
    );
  }

  /**
   * Updates an operator key.
   *
   * The change takes effect on the next request with the key. An operator key can update only keys whose scopes, expiry and networks are within its own, both before and after the change.
   */
  updateOperatorKey(id: string, body: Schemas["OperatorKeyUpdate"], parameters: {
    /** Proceeds only if the key has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["OperatorKey"]> {
    return this.json<Schemas["OperatorKey"]>(
      {
        method: "PATCH",
        path: "/admin/operator-keys/{id}",
        parameters: { id },
        json: body,
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /**
   * Replaces the secret of an operator key.
   *
   * Only this response contains the new secret. The previous secret stays valid for the overlap; any older secret becomes invalid immediately. An operator key can rotate only keys whose scopes, expiry and networks are within its own.
   */
  rotateOperatorKey(id: string, body: Schemas["OperatorKeyRotation"] | null = null, parameters: {
    /** Proceeds only if the key has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["CreatedOperatorKey"]> {
    return this.json<Schemas["CreatedOperatorKey"]>(
      {
        method: "POST",
        path: "/admin/operator-keys/{id}/rotate",
        parameters: { id },
        json: body,
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /** Lists all plans, smallest first. */
  listPlans(parameters: CallOptions = {}): Promise<Schemas["PlanPage"]> {
    return this.json<Schemas["PlanPage"]>(
      {
        method: "GET",
        path: "/admin/plans",
      },
      parameters,
    );
  }

  /** Creates a plan. */
  createPlan(body: Schemas["NewPlan"], parameters: CallOptions = {}): Promise<Schemas["Plan"]> {
    return this.json<Schemas["Plan"]>(
      {
        method: "POST",
        path: "/admin/plans",
        json: body,
      },
      parameters,
    );
  }

  /** Deletes a plan. The default plan and plans with tenants cannot be deleted. */
  deletePlan(name: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/admin/plans/{name}",
        parameters: { name },
      },
      parameters,
    );
  }

  /** Returns a plan. */
  getPlan(name: string, parameters: CallOptions = {}): Promise<Schemas["Plan"]> {
    return this.json<Schemas["Plan"]>(
      {
        method: "GET",
        path: "/admin/plans/{name}",
        parameters: { name },
      },
      parameters,
    );
  }

  /** Updates a plan. New limits apply to its tenants from their next request. */
  updatePlan(name: string, body: Schemas["PlanUpdate"], parameters: CallOptions = {}): Promise<Schemas["Plan"]> {
    return this.json<Schemas["Plan"]>(
      {
        method: "PATCH",
        path: "/admin/plans/{name}",
        parameters: { name },
        json: body,
      },
      parameters,
    );
  }

  /** Same as PATCH: omitted fields keep their values. */
  replacePlan(name: string, body: Schemas["PlanUpdate"], parameters: CallOptions = {}): Promise<Schemas["Plan"]> {
    return this.json<Schemas["Plan"]>(
      {
        method: "PUT",
        path: "/admin/plans/{name}",
        parameters: { name },
        json: body,
      },
      parameters,
    );
  }

  /** Lists tenants, newest first. */
  listTenants(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to tenants in this state. */
    status_filter?: Schemas["Status"] | undefined;
    /** Restricts the list to tenants with this text in their name, slug, e-mail address or domain. */
    search?: string | undefined;
    /** Includes deleted tenants. */
    include_deleted?: boolean | undefined;
    /** Restricts the list to tenants whose settings contain this JSON object, such as `{"region": "eu"}`. */
    settings?: string | undefined;
    /** Restricts the list to tenants whose private settings contain this JSON object. */
    private_settings?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["TenantPage"]> {
    return this.json<Schemas["TenantPage"]>(
      {
        method: "GET",
        path: "/admin/tenants",
        query: { offset: parameters.offset, limit: parameters.limit, status_filter: parameters.status_filter, search: parameters.search, include_deleted: parameters.include_deleted, settings: parameters.settings, private_settings: parameters.private_settings },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listTenants}. `limit` is the size of a page. */
  iterateTenants(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to tenants in this state. */
    status_filter?: Schemas["Status"] | undefined;
    /** Restricts the list to tenants with this text in their name, slug, e-mail address or domain. */
    search?: string | undefined;
    /** Includes deleted tenants. */
    include_deleted?: boolean | undefined;
    /** Restricts the list to tenants whose settings contain this JSON object, such as `{"region": "eu"}`. */
    settings?: string | undefined;
    /** Restricts the list to tenants whose private settings contain this JSON object. */
    private_settings?: string | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["Tenant"]> {
    return this.offsetPages((offset) => this.listTenants({ ...parameters, offset }));
  }

  /** Creates a tenant. Only this response contains its credentials. */
  createTenant(body: Schemas["NewTenant"], parameters: {
    /** For one day, the same request with the same key returns the same response. */
    idempotencyKey?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["CreatedTenant"]> {
    return this.json<Schemas["CreatedTenant"]>(
      {
        method: "POST",
        path: "/admin/tenants",
        json: body,
        headers: { "Idempotency-Key": parameters.idempotencyKey },
      },
      parameters,
    );
  }

  /**
   * Deletes a tenant.
   *
   * All of its requests are rejected. Its data and its names are kept unless `hard_delete` is true.
   */
  deleteTenant(id: string, parameters: {
    /** Destroys the database, files, counters and keys of the tenant and frees its names. This cannot be undone. */
    hard_delete?: boolean | undefined;
    /** Proceeds only if the tenant has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/admin/tenants/{id}",
        parameters: { id },
        query: { hard_delete: parameters.hard_delete },
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /** Returns a tenant in any state. */
  getTenant(id: string, parameters: {
    /** Returns 304 if the current entity tag is listed. */
    ifNoneMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Tenant"]> {
    return this.json<Schemas["Tenant"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}",
        parameters: { id },
        headers: { "If-None-Match": parameters.ifNoneMatch },
      },
      parameters,
    );
  }

  /**
   * Updates a tenant.
   *
   * A suspension takes effect on the tenant's next request. The status `deleted` also requires the scope `tenants:delete`.
   */
  updateTenant(id: string, body: Schemas["TenantUpdate"], parameters: {
    /** Proceeds only if the tenant has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Tenant"]> {
    return this.json<Schemas["Tenant"]>(
      {
        method: "PATCH",
        path: "/admin/tenants/{id}",
        parameters: { id },
        json: body,
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /** Same as PATCH: omitted fields keep their values. */
  replaceTenant(id: string, body: Schemas["TenantUpdate"], parameters: {
    /** Proceeds only if the tenant has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Tenant"]> {
    return this.json<Schemas["Tenant"]>(
      {
        method: "PUT",
        path: "/admin/tenants/{id}",
        parameters: { id },
        json: body,
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /** Lists the API keys of a tenant that are not revoked, newest first. */
  listTenantApiKeys(id: string, parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["ApiKeyPage"]> {
    return this.json<Schemas["ApiKeyPage"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}/api-keys",
        parameters: { id },
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listTenantApiKeys}. `limit` is the size of a page. */
  iterateTenantApiKeys(id: string, parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["ApiKey"]> {
    return this.offsetPages((offset) => this.listTenantApiKeys(id, { ...parameters, offset }));
  }

  /** Creates an API key for a tenant. Only this response contains the key itself. */
  createTenantApiKey(id: string, body: Schemas["NewApiKey"], parameters: CallOptions = {}): Promise<Schemas["CreatedApiKey"]> {
    return this.json<Schemas["CreatedApiKey"]>(
      {
        method: "POST",
        path: "/admin/tenants/{id}/api-keys",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /** Permanently revokes an API key of a tenant, with immediate effect. */
  revokeTenantApiKey(id: string, key_id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/admin/tenants/{id}/api-keys/{key_id}",
        parameters: { id, key_id },
      },
      parameters,
    );
  }

  /**
   * Returns a sealed chunk of a file.
   *
   * The chunk is sealed with the tenant's data key, as it is stored. `tenantctl tenant export` and `tenantctl backup create` read chunks with this endpoint.
   */
  getTenantFileChunk(id: string, file: string, index: string, parameters: CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/admin/tenants/{id}/files/{file}/chunks/{index}",
        parameters: { id, file, index },
      },
      parameters,
    );
  }

  /**
   * Stores a sealed chunk of a file.
   *
   * Only a chunk that the tenant's data key sealed for this place is accepted, so a chunk of another tenant is refused. `tenantctl tenant import` and `tenantctl backup restore` write chunks with this endpoint.
   */
  putTenantFileChunk(id: string, file: string, index: string, content: Content, parameters: {
    /** The number of the data key that sealed the chunk, from 1. */
    key_number: number;
    /** Whether the chunk is the last one of its file. */
    is_last: boolean;
    /** The content type. The default is `application/octet-stream`. */
    contentType?: string | undefined;
  } & CallOptions): Promise<void> {
    return this.none(
      {
        method: "PUT",
        path: "/admin/tenants/{id}/files/{file}/chunks/{index}",
        parameters: { id, file, index },
        query: { key_number: parameters.key_number, is_last: parameters.is_last },
        content,
        headers: { "Content-Type": parameters.contentType ?? "application/octet-stream" },
      },
      parameters,
    );
  }

  /** Lists the former slugs of a tenant that are reserved for it, latest first. */
  listFormerSlugs(id: string, parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_FormerSlug"]> {
    return this.json<Schemas["Page_FormerSlug"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}/former-slugs",
        parameters: { id },
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listFormerSlugs}. `limit` is the size of a page. */
  iterateFormerSlugs(id: string, parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["FormerSlug"]> {
    return this.offsetPages((offset) => this.listFormerSlugs(id, { ...parameters, offset }));
  }

  /** Releases a former slug of a tenant, so that any tenant can have it. */
  releaseFormerSlug(id: string, slug: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/admin/tenants/{id}/former-slugs/{slug}",
        parameters: { id, slug },
      },
      parameters,
    );
  }

  /**
   * Gives a tenant another slug.
   *
   * Tokens, API keys and database credentials stay valid. The former slug names no tenant any longer, with effect on the next request, and is reserved for this tenant.
   */
  renameTenant(id: string, body: Schemas["TenantRename"], parameters: {
    /** Proceeds only if the tenant has this entity tag. */
    ifMatch?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Tenant"]> {
    return this.json<Schemas["Tenant"]>(
      {
        method: "POST",
        path: "/admin/tenants/{id}/rename",
        parameters: { id },
        json: body,
        headers: { "If-Match": parameters.ifMatch },
      },
      parameters,
    );
  }

  /**
   * Creates a new data key for a tenant.
   *
   * New data is sealed with the new key. Existing data stays sealed with the earlier keys.
   */
  rotateTenantDataKey(id: string, parameters: CallOptions = {}): Promise<Schemas["DataKey"]> {
    return this.json<Schemas["DataKey"]>(
      {
        method: "POST",
        path: "/admin/tenants/{id}/rotate-key",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns the usage and the limits of a tenant. */
  getTenantStatistics(id: string, parameters: CallOptions = {}): Promise<Schemas["Stats"]> {
    return this.json<Schemas["Stats"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}/stats",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Lists the users of a tenant, newest first. */
  listTenantUsers(id: string, parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to users with this built-in role. */
    role?: Schemas["Role"] | undefined;
    /** Restricts the list to active or to deactivated users. */
    is_active?: boolean | undefined;
    /** Restricts the list to users with this text in their e-mail address or one of their names. */
    search?: string | undefined;
    /** Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`. */
    public_metadata?: string | undefined;
    /** Restricts the list to users whose private metadata contain this JSON object, such as `{"crm": 17}`. */
    private_metadata?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_OperatorUserView"]> {
    return this.json<Schemas["Page_OperatorUserView"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}/users",
        parameters: { id },
        query: { offset: parameters.offset, limit: parameters.limit, role: parameters.role, is_active: parameters.is_active, search: parameters.search, public_metadata: parameters.public_metadata, private_metadata: parameters.private_metadata },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listTenantUsers}. `limit` is the size of a page. */
  iterateTenantUsers(id: string, parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to users with this built-in role. */
    role?: Schemas["Role"] | undefined;
    /** Restricts the list to active or to deactivated users. */
    is_active?: boolean | undefined;
    /** Restricts the list to users with this text in their e-mail address or one of their names. */
    search?: string | undefined;
    /** Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`. */
    public_metadata?: string | undefined;
    /** Restricts the list to users whose private metadata contain this JSON object, such as `{"crm": 17}`. */
    private_metadata?: string | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["OperatorUserView"]> {
    return this.offsetPages((offset) => this.listTenantUsers(id, { ...parameters, offset }));
  }

  /** Returns a user of a tenant. */
  getTenantUser(id: string, user: string, parameters: CallOptions = {}): Promise<Schemas["OperatorUserView"]> {
    return this.json<Schemas["OperatorUserView"]>(
      {
        method: "GET",
        path: "/admin/tenants/{id}/users/{user}",
        parameters: { id, user },
      },
      parameters,
    );
  }

  /** Updates the metadata of a user. Sessions and access tokens stay valid. */
  updateTenantUser(id: string, user: string, body: Schemas["UserMetadataUpdate"], parameters: CallOptions = {}): Promise<Schemas["OperatorUserView"]> {
    return this.json<Schemas["OperatorUserView"]>(
      {
        method: "PATCH",
        path: "/admin/tenants/{id}/users/{user}",
        parameters: { id, user },
        json: body,
      },
      parameters,
    );
  }

  /** Lists the usage of tenants per day or per month, newest first. */
  listTenantUsage(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** Restricts the response to this tenant. */
    tenant_id?: string | undefined;
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["UsageRecordPage"]> {
    return this.json<Schemas["UsageRecordPage"]>(
      {
        method: "GET",
        path: "/admin/usage",
        query: { format: "json", from: parameters.from, to: parameters.to, granularity: parameters.granularity, resource_type: parameters.resource_type, tenant_id: parameters.tenant_id, offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listTenantUsage}. `limit` is the size of a page. */
  iterateTenantUsage(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** Restricts the response to this tenant. */
    tenant_id?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["UsageRecord"]> {
    return this.offsetPages((offset) => this.listTenantUsage({ ...parameters, offset }));
  }

  /** Lists the usage of tenants per day or per month, newest first. */
  listTenantUsageCsv(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** Restricts the response to this tenant. */
    tenant_id?: string | undefined;
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/admin/usage",
        query: { format: "csv", from: parameters.from, to: parameters.to, granularity: parameters.granularity, resource_type: parameters.resource_type, tenant_id: parameters.tenant_id, offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /**
   * Sends a link to a new e-mail address of the caller, which gives the caller this address.
   *
   * Nothing changes until the link is used. The response is the same if another user has the address. The sign-in must be at most ten minutes old.
   */
  requestAddressChange(body: Schemas["AddressChangeRequest"], parameters: CallOptions = {}): Promise<Schemas["AddressChange"]> {
    return this.json<Schemas["AddressChange"]>(
      {
        method: "POST",
        path: "/api/v1/account/address",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Gives a user a new e-mail address with the token of a message. The address is verified.
   *
   * The session that asked for the change continues. The user's other sessions end, and so do all links that were sent to the former address. If the former address was verified, it gets a message with a link that objects to the change.
   */
  confirmAddressChange(body: Schemas["AddressChangeConfirmation"], parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "POST",
        path: "/api/v1/account/address/confirm",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Restores the former e-mail address of a user with the token of a message.
   *
   * The user's sessions, tokens and password end. A message to the restored address has a link for a new password. The second factors stay.
   */
  objectToAddressChange(body: Schemas["AddressObjection"], parameters: CallOptions = {}): Promise<Schemas["RestoredAddress"]> {
    return this.json<Schemas["RestoredAddress"]>(
      {
        method: "POST",
        path: "/api/v1/account/address/object",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Lists the caller's passkeys. */
  listPasskeys(parameters: CallOptions = {}): Promise<Schemas["Passkeys"]> {
    return this.json<Schemas["Passkeys"]>(
      {
        method: "GET",
        path: "/api/v1/account/passkeys",
      },
      parameters,
    );
  }

  /** Begins a new proof of identity with a passkey. The response has the options for `navigator.credentials.get()`. */
  beginPasskeyProof(parameters: CallOptions = {}): Promise<Schemas["PasskeyRequest"]> {
    return this.json<Schemas["PasskeyRequest"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/recent-sign-in",
      },
      parameters,
    );
  }

  /** Proves the identity of the caller again with the result of `navigator.credentials.get()`, for changes that need a recent sign-in. */
  confirmPasskeyProof(body: Schemas["PasskeyProof"], parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/recent-sign-in/confirm",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Begins the registration of a passkey. The response has the options for `navigator.credentials.create()`.
   *
   * The sign-in must be at most ten minutes old. A user has at most ten passkeys.
   */
  beginPasskeyRegistration(parameters: CallOptions = {}): Promise<Schemas["PasskeyCreation"]> {
    return this.json<Schemas["PasskeyCreation"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/registration",
      },
      parameters,
    );
  }

  /**
   * Registers a passkey with the result of `navigator.credentials.create()`.
   *
   * The response to the first second factor contains recovery codes, which are shown only once. The caller's other sessions without a second factor end.
   */
  confirmPasskeyRegistration(body: Schemas["NewPasskey"], parameters: CallOptions = {}): Promise<Schemas["RegisteredPasskey"]> {
    return this.json<Schemas["RegisteredPasskey"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/registration/confirm",
        json: body,
      },
      parameters,
    );
  }

  /** Begins the second step of a sign-in with a passkey. The response has the options for `navigator.credentials.get()`. */
  beginPasskeySecondFactor(body: Schemas["PasskeySecondFactor"], parameters: CallOptions = {}): Promise<Schemas["PasskeyRequest"]> {
    return this.json<Schemas["PasskeyRequest"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/second-factor",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Continues a sign-in with the result of `navigator.credentials.get()`. */
  confirmPasskeySecondFactor(body: Schemas["PasskeyAnswer"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/second-factor/confirm",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /** Begins the registration of the passkey that a sign-in needs as a second factor. The response has the options for `navigator.credentials.create()`. */
  beginPasskeyEnrollment(body: Schemas["PasskeySecondFactor"], parameters: CallOptions = {}): Promise<Schemas["PasskeyCreation"]> {
    return this.json<Schemas["PasskeyCreation"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/second-factor/enrollment",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Registers the passkey that a sign-in needs, and signs the user in. The response contains recovery codes. */
  confirmPasskeyEnrollment(body: Schemas["PasskeyEnrollment"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/second-factor/enrollment/confirm",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Begins a sign-in with a passkey. The response has the options for `navigator.credentials.get()`.
   *
   * The person chooses an account in the browser. The response is the same for every account, and for an unknown tenant.
   */
  beginPasskeySignIn(parameters: CallOptions = {}): Promise<Schemas["PasskeyRequest"]> {
    return this.json<Schemas["PasskeyRequest"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/sign-in",
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Signs a user in with the result of `navigator.credentials.get()`.
   *
   * A passkey is both factors. The response is the same for an unknown passkey, an invalid response, and an unknown, suspended or deleted tenant.
   */
  confirmPasskeySignIn(body: Schemas["PasskeyResponse"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/passkeys/sign-in/confirm",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Removes a passkey of the caller. The recovery codes are removed with the last second factor.
   *
   * The sign-in must be at most ten minutes old.
   */
  removePasskey(id: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/api/v1/account/passkeys/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Renames a passkey of the caller. */
  renamePasskey(id: string, body: Schemas["PasskeyName"], parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "PATCH",
        path: "/api/v1/account/passkeys/{id}",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /**
   * Sends a link for a new password to the e-mail address of a user.
   *
   * The response is the same whether the account exists or not. The request changes nothing: the password, the sessions and earlier links stay valid. A user has at most three valid links, and gets at most five messages in an hour.
   */
  requestPasswordReset(body: Schemas["PasswordRecoveryRequest"], parameters: CallOptions = {}): Promise<Schemas["PasswordRecovery"]> {
    return this.json<Schemas["PasswordRecovery"]>(
      {
        method: "POST",
        path: "/api/v1/account/password-reset",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Sets a new password with the token of a message, and signs the user in.
   *
   * The user's sessions and other tokens end, and the address is verified. If the user has a second factor, the password is set and the response is a challenge.
   */
  confirmPasswordReset(body: Schemas["PasswordRecoveryConfirmation"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/password-reset/confirm",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Sends a link and a code to the e-mail address of a user, to sign in without a password.
   *
   * The rules of the tenant must allow it (`mailed_sign_in`). The response is the same whether the account exists or not, and the request changes nothing. For requests from the user's own networks, a user has at most three valid links and gets at most five messages in an hour. All other requests together have the same limits.
   */
  requestSignIn(body: Schemas["MailedSignInRequest"], parameters: CallOptions = {}): Promise<Schemas["MailedSignIn"]> {
    return this.json<Schemas["MailedSignIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/sign-in",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Signs a user in with the link or the code of a message, and verifies the address.
   *
   * Send either `token`, or `request` and `code`. The code is valid only with the token of its request, and at most five codes are accepted for a request. If the user has a second factor, the response is a challenge.
   */
  confirmSignIn(body: Schemas["MailedSignInConfirmation"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/sign-in/confirm",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Sends a link to an address, whose page lists the tenants in which the address has an account.
   *
   * The response is the same whether there is such an account or not. Only accounts with a verified address count. The request addresses no tenant.
   */
  requestTenantList(body: Schemas["TenantListRequest"], parameters: CallOptions = {}): Promise<Schemas["RequestedTenantList"]> {
    return this.json<Schemas["RequestedTenantList"]>(
      {
        method: "POST",
        path: "/api/v1/account/tenant-list",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Lists the tenants of the address that received a token. */
  confirmTenantList(body: Schemas["TenantListConfirmation"], parameters: CallOptions = {}): Promise<Schemas["TenantList"]> {
    return this.json<Schemas["TenantList"]>(
      {
        method: "POST",
        path: "/api/v1/account/tenant-list/confirm",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /**
   * Lists the tenants to which the caller can switch without a new sign-in.
   *
   * These are the active tenants in which an active user has the caller's verified address, if both tenants name each other in `PUT /api/v1/tenant/switching`.
   */
  listSwitchTargets(parameters: CallOptions = {}): Promise<Schemas["SwitchTargets"]> {
    return this.json<Schemas["SwitchTargets"]>(
      {
        method: "GET",
        path: "/api/v1/account/tenants",
      },
      parameters,
    );
  }

  /**
   * Starts a session in another tenant in which the caller has a user with the same verified address.
   *
   * Both tenants must name each other in `PUT /api/v1/tenant/switching`. The rules of the other tenant apply: if the user needs a second factor there, the response is a challenge. The session is no recent sign-in. The caller's own session continues.
   */
  switchTenant(body: Schemas["TenantSwitch"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/account/tenants/switch",
        json: body,
        signsIn: true,
      },
      parameters,
    );
  }

  /** Sends a link that verifies the caller's e-mail address to this address. */
  requestVerification(body: Schemas["VerificationRequest"] | null = null, parameters: CallOptions = {}): Promise<Schemas["RequestedVerification"]> {
    return this.json<Schemas["RequestedVerification"]>(
      {
        method: "POST",
        path: "/api/v1/account/verification",
        json: body,
      },
      parameters,
    );
  }

  /** Verifies the e-mail address of a user with the token of a message. */
  confirmVerification(body: Schemas["VerificationConfirmation"], parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "POST",
        path: "/api/v1/account/verification/confirm",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Lists the tenant's API keys that are not revoked, newest first. */
  listApiKeys(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["ApiKeyPage"]> {
    return this.json<Schemas["ApiKeyPage"]>(
      {
        method: "GET",
        path: "/api/v1/api-keys",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listApiKeys}. `limit` is the size of a page. */
  iterateApiKeys(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["ApiKey"]> {
    return this.offsetPages((offset) => this.listApiKeys({ ...parameters, offset }));
  }

  /**
   * Creates an API key.
   *
   * Only this response contains the key itself. An API key can create only keys whose scopes, limits and expiry are within its own.
   */
  createApiKey(body: Schemas["NewApiKey"], parameters: CallOptions = {}): Promise<Schemas["CreatedApiKey"]> {
    return this.json<Schemas["CreatedApiKey"]>(
      {
        method: "POST",
        path: "/api/v1/api-keys",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Revokes an API key.
   *
   * The next request with the key is rejected. An API key can revoke itself, and keys whose scopes, limits and expiry are within its own.
   */
  revokeApiKey(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/api-keys/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns an API key, without its secret. */
  getApiKey(id: string, parameters: CallOptions = {}): Promise<Schemas["ApiKey"]> {
    return this.json<Schemas["ApiKey"]>(
      {
        method: "GET",
        path: "/api/v1/api-keys/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /**
   * Updates the name or the limits of an API key.
   *
   * New limits take effect on the next request with the key. An API key cannot update itself. It can update only other keys whose scopes, limits and expiry are within its own, both before and after the change.
   */
  updateApiKey(id: string, body: Schemas["ApiKeyUpdate"], parameters: CallOptions = {}): Promise<Schemas["ApiKey"]> {
    return this.json<Schemas["ApiKey"]>(
      {
        method: "PATCH",
        path: "/api/v1/api-keys/{id}",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /**
   * Replaces the secret of an API key.
   *
   * Only this response contains the new secret. The previous secret stays valid for the requested overlap; any older secret becomes invalid immediately. An API key can rotate only keys whose scopes, limits and expiry are within its own.
   */
  rotateApiKey(id: string, body: Schemas["ApiKeyRotation"] | null = null, parameters: CallOptions = {}): Promise<Schemas["CreatedApiKey"]> {
    return this.json<Schemas["CreatedApiKey"]>(
      {
        method: "POST",
        path: "/api/v1/api-keys/{id}/rotate",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /**
   * Reports whether a token of the caller's tenant is valid, and returns its claims (RFC 7662).
   *
   * OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key; the client secret is the key itself.
   */
  introspectToken(body: Schemas["Token"], parameters: CallOptions = {}): Promise<Schemas["Introspection"]> {
    return this.json<Schemas["Introspection"]>(
      {
        method: "POST",
        path: "/api/v1/auth/introspect",
        form: body,
      },
      parameters,
    );
  }

  /**
   * Signs a user in to the tenant that the request addresses.
   *
   * The response is the same for a wrong password, an unknown e-mail address, and an unknown, suspended or deleted tenant. A user with a second factor gets a challenge, which `POST /api/v1/auth/second-factor` answers.
   */
  login(body: Schemas["Login"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/auth/login",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /** Ends a session of the caller. Its refresh token and its access tokens become invalid. */
  logout(body: Schemas["Logout"] | null = null, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "POST",
        path: "/api/v1/auth/logout",
        json: body,
        endsSession: true,
      },
      parameters,
    );
  }

  /** Ends all sessions of the caller, on all devices. */
  logoutEverywhere(parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "POST",
        path: "/api/v1/auth/logout-all",
        endsSession: true,
      },
      parameters,
    );
  }

  /** Proves the identity of the caller again, for changes that need a recent sign-in. */
  signInAgain(body: Schemas["RecentSignIn"], parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "POST",
        path: "/api/v1/auth/recent-sign-in",
        json: body,
      },
      parameters,
    );
  }

  /** Returns a new access token and a new refresh token. A refresh token is valid once. Using it again ends its session. */
  refreshTokens(body: Schemas["Refresh"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/auth/refresh",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Ends the session of an access token or a refresh token of the caller's tenant (RFC 7009).
   *
   * Revoking an unknown token is not an error.
   *
   * OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key; the client secret is the key itself.
   */
  revokeToken(body: Schemas["Token"], parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "POST",
        path: "/api/v1/auth/revoke",
        form: body,
      },
      parameters,
    );
  }

  /**
   * Continues a sign-in with the second factor.
   *
   * A code and a challenge are accepted once. A challenge ends after five wrong codes. If the sign-in needed an enrolment, the code confirms the factor, and the response contains recovery codes.
   */
  answerSecondFactor(body: Schemas["SecondFactorAnswer"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/auth/second-factor",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /** Sets up the second factor that a sign-in needs. `POST /api/v1/auth/second-factor` confirms it with a code. */
  enrollBySignIn(body: Schemas["EnrollmentBySignIn"], parameters: CallOptions = {}): Promise<Schemas["SecondFactorEnrollment"]> {
    return this.json<Schemas["SecondFactorEnrollment"]>(
      {
        method: "POST",
        path: "/api/v1/auth/second-factor/enrollment",
        json: body,
        isPublic: true,
      },
      parameters,
    );
  }

  /** Lists the caller's sessions with their device and IP address, newest first. */
  listSessions(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["SessionPage"]> {
    return this.json<Schemas["SessionPage"]>(
      {
        method: "GET",
        path: "/api/v1/auth/sessions",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listSessions}. `limit` is the size of a page. */
  iterateSessions(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["Session"]> {
    return this.offsetPages((offset) => this.listSessions({ ...parameters, offset }));
  }

  /** Ends one session of the caller. */
  endSession(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/auth/sessions/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /**
   * Sets the password of a user with a setup token, and signs the user in.
   *
   * If the user has a second factor, the password is set and the response is a challenge.
   */
  setUpPassword(body: Schemas["Setup"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/auth/setup",
        json: body,
        isPublic: true,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Authenticates and authorizes a request for a gateway, such as nginx (`auth_request`), Traefik (`ForwardAuth`) or Envoy (`ext_authz`).
   *
   * The response headers `X-Tenant-Id`, `X-Tenant-Slug`, `X-User-Id`, `X-User-Role`, `X-Api-Key-Id` and `X-Scopes` contain the same identity as the body. Every method is handled like GET, also on any path below this one. A browser's preflight request has no credential. It gets 204, with these headers empty.
   */
  verifyCredential(parameters: {
    /** The required scopes and permissions of the application, separated by spaces. */
    scope?: string | undefined;
    /** The price of the request in units of the tenant's quota, such as `ai_requests:1` or `api_calls:1`. Either the caller or the gateway's own API key in `X-Gateway-Key` needs the scope `usage:write`. For all tenants, an operator key with the scope `tenant_usage:write` can be in `X-Gateway-Key`. */
    consume?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["Verified"]> {
    return this.json<Schemas["Verified"]>(
      {
        method: "GET",
        path: "/api/v1/auth/verify",
        query: { scope: parameters.scope, consume: parameters.consume },
      },
      parameters,
    );
  }

  /** Deletes all cache entries of the tenant. */
  clearCache(parameters: CallOptions = {}): Promise<Schemas["ClearedCache"]> {
    return this.json<Schemas["ClearedCache"]>(
      {
        method: "DELETE",
        path: "/api/v1/cache",
      },
      parameters,
    );
  }

  /** Deletes a cache entry. */
  deleteCacheEntry(key: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/api/v1/cache/{key}",
        parameters: { key },
      },
      parameters,
    );
  }

  /** Returns a cache entry unchanged. The header `X-Cache-TTL` is its remaining lifetime in seconds. */
  getCacheEntry(key: string, parameters: CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/api/v1/cache/{key}",
        parameters: { key },
      },
      parameters,
    );
  }

  /**
   * Stores a cache entry of at most 1 MiB, and replaces an existing entry.
   *
   * If the tenant's part of the cache is full (64 MiB, 100,000 entries), the entries closest to expiry are evicted.
   */
  putCacheEntry(key: string, content: Content, parameters: {
    /** The lifetime of the entry in seconds. */
    ttl?: number | undefined;
    /** The content type. The default is `application/octet-stream`. */
    contentType?: string | undefined;
  } & CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "PUT",
        path: "/api/v1/cache/{key}",
        parameters: { key },
        query: { ttl: parameters.ttl },
        content,
        headers: { "Content-Type": parameters.contentType ?? "application/octet-stream" },
      },
      parameters,
    );
  }

  /** Lists files, ordered by path. */
  listFiles(parameters: {
    /** Restricts the list to paths with this prefix. */
    prefix?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** The `next_cursor` of the previous page. */
    cursor?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["StoredFilePage"]> {
    return this.json<Schemas["StoredFilePage"]>(
      {
        method: "GET",
        path: "/api/v1/files",
        query: { prefix: parameters.prefix, limit: parameters.limit, cursor: parameters.cursor },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listFiles}. `limit` is the size of a page. */
  iterateFiles(parameters: {
    /** Restricts the list to paths with this prefix. */
    prefix?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["StoredFile"]> {
    return this.cursorPages((cursor) => this.listFiles({ ...parameters, cursor }));
  }

  /** Deletes a file. */
  deleteFile(path: string, parameters: {
    /** Proceeds only if the file has this entity tag. */
    ifMatch?: string | undefined;
    /** Proceeds only if the file has none of these entity tags. */
    ifNoneMatch?: string | undefined;
    /** Proceeds only if the file is not newer. */
    ifUnmodifiedSince?: string | undefined;
  } & CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/api/v1/files/{path}",
        parameters: { path },
        headers: { "If-Match": parameters.ifMatch, "If-None-Match": parameters.ifNoneMatch, "If-Unmodified-Since": parameters.ifUnmodifiedSince },
      },
      parameters,
    );
  }

  /** Returns a file, or the part of it that `Range` requests. */
  downloadFile(path: string, parameters: {
    /** The requested part, such as `bytes=0-1023`. */
    range?: string | undefined;
    /** Applies `Range` if the file has this tag or date. */
    ifRange?: string | undefined;
    /** Proceeds only if the file has one of these entity tags. */
    ifMatch?: string | undefined;
    /** Returns 304 if the current entity tag is listed. */
    ifNoneMatch?: string | undefined;
    /** Returns 304 if the file is not newer. */
    ifModifiedSince?: string | undefined;
    /** Proceeds only if the file is not newer. */
    ifUnmodifiedSince?: string | undefined;
  } & CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/api/v1/files/{path}",
        parameters: { path },
        headers: { "Range": parameters.range, "If-Range": parameters.ifRange, "If-Match": parameters.ifMatch, "If-None-Match": parameters.ifNoneMatch, "If-Modified-Since": parameters.ifModifiedSince, "If-Unmodified-Since": parameters.ifUnmodifiedSince },
      },
      parameters,
    );
  }

  /** Returns the headers of a file. */
  getFileMetadata(path: string, parameters: {
    /** Proceeds only if the file has one of these entity tags. */
    ifMatch?: string | undefined;
    /** Returns 304 if the current entity tag is listed. */
    ifNoneMatch?: string | undefined;
    /** Returns 304 if the file is not newer. */
    ifModifiedSince?: string | undefined;
    /** Proceeds only if the file is not newer. */
    ifUnmodifiedSince?: string | undefined;
  } & CallOptions = {}): Promise<Headers> {
    return this.headers(
      {
        method: "HEAD",
        path: "/api/v1/files/{path}",
        parameters: { path },
        headers: { "If-Match": parameters.ifMatch, "If-None-Match": parameters.ifNoneMatch, "If-Modified-Since": parameters.ifModifiedSince, "If-Unmodified-Since": parameters.ifUnmodifiedSince },
      },
      parameters,
    );
  }

  /**
   * Stores a file, and replaces an existing file.
   *
   * The request body is the file content, of any size. An existing file stays until the upload is complete, so the quota must have room for both.
   */
  uploadFile(path: string, content: Content, parameters: {
    /** Proceeds only if the old file has this entity tag. */
    ifMatch?: string | undefined;
    /** `*`: proceeds only if the file does not exist. */
    ifNoneMatch?: string | undefined;
    /** Proceeds only if the old file is not newer. */
    ifUnmodifiedSince?: string | undefined;
    /** The content type. The default is `application/octet-stream`. */
    contentType?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["StoredFile"]> {
    return this.json<Schemas["StoredFile"]>(
      {
        method: "PUT",
        path: "/api/v1/files/{path}",
        parameters: { path },
        content,
        headers: { "If-Match": parameters.ifMatch, "If-None-Match": parameters.ifNoneMatch, "If-Unmodified-Since": parameters.ifUnmodifiedSince, "Content-Type": parameters.contentType ?? "application/octet-stream" },
      },
      parameters,
    );
  }

  /** Lists the tenant's groups, oldest first. */
  listGroups(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_Group"]> {
    return this.json<Schemas["Page_Group"]>(
      {
        method: "GET",
        path: "/api/v1/groups",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listGroups}. `limit` is the size of a page. */
  iterateGroups(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["Group"]> {
    return this.offsetPages((offset) => this.listGroups({ ...parameters, offset }));
  }

  /** Creates a group without members. Each member of a group has its roles. The caller must hold each of their permissions. */
  createGroup(body: Schemas["NewGroup"], parameters: CallOptions = {}): Promise<Schemas["Group"]> {
    return this.json<Schemas["Group"]>(
      {
        method: "POST",
        path: "/api/v1/groups",
        json: body,
      },
      parameters,
    );
  }

  /** Deletes a group, and removes all members from it. It takes effect on their next request. */
  deleteGroup(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/groups/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns a group. */
  getGroup(id: string, parameters: CallOptions = {}): Promise<Schemas["Group"]> {
    return this.json<Schemas["Group"]>(
      {
        method: "GET",
        path: "/api/v1/groups/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Updates a group. The change takes effect on the next request of every member, without a new sign-in. */
  updateGroup(id: string, body: Schemas["GroupUpdate"], parameters: CallOptions = {}): Promise<Schemas["Group"]> {
    return this.json<Schemas["Group"]>(
      {
        method: "PATCH",
        path: "/api/v1/groups/{id}",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /** Lists the members of a group, newest users first. */
  listGroupMembers(id: string, parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["UserPage"]> {
    return this.json<Schemas["UserPage"]>(
      {
        method: "GET",
        path: "/api/v1/groups/{id}/members",
        parameters: { id },
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listGroupMembers}. `limit` is the size of a page. */
  iterateGroupMembers(id: string, parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["User"]> {
    return this.offsetPages((offset) => this.listGroupMembers(id, { ...parameters, offset }));
  }

  /** Removes a user from a group. The access tokens of a former member become invalid. */
  removeGroupMember(id: string, user: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/groups/{id}/members/{user}",
        parameters: { id, user },
      },
      parameters,
    );
  }

  /** Adds a user to a group. The access tokens of a new member become invalid, so that the next one has the group. */
  addGroupMember(id: string, user: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "PUT",
        path: "/api/v1/groups/{id}/members/{user}",
        parameters: { id, user },
      },
      parameters,
    );
  }

  /** Lists the permissions of the tenant's application by name. The scopes of Tenancy are not included. */
  listPermissions(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_ApplicationPermission"]> {
    return this.json<Schemas["Page_ApplicationPermission"]>(
      {
        method: "GET",
        path: "/api/v1/permissions",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listPermissions}. `limit` is the size of a page. */
  iteratePermissions(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["ApplicationPermission"]> {
    return this.offsetPages((offset) => this.listPermissions({ ...parameters, offset }));
  }

  /**
   * Defines a permission of the tenant's application, such as `notes:write`.
   *
   * Administrators hold it at once. Other users get it by a role, and API keys as a scope. `GET /api/v1/auth/verify` checks it like a scope of Tenancy.
   */
  createPermission(body: Schemas["NewPermission"], parameters: CallOptions = {}): Promise<Schemas["ApplicationPermission"]> {
    return this.json<Schemas["ApplicationPermission"]>(
      {
        method: "POST",
        path: "/api/v1/permissions",
        json: body,
      },
      parameters,
    );
  }

  /** Deletes a permission, and removes it from all roles. It takes effect on the next request of every caller. */
  deletePermission(name: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/permissions/{name}",
        parameters: { name },
      },
      parameters,
    );
  }

  /** Returns the profile of the caller. */
  getProfile(parameters: CallOptions = {}): Promise<Schemas["User"]> {
    return this.json<Schemas["User"]>(
      {
        method: "GET",
        path: "/api/v1/profile",
      },
      parameters,
    );
  }

  /** Updates the caller's names. */
  updateProfile(body: Schemas["ProfileUpdate"], parameters: CallOptions = {}): Promise<Schemas["User"]> {
    return this.json<Schemas["User"]>(
      {
        method: "PATCH",
        path: "/api/v1/profile",
        json: body,
      },
      parameters,
    );
  }

  /** Changes the caller's password. All of their sessions end; the response starts a new one. */
  changePassword(body: Schemas["PasswordChange"], parameters: CallOptions = {}): Promise<Schemas["SignedIn"]> {
    return this.json<Schemas["SignedIn"]>(
      {
        method: "POST",
        path: "/api/v1/profile/password",
        json: body,
        signsIn: true,
      },
      parameters,
    );
  }

  /**
   * Replaces the caller's recovery codes. The former ones become invalid.
   *
   * The sign-in must be at most ten minutes old.
   */
  replaceRecoveryCodes(parameters: CallOptions = {}): Promise<Schemas["RecoveryCodes"]> {
    return this.json<Schemas["RecoveryCodes"]>(
      {
        method: "POST",
        path: "/api/v1/profile/recovery-codes",
      },
      parameters,
    );
  }

  /** Lists the caller's second factors. */
  listSecondFactors(parameters: CallOptions = {}): Promise<Schemas["SecondFactors"]> {
    return this.json<Schemas["SecondFactors"]>(
      {
        method: "GET",
        path: "/api/v1/profile/second-factors",
      },
      parameters,
    );
  }

  /**
   * Begins to set up a second factor: one-time passwords of an authenticator.
   *
   * The response contains the secret. The factor is in use after its confirmation with a code. An earlier factor that was not confirmed is replaced. The sign-in must be at most ten minutes old.
   */
  beginSecondFactor(body: Schemas["NewSecondFactor"] | null = null, parameters: CallOptions = {}): Promise<Schemas["SecondFactorEnrollment"]> {
    return this.json<Schemas["SecondFactorEnrollment"]>(
      {
        method: "POST",
        path: "/api/v1/profile/second-factors",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Removes a second factor of the caller. The recovery codes are removed with the last one.
   *
   * The sign-in must be at most ten minutes old.
   */
  removeSecondFactor(id: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/api/v1/profile/second-factors/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /**
   * Confirms a second factor with its first code.
   *
   * The response contains recovery codes, which are shown only once. The caller's other sessions without a second factor end.
   */
  confirmSecondFactor(id: string, body: Schemas["SecondFactorCode"], parameters: CallOptions = {}): Promise<Schemas["ConfirmedSecondFactor"]> {
    return this.json<Schemas["ConfirmedSecondFactor"]>(
      {
        method: "POST",
        path: "/api/v1/profile/second-factors/{id}/confirm",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /** Lists the roles that the tenant defines, oldest first. The built-in roles are not included. */
  listRoles(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_CustomRole"]> {
    return this.json<Schemas["Page_CustomRole"]>(
      {
        method: "GET",
        path: "/api/v1/roles",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listRoles}. `limit` is the size of a page. */
  iterateRoles(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["CustomRole"]> {
    return this.offsetPages((offset) => this.listRoles({ ...parameters, offset }));
  }

  /** Creates a role: a named set of scopes of Tenancy and permissions of the application. The caller must hold each of them. */
  createRole(body: Schemas["NewRole"], parameters: CallOptions = {}): Promise<Schemas["CustomRole"]> {
    return this.json<Schemas["CustomRole"]>(
      {
        method: "POST",
        path: "/api/v1/roles",
        json: body,
      },
      parameters,
    );
  }

  /** Deletes a role, and removes it from all users and groups. It takes effect on their next request. */
  deleteRole(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/roles/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns a role. */
  getRole(id: string, parameters: CallOptions = {}): Promise<Schemas["CustomRole"]> {
    return this.json<Schemas["CustomRole"]>(
      {
        method: "GET",
        path: "/api/v1/roles/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Updates a role. The change takes effect on the next request of every user with the role, without a new sign-in. */
  updateRole(id: string, body: Schemas["RoleUpdate"], parameters: CallOptions = {}): Promise<Schemas["CustomRole"]> {
    return this.json<Schemas["CustomRole"]>(
      {
        method: "PATCH",
        path: "/api/v1/roles/{id}",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /** Lists the audit events of the tenant, newest first. */
  listAuditEvents(parameters: {
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** The `next_cursor` of the previous page. */
    cursor?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["AuditPage"]> {
    return this.json<Schemas["AuditPage"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/audit",
        query: { event: parameters.event, actor: parameters.actor, resource: parameters.resource, severity: parameters.severity, succeeded: parameters.succeeded, from: parameters.from, to: parameters.to, limit: parameters.limit, cursor: parameters.cursor },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listAuditEvents}. `limit` is the size of a page. */
  iterateAuditEvents(parameters: {
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["LoggedEvent"]> {
    return this.cursorPages((cursor) => this.listAuditEvents({ ...parameters, cursor }));
  }

  /** Exports the audit trail, newest event first. */
  exportAuditEvents(parameters: {
    /** The format: CSV with a header line, or one JSON object per line. */
    format?: Schemas["ExportFormat"] | undefined;
    /** An event name, or a prefix that ends with a dot, such as `user.`. */
    event?: string | undefined;
    /** The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`. */
    actor?: string | undefined;
    /** The id or the kind of the affected resource. */
    resource?: string | undefined;
    severity?: Schemas["Severity"] | undefined;
    /** Whether the action succeeded. */
    succeeded?: boolean | undefined;
    /** The earliest time, inclusive. */
    from?: string | undefined;
    /** The latest time, exclusive. */
    to?: string | undefined;
  } & CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/api/v1/tenant/audit/export",
        query: { format: parameters.format, event: parameters.event, actor: parameters.actor, resource: parameters.resource, severity: parameters.severity, succeeded: parameters.succeeded, from: parameters.from, to: parameters.to },
      },
      parameters,
    );
  }

  /** Verifies that no row of the audit trail was changed, moved or removed. */
  verifyAuditTrail(parameters: {
    /** Verifies a long trail from its beginning instead of from its last checkpoint. */
    full?: boolean | undefined;
  } & CallOptions = {}): Promise<Schemas["Verification"]> {
    return this.json<Schemas["Verification"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/audit/verify",
        query: { full: parameters.full },
      },
      parameters,
    );
  }

  /** Lists the credentials for the tenant's database that are valid, newest first, without their passwords. */
  listDatabaseCredentials(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["Page_DatabaseCredential"]> {
    return this.json<Schemas["Page_DatabaseCredential"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/database/credentials",
        query: { offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listDatabaseCredentials}. `limit` is the size of a page. */
  iterateDatabaseCredentials(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["DatabaseCredential"]> {
    return this.offsetPages((offset) => this.listDatabaseCredentials({ ...parameters, offset }));
  }

  /**
   * Creates a credential for the tenant's own database.
   *
   * Only this response contains the password. The credential has privileges on the schema `app` only, and ends with the API key or the user of this request.
   */
  createDatabaseCredential(body: Schemas["NewDatabaseCredential"], parameters: CallOptions = {}): Promise<Schemas["NewDatabaseCredentialView"]> {
    return this.json<Schemas["NewDatabaseCredentialView"]>(
      {
        method: "POST",
        path: "/api/v1/tenant/database/credentials",
        json: body,
      },
      parameters,
    );
  }

  /** Revokes a credential for the tenant's database. Its connections are closed before the response. */
  revokeDatabaseCredential(id: string, parameters: CallOptions = {}): Promise<void> {
    return this.none(
      {
        method: "DELETE",
        path: "/api/v1/tenant/database/credentials/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns the caller's tenant. */
  getTenantInfo(parameters: CallOptions = {}): Promise<Schemas["TenantInfo"]> {
    return this.json<Schemas["TenantInfo"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/info",
      },
      parameters,
    );
  }

  /** Returns how messages to users look, and where their links lead. */
  getMailSettings(parameters: CallOptions = {}): Promise<Schemas["MailSettings"]> {
    return this.json<Schemas["MailSettings"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/mail-settings",
      },
      parameters,
    );
  }

  /**
   * Changes how messages to users look, and where their links lead.
   *
   * The links contain tokens that set passwords. So the receiving page must be on the origin of `PUBLIC_URL`, on the tenant's subdomain, or on one of its domains. The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
   */
  updateMailSettings(body: Schemas["MailSettingsChange"], parameters: CallOptions = {}): Promise<Schemas["MailSettings"]> {
    return this.json<Schemas["MailSettings"]>(
      {
        method: "PATCH",
        path: "/api/v1/tenant/mail-settings",
        json: body,
      },
      parameters,
    );
  }

  /** Returns the rules of the tenant for sign-ins, sessions and passwords. */
  getSecurityPolicy(parameters: CallOptions = {}): Promise<Schemas["SecurityPolicy"]> {
    return this.json<Schemas["SecurityPolicy"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/security-policy",
      },
      parameters,
    );
  }

  /**
   * Changes the rules of the tenant for sign-ins, sessions and passwords.
   *
   * The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
   */
  updateSecurityPolicy(body: Schemas["SecurityPolicyChange"], parameters: CallOptions = {}): Promise<Schemas["SecurityPolicy"]> {
    return this.json<Schemas["SecurityPolicy"]>(
      {
        method: "PATCH",
        path: "/api/v1/tenant/security-policy",
        json: body,
      },
      parameters,
    );
  }

  /** Returns the usage and the limits of the caller's tenant. */
  getStatistics(parameters: CallOptions = {}): Promise<Schemas["Stats"]> {
    return this.json<Schemas["Stats"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/stats",
      },
      parameters,
    );
  }

  /** Returns the tenants that this tenant names for switching. */
  getSwitchingTenants(parameters: CallOptions = {}): Promise<Schemas["SwitchingTenants"]> {
    return this.json<Schemas["SwitchingTenants"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/switching",
      },
      parameters,
    );
  }

  /**
   * Replaces the tenants between which people may switch without a new sign-in.
   *
   * Switching is possible if the other tenant also names this one. It trusts the sign-ins of the other tenant: name only tenants whose administrators you trust. The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
   */
  replaceSwitchingTenants(body: Schemas["SwitchingTenantsReplacement"], parameters: CallOptions = {}): Promise<Schemas["SwitchingTenants"]> {
    return this.json<Schemas["SwitchingTenants"]>(
      {
        method: "PUT",
        path: "/api/v1/tenant/switching",
        json: body,
      },
      parameters,
    );
  }

  /**
   * Returns the usage of one resource or of all resources.
   *
   * With `resource_type`, the response is one object. Otherwise it is a list of all resources.
   */
  getUsage(parameters: {
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
  } & CallOptions = {}): Promise<Schemas["TenantUsage"]> {
    return this.json<Schemas["TenantUsage"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/usage",
        query: { resource_type: parameters.resource_type },
      },
      parameters,
    );
  }

  /**
   * Adds consumption to the tenant's usage.
   *
   * The whole amount is counted, or none of it if it exceeds the limit. Reports with the same idempotency key are added only once, even after failures. Keys are stored for one day.
   */
  reportUsage(body: Schemas["UsageReport"], parameters: {
    /** The idempotency key of the report. */
    idempotencyKey?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["ReportedUsage"]> {
    return this.json<Schemas["ReportedUsage"]>(
      {
        method: "POST",
        path: "/api/v1/tenant/usage",
        json: body,
        headers: { "Idempotency-Key": parameters.idempotencyKey },
      },
      parameters,
    );
  }

  /** Lists the usage of the tenant per day or per month, newest first. */
  getUsageHistory(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Schemas["UsageRecordPage"]> {
    return this.json<Schemas["UsageRecordPage"]>(
      {
        method: "GET",
        path: "/api/v1/tenant/usage/history",
        query: { format: "json", from: parameters.from, to: parameters.to, granularity: parameters.granularity, resource_type: parameters.resource_type, offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link getUsageHistory}. `limit` is the size of a page. */
  iterateUsageHistory(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["UsageRecord"]> {
    return this.offsetPages((offset) => this.getUsageHistory({ ...parameters, offset }));
  }

  /** Lists the usage of the tenant per day or per month, newest first. */
  getUsageHistoryCsv(parameters: {
    /** The first day, in UTC. The default is 30 days before the last day. */
    from?: string | undefined;
    /** The last day, in UTC. The default is today. */
    to?: string | undefined;
    /** The period of each total. */
    granularity?: Schemas["Granularity"] | undefined;
    /** Restricts the response to this resource. */
    resource_type?: Schemas["Resource"] | undefined;
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
  } & CallOptions = {}): Promise<Download> {
    return this.download(
      {
        method: "GET",
        path: "/api/v1/tenant/usage/history",
        query: { format: "csv", from: parameters.from, to: parameters.to, granularity: parameters.granularity, resource_type: parameters.resource_type, offset: parameters.offset, limit: parameters.limit },
      },
      parameters,
    );
  }

  /** Lists the tenant's users, newest first. */
  listUsers(parameters: {
    /** The number of items to skip. */
    offset?: number | undefined;
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to users with this built-in role. */
    role?: Schemas["Role"] | undefined;
    /** Restricts the list to active or to deactivated users. */
    is_active?: boolean | undefined;
    /** Restricts the list to users with this text in their e-mail address or one of their names. */
    search?: string | undefined;
    /** Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`. */
    public_metadata?: string | undefined;
    /** Restricts the list to users with this custom role. Members of groups with the role are not included. */
    custom_role?: string | undefined;
    /** Restricts the list to members of this group. */
    group?: string | undefined;
  } & CallOptions = {}): Promise<Schemas["UserPage"]> {
    return this.json<Schemas["UserPage"]>(
      {
        method: "GET",
        path: "/api/v1/users",
        query: { offset: parameters.offset, limit: parameters.limit, role: parameters.role, is_active: parameters.is_active, search: parameters.search, public_metadata: parameters.public_metadata, custom_role: parameters.custom_role, group: parameters.group },
      },
      parameters,
    );
  }

  /** Iterates over the items of all pages of {@link listUsers}. `limit` is the size of a page. */
  iterateUsers(parameters: {
    /** The maximum number of items to return. */
    limit?: number | undefined;
    /** Restricts the list to users with this built-in role. */
    role?: Schemas["Role"] | undefined;
    /** Restricts the list to active or to deactivated users. */
    is_active?: boolean | undefined;
    /** Restricts the list to users with this text in their e-mail address or one of their names. */
    search?: string | undefined;
    /** Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`. */
    public_metadata?: string | undefined;
    /** Restricts the list to users with this custom role. Members of groups with the role are not included. */
    custom_role?: string | undefined;
    /** Restricts the list to members of this group. */
    group?: string | undefined;
  } & CallOptions = {}): AsyncGenerator<Schemas["User"]> {
    return this.offsetPages((offset) => this.listUsers({ ...parameters, offset }));
  }

  /**
   * Creates a user in the caller's tenant.
   *
   * If the request has no password, the service sends a setup token by mail, or the response contains it. The caller must hold every scope of the role, or the scope that delegates the role: `users:grant:viewer`, `users:grant:user` or `users:grant:admin`. The caller must also hold every permission of the custom roles and groups.
   */
  createUser(body: Schemas["NewUser"], parameters: CallOptions = {}): Promise<Schemas["CreatedUser"]> {
    return this.json<Schemas["CreatedUser"]>(
      {
        method: "POST",
        path: "/api/v1/users",
        json: body,
      },
      parameters,
    );
  }

  /** Permanently deletes a user. */
  deleteUser(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/users/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns a user. */
  getUser(id: string, parameters: CallOptions = {}): Promise<Schemas["User"]> {
    return this.json<Schemas["User"]>(
      {
        method: "GET",
        path: "/api/v1/users/{id}",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Updates a user. New roles, new groups and a deactivation take effect on the user's next request. */
  updateUser(id: string, body: Schemas["UserUpdate"], parameters: CallOptions = {}): Promise<Schemas["User"]> {
    return this.json<Schemas["User"]>(
      {
        method: "PATCH",
        path: "/api/v1/users/{id}",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /**
   * Erases a person: deletes the user permanently, and removes everything that identifies the person.
   *
   * Events of the audit trail keep the opaque id of the user, and lose the address and the user agent of the person's requests. The trail stays verifiable and contains the receipt. A user that was deleted before can be erased, too. Repeat an interrupted call: it finishes the erasure, and otherwise returns the receipt again. Backups from before the erasure still contain the person.
   */
  eraseUser(id: string, parameters: CallOptions = {}): Promise<Schemas["Erasure"]> {
    return this.json<Schemas["Erasure"]>(
      {
        method: "POST",
        path: "/api/v1/users/{id}/erasure",
        parameters: { id },
      },
      parameters,
    );
  }

  /**
   * Exports the personal data of a user as one JSON document.
   *
   * Users can export their own data. The export is recorded in the audit trail. A user has one export at a time. The data of the application in the schema `app`, in the cache and in files is not included.
   */
  exportUser(id: string, parameters: CallOptions = {}): Promise<Schemas["PersonalData"]> {
    return this.json<Schemas["PersonalData"]>(
      {
        method: "GET",
        path: "/api/v1/users/{id}/export",
        parameters: { id },
      },
      parameters,
    );
  }

  /**
   * Resets the password of a user.
   *
   * The user's password becomes invalid and their sessions end. The service sends a token that sets a new password once by mail, or the response contains it. This also repeats an invitation. The caller must be allowed to grant the user's role.
   */
  resetUserPassword(id: string, body: Schemas["PasswordResetRequest"] | null = null, parameters: CallOptions = {}): Promise<Schemas["PasswordReset"]> {
    return this.json<Schemas["PasswordReset"]>(
      {
        method: "POST",
        path: "/api/v1/users/{id}/reset-password",
        parameters: { id },
        json: body,
      },
      parameters,
    );
  }

  /**
   * Removes all second factors and recovery codes of a user, for example after a loss, and ends the user's sessions.
   *
   * The caller must be allowed to grant the user's role.
   */
  removeUserSecondFactors(id: string, parameters: CallOptions = {}): Promise<Schemas["PendingChange"] | undefined> {
    return this.json<Schemas["PendingChange"] | undefined>(
      {
        method: "DELETE",
        path: "/api/v1/users/{id}/second-factors",
        parameters: { id },
      },
      parameters,
    );
  }

  /** Returns the API documentation as a page that can send requests. */
  getDocumentation(parameters: CallOptions = {}): Promise<string> {
    return this.text(
      {
        method: "GET",
        path: "/docs",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Reports that the service responds. It checks no store, because a restart does not fix an unavailable store. */
  getHealth(parameters: CallOptions = {}): Promise<Schemas["Live"]> {
    return this.json<Schemas["Live"]>(
      {
        method: "GET",
        path: "/health",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Reports the state of each store. The status is 503 when requests fail. */
  getDetailedHealth(parameters: CallOptions = {}): Promise<Schemas["Report"]> {
    return this.json<Schemas["Report"]>(
      {
        method: "GET",
        path: "/health/detailed",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Returns the metrics for Prometheus. If `METRICS_TOKEN` is set, requests must send it as a bearer token. */
  getMetrics(parameters: CallOptions = {}): Promise<string> {
    return this.text(
      {
        method: "GET",
        path: "/metrics",
        isPublic: true,
      },
      parameters,
    );
  }

  /** Returns the description of every route (OpenAPI 3.1). */
  getOpenApiDocument(parameters: CallOptions = {}): Promise<unknown> {
    return this.json<unknown>(
      {
        method: "GET",
        path: "/openapi.json",
        isPublic: true,
      },
      parameters,
    );
  }
}
