"""The operations. Generated from docs/openapi.json by clients/generator."""

from collections.abc import Iterator, Mapping
from typing import Any

from .._content import Content
from .._request import CallOptions, Request
from .._runtime import Runtime
from ..downloads import Download
from . import models


class Operations(Runtime):
    """A method for each operation of the service."""

    def get_service_info(self, *, options: CallOptions | None = None) -> models.Root:
        """Returns the name and the version of the service."""
        request = Request("GET", "/", public=True)
        result: models.Root = self._json(request, options)
        return result

    def get_json_web_key_set(self, *, options: CallOptions | None = None) -> models.JwkSet:
        """Returns the public keys that verify access tokens, if tokens are signed with EdDSA. A new key is published before it signs tokens."""
        request = Request("GET", "/.well-known/jwks.json", public=True)
        result: models.JwkSet = self._json(request, options)
        return result

    def get_related_origins(self, *, options: CallOptions | None = None) -> models.RelatedOrigins:
        """Returns the origins whose pages may use the passkeys of the requested host.

        Browsers ask the domain that the rules of a tenant name as `passkey_domain`.
        """
        request = Request("GET", "/.well-known/webauthn", public=True)
        result: models.RelatedOrigins = self._json(request, options)
        return result

    def list_platform_audit_events(
        self,
        *,
        tenant_id: str | None = None,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        options: CallOptions | None = None,
    ) -> models.AuditPage:
        """Lists the audit events of all tenants and of the platform, newest first.

        :param tenant_id: Restricts the list to this tenant.
        :param event: An event name, or a prefix that ends with a dot, such as `user.`.
        :param actor: The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`.
        :param resource: The id or the kind of the affected resource.
        :param succeeded: Whether the action succeeded.
        :param from_: The earliest time, inclusive.
        :param to: The latest time, exclusive.
        :param limit: The maximum number of items to return.
        :param cursor: The `next_cursor` of the previous page.
        """
        request = Request(
            "GET",
            "/admin/audit",
            query={
                "tenant_id": tenant_id,
                "event": event,
                "actor": actor,
                "resource": resource,
                "severity": severity,
                "succeeded": succeeded,
                "from": from_,
                "to": to,
                "limit": limit,
                "cursor": cursor,
            },
        )
        result: models.AuditPage = self._json(request, options)
        return result

    def iterate_platform_audit_events(
        self,
        *,
        tenant_id: str | None = None,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.LoggedEvent]:
        """Iterates over the items of all pages of list_platform_audit_events. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(cursor: str | None) -> models.AuditPage:
            return self.list_platform_audit_events(
                cursor=cursor,
                tenant_id=tenant_id,
                event=event,
                actor=actor,
                resource=resource,
                severity=severity,
                succeeded=succeeded,
                from_=from_,
                to=to,
                limit=limit,
                options=options,
            )

        return self._cursor_pages(page)

    def export_platform_audit_events(
        self,
        *,
        format: models.ExportFormat | None = None,
        tenant_id: str | None = None,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        options: CallOptions | None = None,
    ) -> Download:
        """Exports the audit trail, newest event first.

        :param format: The format: CSV with a header line, or one JSON object per line.
        :param tenant_id: Restricts the export to this tenant.
        :param event: An event name, or a prefix that ends with a dot, such as `user.`.
        :param actor: The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`.
        :param resource: The id or the kind of the affected resource.
        :param succeeded: Whether the action succeeded.
        :param from_: The earliest time, inclusive.
        :param to: The latest time, exclusive.
        """
        request = Request(
            "GET",
            "/admin/audit/export",
            query={
                "format": format,
                "tenant_id": tenant_id,
                "event": event,
                "actor": actor,
                "resource": resource,
                "severity": severity,
                "succeeded": succeeded,
                "from": from_,
                "to": to,
            },
        )
        return self._download(request, options)

    def verify_platform_audit_trail(
        self, *, tenant_id: str | None = None, full: bool | None = None, options: CallOptions | None = None
    ) -> models.Verification:
        """Verifies that no row of the audit trail was changed, moved or removed.

        :param tenant_id: The id of the tenant. The default is the trail of the platform.
        :param full: Verifies a long trail from its beginning instead of from its last checkpoint.
        """
        request = Request("GET", "/admin/audit/verify", query={"tenant_id": tenant_id, "full": full})
        result: models.Verification = self._json(request, options)
        return result

    def run_maintenance(
        self, *, after: str | None = None, options: CallOptions | None = None
    ) -> models.MaintenanceReport:
        """Finishes work that requests and crashes have deferred.

        This covers files that wait to be removed, expired uploads, queued publications, expired idempotency keys and expired reports. Call it regularly. Repeat the call with `next_cursor` until that is null.

        :param after: The `next_cursor` of the previous response.
        """
        request = Request("POST", "/admin/maintenance", query={"after": after})
        result: models.MaintenanceReport = self._json(request, options)
        return result

    def list_operator_keys(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.OperatorKeyPage:
        """Lists the operator keys that are not revoked, newest first.

        :param offset: The number of keys to skip.
        :param limit: The maximum number of keys to return.
        """
        request = Request("GET", "/admin/operator-keys", query={"offset": offset, "limit": limit})
        result: models.OperatorKeyPage = self._json(request, options)
        return result

    def iterate_operator_keys(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.OperatorKey]:
        """Iterates over the items of all pages of list_operator_keys. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.OperatorKeyPage:
            return self.list_operator_keys(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_operator_key(
        self, body: models.NewOperatorKey, *, options: CallOptions | None = None
    ) -> models.CreatedOperatorKey:
        """Creates an operator key.

        Only this response contains the key itself. An operator key can create only keys whose scopes, expiry and networks are within its own.
        """
        request = Request("POST", "/admin/operator-keys", json=body)
        result: models.CreatedOperatorKey = self._json(request, options)
        return result

    def revoke_operator_key(self, id: str, *, if_match: str | None = None, options: CallOptions | None = None) -> None:
        """Permanently revokes an operator key.

        The next request with the key is rejected. An operator key can revoke itself, and keys whose scopes, expiry and networks are within its own.

        :param id: The id of the key.
        :param if_match: Proceeds only if the key has this entity tag.
        """
        request = Request("DELETE", "/admin/operator-keys/{id}", parameters={"id": id}, headers={"If-Match": if_match})
        self._none(request, options)

    def get_operator_key(
        self, id: str, *, if_none_match: str | None = None, options: CallOptions | None = None
    ) -> models.OperatorKey:
        """Returns an operator key, without its secret.

        :param id: The id of the key.
        :param if_none_match: Returns 304 if the current entity tag is listed.
        """
        request = Request(
            "GET", "/admin/operator-keys/{id}", parameters={"id": id}, headers={"If-None-Match": if_none_match}
        )
        result: models.OperatorKey = self._json(request, options)
        return result

    def update_operator_key(
        self,
        id: str,
        body: models.OperatorKeyUpdate,
        *,
        if_match: str | None = None,
        options: CallOptions | None = None,
    ) -> models.OperatorKey:
        """Updates an operator key.

        The change takes effect on the next request with the key. An operator key can update only keys whose scopes, expiry and networks are within its own, both before and after the change.

        :param id: The id of the key.
        :param if_match: Proceeds only if the key has this entity tag.
        """
        request = Request(
            "PATCH", "/admin/operator-keys/{id}", parameters={"id": id}, headers={"If-Match": if_match}, json=body
        )
        result: models.OperatorKey = self._json(request, options)
        return result

    def rotate_operator_key(
        self,
        id: str,
        body: models.OperatorKeyRotation | None = None,
        *,
        if_match: str | None = None,
        options: CallOptions | None = None,
    ) -> models.CreatedOperatorKey:
        """Replaces the secret of an operator key.

        Only this response contains the new secret. The previous secret stays valid for the overlap; any older secret becomes invalid immediately. An operator key can rotate only keys whose scopes, expiry and networks are within its own.

        :param id: The id of the key.
        :param if_match: Proceeds only if the key has this entity tag.
        """
        request = Request(
            "POST", "/admin/operator-keys/{id}/rotate", parameters={"id": id}, headers={"If-Match": if_match}, json=body
        )
        result: models.CreatedOperatorKey = self._json(request, options)
        return result

    def list_plans(self, *, options: CallOptions | None = None) -> models.PlanPage:
        """Lists all plans, smallest first."""
        request = Request("GET", "/admin/plans")
        result: models.PlanPage = self._json(request, options)
        return result

    def create_plan(self, body: models.NewPlan, *, options: CallOptions | None = None) -> models.Plan:
        """Creates a plan."""
        request = Request("POST", "/admin/plans", json=body)
        result: models.Plan = self._json(request, options)
        return result

    def delete_plan(self, name: str, *, options: CallOptions | None = None) -> None:
        """Deletes a plan. The default plan and plans with tenants cannot be deleted.

        :param name: The name of the plan.
        """
        request = Request("DELETE", "/admin/plans/{name}", parameters={"name": name})
        self._none(request, options)

    def get_plan(self, name: str, *, options: CallOptions | None = None) -> models.Plan:
        """Returns a plan.

        :param name: The name of the plan.
        """
        request = Request("GET", "/admin/plans/{name}", parameters={"name": name})
        result: models.Plan = self._json(request, options)
        return result

    def update_plan(self, name: str, body: models.PlanUpdate, *, options: CallOptions | None = None) -> models.Plan:
        """Updates a plan. New limits apply to its tenants from their next request.

        :param name: The name of the plan.
        """
        request = Request("PATCH", "/admin/plans/{name}", parameters={"name": name}, json=body)
        result: models.Plan = self._json(request, options)
        return result

    def replace_plan(self, name: str, body: models.PlanUpdate, *, options: CallOptions | None = None) -> models.Plan:
        """Same as PATCH: omitted fields keep their values.

        :param name: The name of the plan.
        """
        request = Request("PUT", "/admin/plans/{name}", parameters={"name": name}, json=body)
        result: models.Plan = self._json(request, options)
        return result

    def list_tenants(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        status_filter: models.Status | None = None,
        search: str | None = None,
        include_deleted: bool | None = None,
        settings: str | None = None,
        private_settings: str | None = None,
        options: CallOptions | None = None,
    ) -> models.TenantPage:
        """Lists tenants, newest first.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        :param status_filter: Restricts the list to tenants in this state.
        :param search: Restricts the list to tenants with this text in their name, slug, e-mail address or domain.
        :param include_deleted: Includes deleted tenants.
        :param settings: Restricts the list to tenants whose settings contain this JSON object, such as `{"region": "eu"}`.
        :param private_settings: Restricts the list to tenants whose private settings contain this JSON object.
        """
        request = Request(
            "GET",
            "/admin/tenants",
            query={
                "offset": offset,
                "limit": limit,
                "status_filter": status_filter,
                "search": search,
                "include_deleted": include_deleted,
                "settings": settings,
                "private_settings": private_settings,
            },
        )
        result: models.TenantPage = self._json(request, options)
        return result

    def iterate_tenants(
        self,
        *,
        limit: int | None = None,
        status_filter: models.Status | None = None,
        search: str | None = None,
        include_deleted: bool | None = None,
        settings: str | None = None,
        private_settings: str | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.Tenant]:
        """Iterates over the items of all pages of list_tenants. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.TenantPage:
            return self.list_tenants(
                offset=offset,
                limit=limit,
                status_filter=status_filter,
                search=search,
                include_deleted=include_deleted,
                settings=settings,
                private_settings=private_settings,
                options=options,
            )

        return self._offset_pages(page)

    def create_tenant(
        self, body: models.NewTenant, *, idempotency_key: str | None = None, options: CallOptions | None = None
    ) -> models.CreatedTenant:
        """Creates a tenant. Only this response contains its credentials.

        :param idempotency_key: For one day, the same request with the same key returns the same response.
        """
        request = Request("POST", "/admin/tenants", headers={"Idempotency-Key": idempotency_key}, json=body)
        result: models.CreatedTenant = self._json(request, options)
        return result

    def delete_tenant(
        self,
        id: str,
        *,
        hard_delete: bool | None = None,
        if_match: str | None = None,
        options: CallOptions | None = None,
    ) -> models.PendingChange | None:
        """Deletes a tenant.

        All of its requests are rejected. Its data and its names are kept unless `hard_delete` is true.

        :param id: The id of the tenant.
        :param hard_delete: Destroys the database, files, counters and keys of the tenant and frees its names. This cannot be undone.
        :param if_match: Proceeds only if the tenant has this entity tag.
        """
        request = Request(
            "DELETE",
            "/admin/tenants/{id}",
            parameters={"id": id},
            query={"hard_delete": hard_delete},
            headers={"If-Match": if_match},
        )
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_tenant(
        self, id: str, *, if_none_match: str | None = None, options: CallOptions | None = None
    ) -> models.Tenant:
        """Returns a tenant in any state.

        :param id: The id of the tenant.
        :param if_none_match: Returns 304 if the current entity tag is listed.
        """
        request = Request("GET", "/admin/tenants/{id}", parameters={"id": id}, headers={"If-None-Match": if_none_match})
        result: models.Tenant = self._json(request, options)
        return result

    def update_tenant(
        self, id: str, body: models.TenantUpdate, *, if_match: str | None = None, options: CallOptions | None = None
    ) -> models.Tenant:
        """Updates a tenant.

        A suspension takes effect on the tenant's next request. The status `deleted` also requires the scope `tenants:delete`.

        :param id: The id of the tenant.
        :param if_match: Proceeds only if the tenant has this entity tag.
        """
        request = Request(
            "PATCH", "/admin/tenants/{id}", parameters={"id": id}, headers={"If-Match": if_match}, json=body
        )
        result: models.Tenant = self._json(request, options)
        return result

    def replace_tenant(
        self, id: str, body: models.TenantUpdate, *, if_match: str | None = None, options: CallOptions | None = None
    ) -> models.Tenant:
        """Same as PATCH: omitted fields keep their values.

        :param id: The id of the tenant.
        :param if_match: Proceeds only if the tenant has this entity tag.
        """
        request = Request(
            "PUT", "/admin/tenants/{id}", parameters={"id": id}, headers={"If-Match": if_match}, json=body
        )
        result: models.Tenant = self._json(request, options)
        return result

    def list_tenant_api_keys(
        self, id: str, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.ApiKeyPage:
        """Lists the API keys of a tenant that are not revoked, newest first.

        :param id: The id of the tenant.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET", "/admin/tenants/{id}/api-keys", parameters={"id": id}, query={"offset": offset, "limit": limit}
        )
        result: models.ApiKeyPage = self._json(request, options)
        return result

    def iterate_tenant_api_keys(
        self, id: str, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.ApiKey]:
        """Iterates over the items of all pages of list_tenant_api_keys. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.ApiKeyPage:
            return self.list_tenant_api_keys(id, offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_tenant_api_key(
        self, id: str, body: models.NewApiKey, *, options: CallOptions | None = None
    ) -> models.CreatedApiKey:
        """Creates an API key for a tenant. Only this response contains the key itself.

        :param id: The id of the tenant.
        """
        request = Request("POST", "/admin/tenants/{id}/api-keys", parameters={"id": id}, json=body)
        result: models.CreatedApiKey = self._json(request, options)
        return result

    def revoke_tenant_api_key(
        self, id: str, key_id: str, *, options: CallOptions | None = None
    ) -> models.PendingChange | None:
        """Permanently revokes an API key of a tenant, with immediate effect.

        :param id: The id of the tenant.
        :param key_id: The id of the key.
        """
        request = Request("DELETE", "/admin/tenants/{id}/api-keys/{key_id}", parameters={"id": id, "key_id": key_id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_tenant_file_chunk(self, id: str, file: str, index: str, *, options: CallOptions | None = None) -> Download:
        """Returns a sealed chunk of a file.

        The chunk is sealed with the tenant's data key, as it is stored. `tenantctl tenant export` and `tenantctl backup create` read chunks with this endpoint.

        :param id: The id of the tenant.
        :param file: The id of the upload.
        :param index: The index of the chunk, from 0.
        """
        request = Request(
            "GET",
            "/admin/tenants/{id}/files/{file}/chunks/{index}",
            parameters={"id": id, "file": file, "index": index},
        )
        return self._download(request, options)

    def put_tenant_file_chunk(
        self,
        id: str,
        file: str,
        index: str,
        content: Content,
        *,
        key_number: int,
        is_last: bool,
        content_type: str = "application/octet-stream",
        options: CallOptions | None = None,
    ) -> None:
        """Stores a sealed chunk of a file.

        Only a chunk that the tenant's data key sealed for this place is accepted, so a chunk of another tenant is refused. `tenantctl tenant import` and `tenantctl backup restore` write chunks with this endpoint.

        :param id: The id of the tenant.
        :param file: The id of the upload.
        :param index: The index of the chunk, from 0.
        :param key_number: The number of the data key that sealed the chunk, from 1.
        :param is_last: Whether the chunk is the last one of its file.
        """
        request = Request(
            "PUT",
            "/admin/tenants/{id}/files/{file}/chunks/{index}",
            parameters={"id": id, "file": file, "index": index},
            query={"key_number": key_number, "is_last": is_last},
            content=content,
            content_type=content_type,
        )
        self._none(request, options)

    def list_former_slugs(
        self, id: str, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.PageFormerSlug:
        """Lists the former slugs of a tenant that are reserved for it, latest first.

        :param id: The id of the tenant.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET", "/admin/tenants/{id}/former-slugs", parameters={"id": id}, query={"offset": offset, "limit": limit}
        )
        result: models.PageFormerSlug = self._json(request, options)
        return result

    def iterate_former_slugs(
        self, id: str, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.FormerSlug]:
        """Iterates over the items of all pages of list_former_slugs. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageFormerSlug:
            return self.list_former_slugs(id, offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def release_former_slug(self, id: str, slug: str, *, options: CallOptions | None = None) -> None:
        """Releases a former slug of a tenant, so that any tenant can have it.

        :param id: The id of the tenant.
        :param slug: The former slug.
        """
        request = Request("DELETE", "/admin/tenants/{id}/former-slugs/{slug}", parameters={"id": id, "slug": slug})
        self._none(request, options)

    def rename_tenant(
        self, id: str, body: models.TenantRename, *, if_match: str | None = None, options: CallOptions | None = None
    ) -> models.Tenant:
        """Gives a tenant another slug.

        Tokens, API keys and database credentials stay valid. The former slug names no tenant any longer, with effect on the next request, and is reserved for this tenant.

        :param id: The id of the tenant.
        :param if_match: Proceeds only if the tenant has this entity tag.
        """
        request = Request(
            "POST", "/admin/tenants/{id}/rename", parameters={"id": id}, headers={"If-Match": if_match}, json=body
        )
        result: models.Tenant = self._json(request, options)
        return result

    def rotate_tenant_data_key(self, id: str, *, options: CallOptions | None = None) -> models.DataKey:
        """Creates a new data key for a tenant.

        New data is sealed with the new key. Existing data stays sealed with the earlier keys.

        :param id: The id of the tenant.
        """
        request = Request("POST", "/admin/tenants/{id}/rotate-key", parameters={"id": id})
        result: models.DataKey = self._json(request, options)
        return result

    def get_tenant_statistics(self, id: str, *, options: CallOptions | None = None) -> models.Stats:
        """Returns the usage and the limits of a tenant.

        :param id: The id of the tenant.
        """
        request = Request("GET", "/admin/tenants/{id}/stats", parameters={"id": id})
        result: models.Stats = self._json(request, options)
        return result

    def list_tenant_users(
        self,
        id: str,
        *,
        offset: int | None = None,
        limit: int | None = None,
        role: models.Role | None = None,
        is_active: bool | None = None,
        search: str | None = None,
        public_metadata: str | None = None,
        private_metadata: str | None = None,
        options: CallOptions | None = None,
    ) -> models.PageOperatorUserView:
        """Lists the users of a tenant, newest first.

        :param id: The id of the tenant.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        :param role: Restricts the list to users with this built-in role.
        :param is_active: Restricts the list to active or to deactivated users.
        :param search: Restricts the list to users with this text in their e-mail address or one of their names.
        :param public_metadata: Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`.
        :param private_metadata: Restricts the list to users whose private metadata contain this JSON object, such as `{"crm": 17}`.
        """
        request = Request(
            "GET",
            "/admin/tenants/{id}/users",
            parameters={"id": id},
            query={
                "offset": offset,
                "limit": limit,
                "role": role,
                "is_active": is_active,
                "search": search,
                "public_metadata": public_metadata,
                "private_metadata": private_metadata,
            },
        )
        result: models.PageOperatorUserView = self._json(request, options)
        return result

    def iterate_tenant_users(
        self,
        id: str,
        *,
        limit: int | None = None,
        role: models.Role | None = None,
        is_active: bool | None = None,
        search: str | None = None,
        public_metadata: str | None = None,
        private_metadata: str | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.OperatorUserView]:
        """Iterates over the items of all pages of list_tenant_users. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageOperatorUserView:
            return self.list_tenant_users(
                id,
                offset=offset,
                limit=limit,
                role=role,
                is_active=is_active,
                search=search,
                public_metadata=public_metadata,
                private_metadata=private_metadata,
                options=options,
            )

        return self._offset_pages(page)

    def get_tenant_user(self, id: str, user: str, *, options: CallOptions | None = None) -> models.OperatorUserView:
        """Returns a user of a tenant.

        :param id: The id of the tenant.
        :param user: The id of the user.
        """
        request = Request("GET", "/admin/tenants/{id}/users/{user}", parameters={"id": id, "user": user})
        result: models.OperatorUserView = self._json(request, options)
        return result

    def update_tenant_user(
        self, id: str, user: str, body: models.UserMetadataUpdate, *, options: CallOptions | None = None
    ) -> models.OperatorUserView:
        """Updates the metadata of a user. Sessions and access tokens stay valid.

        :param id: The id of the tenant.
        :param user: The id of the user.
        """
        request = Request("PATCH", "/admin/tenants/{id}/users/{user}", parameters={"id": id, "user": user}, json=body)
        result: models.OperatorUserView = self._json(request, options)
        return result

    def list_tenant_usage(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        tenant_id: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> models.UsageRecordPage:
        """Lists the usage of tenants per day or per month, newest first.

        :param from_: The first day, in UTC. The default is 30 days before the last day.
        :param to: The last day, in UTC. The default is today.
        :param granularity: The period of each total.
        :param resource_type: Restricts the response to this resource.
        :param tenant_id: Restricts the response to this tenant.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET",
            "/admin/usage",
            query={
                "format": "json",
                "from": from_,
                "to": to,
                "granularity": granularity,
                "resource_type": resource_type,
                "tenant_id": tenant_id,
                "offset": offset,
                "limit": limit,
            },
        )
        result: models.UsageRecordPage = self._json(request, options)
        return result

    def iterate_tenant_usage(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        tenant_id: str | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.UsageRecord]:
        """Iterates over the items of all pages of list_tenant_usage. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.UsageRecordPage:
            return self.list_tenant_usage(
                offset=offset,
                from_=from_,
                to=to,
                granularity=granularity,
                resource_type=resource_type,
                tenant_id=tenant_id,
                limit=limit,
                options=options,
            )

        return self._offset_pages(page)

    def list_tenant_usage_csv(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        tenant_id: str | None = None,
        offset: int | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Download:
        """Lists the usage of tenants per day or per month, newest first.

        :param from_: The first day, in UTC. The default is 30 days before the last day.
        :param to: The last day, in UTC. The default is today.
        :param granularity: The period of each total.
        :param resource_type: Restricts the response to this resource.
        :param tenant_id: Restricts the response to this tenant.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET",
            "/admin/usage",
            query={
                "format": "csv",
                "from": from_,
                "to": to,
                "granularity": granularity,
                "resource_type": resource_type,
                "tenant_id": tenant_id,
                "offset": offset,
                "limit": limit,
            },
        )
        return self._download(request, options)

    def request_address_change(
        self, body: models.AddressChangeRequest, *, options: CallOptions | None = None
    ) -> models.AddressChange:
        """Sends a link to a new e-mail address of the caller, which gives the caller this address.

        Nothing changes until the link is used. The response is the same if another user has the address. The sign-in must be at most ten minutes old.
        """
        request = Request("POST", "/api/v1/account/address", json=body)
        result: models.AddressChange = self._json(request, options)
        return result

    def confirm_address_change(
        self, body: models.AddressChangeConfirmation, *, options: CallOptions | None = None
    ) -> models.PendingChange | None:
        """Gives a user a new e-mail address with the token of a message. The address is verified.

        The session that asked for the change continues. The user's other sessions end, and so do all links that were sent to the former address. If the former address was verified, it gets a message with a link that objects to the change.
        """
        request = Request("POST", "/api/v1/account/address/confirm", json=body, public=True)
        result: models.PendingChange | None = self._json(request, options)
        return result

    def object_to_address_change(
        self, body: models.AddressObjection, *, options: CallOptions | None = None
    ) -> models.RestoredAddress:
        """Restores the former e-mail address of a user with the token of a message.

        The user's sessions, tokens and password end. A message to the restored address has a link for a new password. The second factors stay.
        """
        request = Request("POST", "/api/v1/account/address/object", json=body, public=True)
        result: models.RestoredAddress = self._json(request, options)
        return result

    def list_passkeys(self, *, options: CallOptions | None = None) -> models.Passkeys:
        """Lists the caller's passkeys."""
        request = Request("GET", "/api/v1/account/passkeys")
        result: models.Passkeys = self._json(request, options)
        return result

    def begin_passkey_proof(self, *, options: CallOptions | None = None) -> models.PasskeyRequest:
        """Begins a new proof of identity with a passkey. The response has the options for `navigator.credentials.get()`."""
        request = Request("POST", "/api/v1/account/passkeys/recent-sign-in")
        result: models.PasskeyRequest = self._json(request, options)
        return result

    def confirm_passkey_proof(self, body: models.PasskeyProof, *, options: CallOptions | None = None) -> None:
        """Proves the identity of the caller again with the result of `navigator.credentials.get()`, for changes that need a recent sign-in."""
        request = Request("POST", "/api/v1/account/passkeys/recent-sign-in/confirm", json=body)
        self._none(request, options)

    def begin_passkey_registration(self, *, options: CallOptions | None = None) -> models.PasskeyCreation:
        """Begins the registration of a passkey. The response has the options for `navigator.credentials.create()`.

        The sign-in must be at most ten minutes old. A user has at most ten passkeys.
        """
        request = Request("POST", "/api/v1/account/passkeys/registration")
        result: models.PasskeyCreation = self._json(request, options)
        return result

    def confirm_passkey_registration(
        self, body: models.NewPasskey, *, options: CallOptions | None = None
    ) -> models.RegisteredPasskey:
        """Registers a passkey with the result of `navigator.credentials.create()`.

        The response to the first second factor contains recovery codes, which are shown only once. The caller's other sessions without a second factor end.
        """
        request = Request("POST", "/api/v1/account/passkeys/registration/confirm", json=body)
        result: models.RegisteredPasskey = self._json(request, options)
        return result

    def begin_passkey_second_factor(
        self, body: models.PasskeySecondFactor, *, options: CallOptions | None = None
    ) -> models.PasskeyRequest:
        """Begins the second step of a sign-in with a passkey. The response has the options for `navigator.credentials.get()`."""
        request = Request("POST", "/api/v1/account/passkeys/second-factor", json=body, public=True)
        result: models.PasskeyRequest = self._json(request, options)
        return result

    def confirm_passkey_second_factor(
        self, body: models.PasskeyAnswer, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Continues a sign-in with the result of `navigator.credentials.get()`."""
        request = Request(
            "POST", "/api/v1/account/passkeys/second-factor/confirm", json=body, public=True, signs_in=True
        )
        result: models.SignedIn = self._json(request, options)
        return result

    def begin_passkey_enrollment(
        self, body: models.PasskeySecondFactor, *, options: CallOptions | None = None
    ) -> models.PasskeyCreation:
        """Begins the registration of the passkey that a sign-in needs as a second factor. The response has the options for `navigator.credentials.create()`."""
        request = Request("POST", "/api/v1/account/passkeys/second-factor/enrollment", json=body, public=True)
        result: models.PasskeyCreation = self._json(request, options)
        return result

    def confirm_passkey_enrollment(
        self, body: models.PasskeyEnrollment, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Registers the passkey that a sign-in needs, and signs the user in. The response contains recovery codes."""
        request = Request(
            "POST", "/api/v1/account/passkeys/second-factor/enrollment/confirm", json=body, public=True, signs_in=True
        )
        result: models.SignedIn = self._json(request, options)
        return result

    def begin_passkey_sign_in(self, *, options: CallOptions | None = None) -> models.PasskeyRequest:
        """Begins a sign-in with a passkey. The response has the options for `navigator.credentials.get()`.

        The person chooses an account in the browser. The response is the same for every account, and for an unknown tenant.
        """
        request = Request("POST", "/api/v1/account/passkeys/sign-in", public=True)
        result: models.PasskeyRequest = self._json(request, options)
        return result

    def confirm_passkey_sign_in(
        self, body: models.PasskeyResponse, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Signs a user in with the result of `navigator.credentials.get()`.

        A passkey is both factors. The response is the same for an unknown passkey, an invalid response, and an unknown, suspended or deleted tenant.
        """
        request = Request("POST", "/api/v1/account/passkeys/sign-in/confirm", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def remove_passkey(self, id: str, *, options: CallOptions | None = None) -> None:
        """Removes a passkey of the caller. The recovery codes are removed with the last second factor.

        The sign-in must be at most ten minutes old.

        :param id: The id of the passkey.
        """
        request = Request("DELETE", "/api/v1/account/passkeys/{id}", parameters={"id": id})
        self._none(request, options)

    def rename_passkey(self, id: str, body: models.PasskeyName, *, options: CallOptions | None = None) -> None:
        """Renames a passkey of the caller.

        :param id: The id of the passkey.
        """
        request = Request("PATCH", "/api/v1/account/passkeys/{id}", parameters={"id": id}, json=body)
        self._none(request, options)

    def request_password_reset(
        self, body: models.PasswordRecoveryRequest, *, options: CallOptions | None = None
    ) -> models.PasswordRecovery:
        """Sends a link for a new password to the e-mail address of a user.

        The response is the same whether the account exists or not. The request changes nothing: the password, the sessions and earlier links stay valid. A user has at most three valid links, and gets at most five messages in an hour.
        """
        request = Request("POST", "/api/v1/account/password-reset", json=body, public=True)
        result: models.PasswordRecovery = self._json(request, options)
        return result

    def confirm_password_reset(
        self, body: models.PasswordRecoveryConfirmation, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Sets a new password with the token of a message, and signs the user in.

        The user's sessions and other tokens end, and the address is verified. If the user has a second factor, the password is set and the response is a challenge.
        """
        request = Request("POST", "/api/v1/account/password-reset/confirm", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def request_sign_in(
        self, body: models.MailedSignInRequest, *, options: CallOptions | None = None
    ) -> models.MailedSignIn:
        """Sends a link and a code to the e-mail address of a user, to sign in without a password.

        The rules of the tenant must allow it (`mailed_sign_in`). The response is the same whether the account exists or not, and the request changes nothing. For requests from the user's own networks, a user has at most three valid links and gets at most five messages in an hour. All other requests together have the same limits.
        """
        request = Request("POST", "/api/v1/account/sign-in", json=body, public=True)
        result: models.MailedSignIn = self._json(request, options)
        return result

    def confirm_sign_in(
        self, body: models.MailedSignInConfirmation, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Signs a user in with the link or the code of a message, and verifies the address.

        Send either `token`, or `request` and `code`. The code is valid only with the token of its request, and at most five codes are accepted for a request. If the user has a second factor, the response is a challenge.
        """
        request = Request("POST", "/api/v1/account/sign-in/confirm", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def request_tenant_list(
        self, body: models.TenantListRequest, *, options: CallOptions | None = None
    ) -> models.RequestedTenantList:
        """Sends a link to an address, whose page lists the tenants in which the address has an account.

        The response is the same whether there is such an account or not. Only accounts with a verified address count. The request addresses no tenant.
        """
        request = Request("POST", "/api/v1/account/tenant-list", json=body, public=True)
        result: models.RequestedTenantList = self._json(request, options)
        return result

    def confirm_tenant_list(
        self, body: models.TenantListConfirmation, *, options: CallOptions | None = None
    ) -> models.TenantList:
        """Lists the tenants of the address that received a token."""
        request = Request("POST", "/api/v1/account/tenant-list/confirm", json=body, public=True)
        result: models.TenantList = self._json(request, options)
        return result

    def list_switch_targets(self, *, options: CallOptions | None = None) -> models.SwitchTargets:
        """Lists the tenants to which the caller can switch without a new sign-in.

        These are the active tenants in which an active user has the caller's verified address, if both tenants name each other in `PUT /api/v1/tenant/switching`.
        """
        request = Request("GET", "/api/v1/account/tenants")
        result: models.SwitchTargets = self._json(request, options)
        return result

    def switch_tenant(self, body: models.TenantSwitch, *, options: CallOptions | None = None) -> models.SignedIn:
        """Starts a session in another tenant in which the caller has a user with the same verified address.

        Both tenants must name each other in `PUT /api/v1/tenant/switching`. The rules of the other tenant apply: if the user needs a second factor there, the response is a challenge. The session is no recent sign-in. The caller's own session continues.
        """
        request = Request("POST", "/api/v1/account/tenants/switch", json=body, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def request_verification(
        self, body: models.VerificationRequest | None = None, *, options: CallOptions | None = None
    ) -> models.RequestedVerification:
        """Sends a link that verifies the caller's e-mail address to this address."""
        request = Request("POST", "/api/v1/account/verification", json=body)
        result: models.RequestedVerification = self._json(request, options)
        return result

    def confirm_verification(
        self, body: models.VerificationConfirmation, *, options: CallOptions | None = None
    ) -> None:
        """Verifies the e-mail address of a user with the token of a message."""
        request = Request("POST", "/api/v1/account/verification/confirm", json=body, public=True)
        self._none(request, options)

    def list_api_keys(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.ApiKeyPage:
        """Lists the tenant's API keys that are not revoked, newest first.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/api-keys", query={"offset": offset, "limit": limit})
        result: models.ApiKeyPage = self._json(request, options)
        return result

    def iterate_api_keys(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.ApiKey]:
        """Iterates over the items of all pages of list_api_keys. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.ApiKeyPage:
            return self.list_api_keys(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_api_key(self, body: models.NewApiKey, *, options: CallOptions | None = None) -> models.CreatedApiKey:
        """Creates an API key.

        Only this response contains the key itself. An API key can create only keys whose scopes, limits and expiry are within its own.
        """
        request = Request("POST", "/api/v1/api-keys", json=body)
        result: models.CreatedApiKey = self._json(request, options)
        return result

    def revoke_api_key(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Revokes an API key.

        The next request with the key is rejected. An API key can revoke itself, and keys whose scopes, limits and expiry are within its own.

        :param id: The id of the key.
        """
        request = Request("DELETE", "/api/v1/api-keys/{id}", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_api_key(self, id: str, *, options: CallOptions | None = None) -> models.ApiKey:
        """Returns an API key, without its secret.

        :param id: The id of the key.
        """
        request = Request("GET", "/api/v1/api-keys/{id}", parameters={"id": id})
        result: models.ApiKey = self._json(request, options)
        return result

    def update_api_key(
        self, id: str, body: models.ApiKeyUpdate, *, options: CallOptions | None = None
    ) -> models.ApiKey:
        """Updates the name or the limits of an API key.

        New limits take effect on the next request with the key. An API key cannot update itself. It can update only other keys whose scopes, limits and expiry are within its own, both before and after the change.

        :param id: The id of the key.
        """
        request = Request("PATCH", "/api/v1/api-keys/{id}", parameters={"id": id}, json=body)
        result: models.ApiKey = self._json(request, options)
        return result

    def rotate_api_key(
        self, id: str, body: models.ApiKeyRotation | None = None, *, options: CallOptions | None = None
    ) -> models.CreatedApiKey:
        """Replaces the secret of an API key.

        Only this response contains the new secret. The previous secret stays valid for the requested overlap; any older secret becomes invalid immediately. An API key can rotate only keys whose scopes, limits and expiry are within its own.

        :param id: The id of the key.
        """
        request = Request("POST", "/api/v1/api-keys/{id}/rotate", parameters={"id": id}, json=body)
        result: models.CreatedApiKey = self._json(request, options)
        return result

    def introspect_token(self, body: models.Token, *, options: CallOptions | None = None) -> models.Introspection:
        """Reports whether a token of the caller's tenant is valid, and returns its claims (RFC 7662).

        OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key; the client secret is the key itself.
        """
        request = Request("POST", "/api/v1/auth/introspect", form=body)
        result: models.Introspection = self._json(request, options)
        return result

    def login(self, body: models.Login, *, options: CallOptions | None = None) -> models.SignedIn:
        """Signs a user in to the tenant that the request addresses.

        The response is the same for a wrong password, an unknown e-mail address, and an unknown, suspended or deleted tenant. A user with a second factor gets a challenge, which `POST /api/v1/auth/second-factor` answers.
        """
        request = Request("POST", "/api/v1/auth/login", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def logout(
        self, body: models.Logout | None = None, *, options: CallOptions | None = None
    ) -> models.PendingChange | None:
        """Ends a session of the caller. Its refresh token and its access tokens become invalid."""
        request = Request("POST", "/api/v1/auth/logout", json=body, ends_session=True)
        result: models.PendingChange | None = self._json(request, options)
        return result

    def logout_everywhere(self, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Ends all sessions of the caller, on all devices."""
        request = Request("POST", "/api/v1/auth/logout-all", ends_session=True)
        result: models.PendingChange | None = self._json(request, options)
        return result

    def sign_in_again(self, body: models.RecentSignIn, *, options: CallOptions | None = None) -> None:
        """Proves the identity of the caller again, for changes that need a recent sign-in."""
        request = Request("POST", "/api/v1/auth/recent-sign-in", json=body)
        self._none(request, options)

    def refresh_tokens(self, body: models.Refresh, *, options: CallOptions | None = None) -> models.SignedIn:
        """Returns a new access token and a new refresh token. A refresh token is valid once. Using it again ends its session."""
        request = Request("POST", "/api/v1/auth/refresh", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def revoke_token(self, body: models.Token, *, options: CallOptions | None = None) -> None:
        """Ends the session of an access token or a refresh token of the caller's tenant (RFC 7009).

        Revoking an unknown token is not an error.

        OAuth clients may authenticate with HTTP Basic (RFC 6749, section 2.3.1). The client id is the id of an API key; the client secret is the key itself.
        """
        request = Request("POST", "/api/v1/auth/revoke", form=body)
        self._none(request, options)

    def answer_second_factor(
        self, body: models.SecondFactorAnswer, *, options: CallOptions | None = None
    ) -> models.SignedIn:
        """Continues a sign-in with the second factor.

        A code and a challenge are accepted once. A challenge ends after five wrong codes. If the sign-in needed an enrolment, the code confirms the factor, and the response contains recovery codes.
        """
        request = Request("POST", "/api/v1/auth/second-factor", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def enroll_by_sign_in(
        self, body: models.EnrollmentBySignIn, *, options: CallOptions | None = None
    ) -> models.SecondFactorEnrollment:
        """Sets up the second factor that a sign-in needs. `POST /api/v1/auth/second-factor` confirms it with a code."""
        request = Request("POST", "/api/v1/auth/second-factor/enrollment", json=body, public=True)
        result: models.SecondFactorEnrollment = self._json(request, options)
        return result

    def list_sessions(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.SessionPage:
        """Lists the caller's sessions with their device and IP address, newest first.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/auth/sessions", query={"offset": offset, "limit": limit})
        result: models.SessionPage = self._json(request, options)
        return result

    def iterate_sessions(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.Session]:
        """Iterates over the items of all pages of list_sessions. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.SessionPage:
            return self.list_sessions(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def end_session(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Ends one session of the caller.

        :param id: The id of the session.
        """
        request = Request("DELETE", "/api/v1/auth/sessions/{id}", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def set_up_password(self, body: models.Setup, *, options: CallOptions | None = None) -> models.SignedIn:
        """Sets the password of a user with a setup token, and signs the user in.

        If the user has a second factor, the password is set and the response is a challenge.
        """
        request = Request("POST", "/api/v1/auth/setup", json=body, public=True, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def verify_credential(
        self, *, scope: str | None = None, consume: str | None = None, options: CallOptions | None = None
    ) -> models.Verified:
        """Authenticates and authorizes a request for a gateway, such as nginx (`auth_request`), Traefik (`ForwardAuth`) or Envoy (`ext_authz`).

        The response headers `X-Tenant-Id`, `X-Tenant-Slug`, `X-User-Id`, `X-User-Role`, `X-Api-Key-Id` and `X-Scopes` contain the same identity as the body. Every method is handled like GET, also on any path below this one. A browser's preflight request has no credential. It gets 204, with these headers empty.

        :param scope: The required scopes and permissions of the application, separated by spaces.
        :param consume: The price of the request in units of the tenant's quota, such as `ai_requests:1` or `api_calls:1`. Either the caller or the gateway's own API key in `X-Gateway-Key` needs the scope `usage:write`. For all tenants, an operator key with the scope `tenant_usage:write` can be in `X-Gateway-Key`.
        """
        request = Request("GET", "/api/v1/auth/verify", query={"scope": scope, "consume": consume})
        result: models.Verified = self._json(request, options)
        return result

    def clear_cache(self, *, options: CallOptions | None = None) -> models.ClearedCache:
        """Deletes all cache entries of the tenant."""
        request = Request("DELETE", "/api/v1/cache")
        result: models.ClearedCache = self._json(request, options)
        return result

    def delete_cache_entry(self, key: str, *, options: CallOptions | None = None) -> None:
        """Deletes a cache entry.

        :param key: The key of the entry.
        """
        request = Request("DELETE", "/api/v1/cache/{key}", parameters={"key": key})
        self._none(request, options)

    def get_cache_entry(self, key: str, *, options: CallOptions | None = None) -> Download:
        """Returns a cache entry unchanged. The header `X-Cache-TTL` is its remaining lifetime in seconds.

        :param key: The key of the entry.
        """
        request = Request("GET", "/api/v1/cache/{key}", parameters={"key": key})
        return self._download(request, options)

    def put_cache_entry(
        self,
        key: str,
        content: Content,
        *,
        ttl: int | None = None,
        content_type: str = "application/octet-stream",
        options: CallOptions | None = None,
    ) -> None:
        """Stores a cache entry of at most 1 MiB, and replaces an existing entry.

        If the tenant's part of the cache is full (64 MiB, 100,000 entries), the entries closest to expiry are evicted.

        :param key: The key of the entry.
        :param ttl: The lifetime of the entry in seconds.
        """
        request = Request(
            "PUT",
            "/api/v1/cache/{key}",
            parameters={"key": key},
            query={"ttl": ttl},
            content=content,
            content_type=content_type,
        )
        self._none(request, options)

    def list_files(
        self,
        *,
        prefix: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        options: CallOptions | None = None,
    ) -> models.StoredFilePage:
        """Lists files, ordered by path.

        :param prefix: Restricts the list to paths with this prefix.
        :param limit: The maximum number of items to return.
        :param cursor: The `next_cursor` of the previous page.
        """
        request = Request("GET", "/api/v1/files", query={"prefix": prefix, "limit": limit, "cursor": cursor})
        result: models.StoredFilePage = self._json(request, options)
        return result

    def iterate_files(
        self, *, prefix: str | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.StoredFile]:
        """Iterates over the items of all pages of list_files. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(cursor: str | None) -> models.StoredFilePage:
            return self.list_files(cursor=cursor, prefix=prefix, limit=limit, options=options)

        return self._cursor_pages(page)

    def delete_file(
        self,
        path: str,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_unmodified_since: str | None = None,
        options: CallOptions | None = None,
    ) -> None:
        """Deletes a file.

        :param path: The path of the file, with slashes between its parts.
        :param if_match: Proceeds only if the file has this entity tag.
        :param if_none_match: Proceeds only if the file has none of these entity tags.
        :param if_unmodified_since: Proceeds only if the file is not newer.
        """
        request = Request(
            "DELETE",
            "/api/v1/files/{path}",
            parameters={"path": path},
            headers={"If-Match": if_match, "If-None-Match": if_none_match, "If-Unmodified-Since": if_unmodified_since},
        )
        self._none(request, options)

    def download_file(
        self,
        path: str,
        *,
        range: str | None = None,
        if_range: str | None = None,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_modified_since: str | None = None,
        if_unmodified_since: str | None = None,
        options: CallOptions | None = None,
    ) -> Download:
        """Returns a file, or the part of it that `Range` requests.

        :param path: The path of the file, with slashes between its parts.
        :param range: The requested part, such as `bytes=0-1023`.
        :param if_range: Applies `Range` if the file has this tag or date.
        :param if_match: Proceeds only if the file has one of these entity tags.
        :param if_none_match: Returns 304 if the current entity tag is listed.
        :param if_modified_since: Returns 304 if the file is not newer.
        :param if_unmodified_since: Proceeds only if the file is not newer.
        """
        request = Request(
            "GET",
            "/api/v1/files/{path}",
            parameters={"path": path},
            headers={
                "Range": range,
                "If-Range": if_range,
                "If-Match": if_match,
                "If-None-Match": if_none_match,
                "If-Modified-Since": if_modified_since,
                "If-Unmodified-Since": if_unmodified_since,
            },
        )
        return self._download(request, options)

    def get_file_metadata(
        self,
        path: str,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_modified_since: str | None = None,
        if_unmodified_since: str | None = None,
        options: CallOptions | None = None,
    ) -> Mapping[str, str]:
        """Returns the headers of a file.

        :param path: The path of the file, with slashes between its parts.
        :param if_match: Proceeds only if the file has one of these entity tags.
        :param if_none_match: Returns 304 if the current entity tag is listed.
        :param if_modified_since: Returns 304 if the file is not newer.
        :param if_unmodified_since: Proceeds only if the file is not newer.
        """
        request = Request(
            "HEAD",
            "/api/v1/files/{path}",
            parameters={"path": path},
            headers={
                "If-Match": if_match,
                "If-None-Match": if_none_match,
                "If-Modified-Since": if_modified_since,
                "If-Unmodified-Since": if_unmodified_since,
            },
        )
        return self._headers(request, options)

    def upload_file(
        self,
        path: str,
        content: Content,
        *,
        if_match: str | None = None,
        if_none_match: str | None = None,
        if_unmodified_since: str | None = None,
        content_type: str = "application/octet-stream",
        options: CallOptions | None = None,
    ) -> models.StoredFile:
        """Stores a file, and replaces an existing file.

        The request body is the file content, of any size. An existing file stays until the upload is complete, so the quota must have room for both.

        :param path: The path of the file, with slashes between its parts.
        :param if_match: Proceeds only if the old file has this entity tag.
        :param if_none_match: `*`: proceeds only if the file does not exist.
        :param if_unmodified_since: Proceeds only if the old file is not newer.
        """
        request = Request(
            "PUT",
            "/api/v1/files/{path}",
            parameters={"path": path},
            headers={"If-Match": if_match, "If-None-Match": if_none_match, "If-Unmodified-Since": if_unmodified_since},
            content=content,
            content_type=content_type,
        )
        result: models.StoredFile = self._json(request, options)
        return result

    def list_groups(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.PageGroup:
        """Lists the tenant's groups, oldest first.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/groups", query={"offset": offset, "limit": limit})
        result: models.PageGroup = self._json(request, options)
        return result

    def iterate_groups(self, *, limit: int | None = None, options: CallOptions | None = None) -> Iterator[models.Group]:
        """Iterates over the items of all pages of list_groups. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageGroup:
            return self.list_groups(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_group(self, body: models.NewGroup, *, options: CallOptions | None = None) -> models.Group:
        """Creates a group without members. Each member of a group has its roles. The caller must hold each of their permissions."""
        request = Request("POST", "/api/v1/groups", json=body)
        result: models.Group = self._json(request, options)
        return result

    def delete_group(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Deletes a group, and removes all members from it. It takes effect on their next request.

        :param id: The id of the group.
        """
        request = Request("DELETE", "/api/v1/groups/{id}", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_group(self, id: str, *, options: CallOptions | None = None) -> models.Group:
        """Returns a group.

        :param id: The id of the group.
        """
        request = Request("GET", "/api/v1/groups/{id}", parameters={"id": id})
        result: models.Group = self._json(request, options)
        return result

    def update_group(self, id: str, body: models.GroupUpdate, *, options: CallOptions | None = None) -> models.Group:
        """Updates a group. The change takes effect on the next request of every member, without a new sign-in.

        :param id: The id of the group.
        """
        request = Request("PATCH", "/api/v1/groups/{id}", parameters={"id": id}, json=body)
        result: models.Group = self._json(request, options)
        return result

    def list_group_members(
        self, id: str, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.UserPage:
        """Lists the members of a group, newest users first.

        :param id: The id of the group.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET", "/api/v1/groups/{id}/members", parameters={"id": id}, query={"offset": offset, "limit": limit}
        )
        result: models.UserPage = self._json(request, options)
        return result

    def iterate_group_members(
        self, id: str, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.User]:
        """Iterates over the items of all pages of list_group_members. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.UserPage:
            return self.list_group_members(id, offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def remove_group_member(
        self, id: str, user: str, *, options: CallOptions | None = None
    ) -> models.PendingChange | None:
        """Removes a user from a group. The access tokens of a former member become invalid.

        :param id: The id of the group.
        :param user: The id of the user.
        """
        request = Request("DELETE", "/api/v1/groups/{id}/members/{user}", parameters={"id": id, "user": user})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def add_group_member(
        self, id: str, user: str, *, options: CallOptions | None = None
    ) -> models.PendingChange | None:
        """Adds a user to a group. The access tokens of a new member become invalid, so that the next one has the group.

        :param id: The id of the group.
        :param user: The id of the user.
        """
        request = Request("PUT", "/api/v1/groups/{id}/members/{user}", parameters={"id": id, "user": user})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def list_permissions(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.PageApplicationPermission:
        """Lists the permissions of the tenant's application by name. The scopes of Tenancy are not included.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/permissions", query={"offset": offset, "limit": limit})
        result: models.PageApplicationPermission = self._json(request, options)
        return result

    def iterate_permissions(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.ApplicationPermission]:
        """Iterates over the items of all pages of list_permissions. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageApplicationPermission:
            return self.list_permissions(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_permission(
        self, body: models.NewPermission, *, options: CallOptions | None = None
    ) -> models.ApplicationPermission:
        """Defines a permission of the tenant's application, such as `notes:write`.

        Administrators hold it at once. Other users get it by a role, and API keys as a scope. `GET /api/v1/auth/verify` checks it like a scope of Tenancy.
        """
        request = Request("POST", "/api/v1/permissions", json=body)
        result: models.ApplicationPermission = self._json(request, options)
        return result

    def delete_permission(self, name: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Deletes a permission, and removes it from all roles. It takes effect on the next request of every caller.

        :param name: The name of the permission.
        """
        request = Request("DELETE", "/api/v1/permissions/{name}", parameters={"name": name})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_profile(self, *, options: CallOptions | None = None) -> models.User:
        """Returns the profile of the caller."""
        request = Request("GET", "/api/v1/profile")
        result: models.User = self._json(request, options)
        return result

    def update_profile(self, body: models.ProfileUpdate, *, options: CallOptions | None = None) -> models.User:
        """Updates the caller's names."""
        request = Request("PATCH", "/api/v1/profile", json=body)
        result: models.User = self._json(request, options)
        return result

    def change_password(self, body: models.PasswordChange, *, options: CallOptions | None = None) -> models.SignedIn:
        """Changes the caller's password. All of their sessions end; the response starts a new one."""
        request = Request("POST", "/api/v1/profile/password", json=body, signs_in=True)
        result: models.SignedIn = self._json(request, options)
        return result

    def replace_recovery_codes(self, *, options: CallOptions | None = None) -> models.RecoveryCodes:
        """Replaces the caller's recovery codes. The former ones become invalid.

        The sign-in must be at most ten minutes old.
        """
        request = Request("POST", "/api/v1/profile/recovery-codes")
        result: models.RecoveryCodes = self._json(request, options)
        return result

    def list_second_factors(self, *, options: CallOptions | None = None) -> models.SecondFactors:
        """Lists the caller's second factors."""
        request = Request("GET", "/api/v1/profile/second-factors")
        result: models.SecondFactors = self._json(request, options)
        return result

    def begin_second_factor(
        self, body: models.NewSecondFactor | None = None, *, options: CallOptions | None = None
    ) -> models.SecondFactorEnrollment:
        """Begins to set up a second factor: one-time passwords of an authenticator.

        The response contains the secret. The factor is in use after its confirmation with a code. An earlier factor that was not confirmed is replaced. The sign-in must be at most ten minutes old.
        """
        request = Request("POST", "/api/v1/profile/second-factors", json=body)
        result: models.SecondFactorEnrollment = self._json(request, options)
        return result

    def remove_second_factor(self, id: str, *, options: CallOptions | None = None) -> None:
        """Removes a second factor of the caller. The recovery codes are removed with the last one.

        The sign-in must be at most ten minutes old.

        :param id: The id of the factor.
        """
        request = Request("DELETE", "/api/v1/profile/second-factors/{id}", parameters={"id": id})
        self._none(request, options)

    def confirm_second_factor(
        self, id: str, body: models.SecondFactorCode, *, options: CallOptions | None = None
    ) -> models.ConfirmedSecondFactor:
        """Confirms a second factor with its first code.

        The response contains recovery codes, which are shown only once. The caller's other sessions without a second factor end.

        :param id: The id of the factor.
        """
        request = Request("POST", "/api/v1/profile/second-factors/{id}/confirm", parameters={"id": id}, json=body)
        result: models.ConfirmedSecondFactor = self._json(request, options)
        return result

    def list_roles(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.PageCustomRole:
        """Lists the roles that the tenant defines, oldest first. The built-in roles are not included.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/roles", query={"offset": offset, "limit": limit})
        result: models.PageCustomRole = self._json(request, options)
        return result

    def iterate_roles(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.CustomRole]:
        """Iterates over the items of all pages of list_roles. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageCustomRole:
            return self.list_roles(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_role(self, body: models.NewRole, *, options: CallOptions | None = None) -> models.CustomRole:
        """Creates a role: a named set of scopes of Tenancy and permissions of the application. The caller must hold each of them."""
        request = Request("POST", "/api/v1/roles", json=body)
        result: models.CustomRole = self._json(request, options)
        return result

    def delete_role(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Deletes a role, and removes it from all users and groups. It takes effect on their next request.

        :param id: The id of the role.
        """
        request = Request("DELETE", "/api/v1/roles/{id}", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_role(self, id: str, *, options: CallOptions | None = None) -> models.CustomRole:
        """Returns a role.

        :param id: The id of the role.
        """
        request = Request("GET", "/api/v1/roles/{id}", parameters={"id": id})
        result: models.CustomRole = self._json(request, options)
        return result

    def update_role(self, id: str, body: models.RoleUpdate, *, options: CallOptions | None = None) -> models.CustomRole:
        """Updates a role. The change takes effect on the next request of every user with the role, without a new sign-in.

        :param id: The id of the role.
        """
        request = Request("PATCH", "/api/v1/roles/{id}", parameters={"id": id}, json=body)
        result: models.CustomRole = self._json(request, options)
        return result

    def list_audit_events(
        self,
        *,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
        options: CallOptions | None = None,
    ) -> models.AuditPage:
        """Lists the audit events of the tenant, newest first.

        :param event: An event name, or a prefix that ends with a dot, such as `user.`.
        :param actor: The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`.
        :param resource: The id or the kind of the affected resource.
        :param succeeded: Whether the action succeeded.
        :param from_: The earliest time, inclusive.
        :param to: The latest time, exclusive.
        :param limit: The maximum number of items to return.
        :param cursor: The `next_cursor` of the previous page.
        """
        request = Request(
            "GET",
            "/api/v1/tenant/audit",
            query={
                "event": event,
                "actor": actor,
                "resource": resource,
                "severity": severity,
                "succeeded": succeeded,
                "from": from_,
                "to": to,
                "limit": limit,
                "cursor": cursor,
            },
        )
        result: models.AuditPage = self._json(request, options)
        return result

    def iterate_audit_events(
        self,
        *,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.LoggedEvent]:
        """Iterates over the items of all pages of list_audit_events. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(cursor: str | None) -> models.AuditPage:
            return self.list_audit_events(
                cursor=cursor,
                event=event,
                actor=actor,
                resource=resource,
                severity=severity,
                succeeded=succeeded,
                from_=from_,
                to=to,
                limit=limit,
                options=options,
            )

        return self._cursor_pages(page)

    def export_audit_events(
        self,
        *,
        format: models.ExportFormat | None = None,
        event: str | None = None,
        actor: str | None = None,
        resource: str | None = None,
        severity: models.Severity | None = None,
        succeeded: bool | None = None,
        from_: str | None = None,
        to: str | None = None,
        options: CallOptions | None = None,
    ) -> Download:
        """Exports the audit trail, newest event first.

        :param format: The format: CSV with a header line, or one JSON object per line.
        :param event: An event name, or a prefix that ends with a dot, such as `user.`.
        :param actor: The id of a user, an API key or an operator key, or a kind of actor: `platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`.
        :param resource: The id or the kind of the affected resource.
        :param succeeded: Whether the action succeeded.
        :param from_: The earliest time, inclusive.
        :param to: The latest time, exclusive.
        """
        request = Request(
            "GET",
            "/api/v1/tenant/audit/export",
            query={
                "format": format,
                "event": event,
                "actor": actor,
                "resource": resource,
                "severity": severity,
                "succeeded": succeeded,
                "from": from_,
                "to": to,
            },
        )
        return self._download(request, options)

    def verify_audit_trail(
        self, *, full: bool | None = None, options: CallOptions | None = None
    ) -> models.Verification:
        """Verifies that no row of the audit trail was changed, moved or removed.

        :param full: Verifies a long trail from its beginning instead of from its last checkpoint.
        """
        request = Request("GET", "/api/v1/tenant/audit/verify", query={"full": full})
        result: models.Verification = self._json(request, options)
        return result

    def list_database_credentials(
        self, *, offset: int | None = None, limit: int | None = None, options: CallOptions | None = None
    ) -> models.PageDatabaseCredential:
        """Lists the credentials for the tenant's database that are valid, newest first, without their passwords.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request("GET", "/api/v1/tenant/database/credentials", query={"offset": offset, "limit": limit})
        result: models.PageDatabaseCredential = self._json(request, options)
        return result

    def iterate_database_credentials(
        self, *, limit: int | None = None, options: CallOptions | None = None
    ) -> Iterator[models.DatabaseCredential]:
        """Iterates over the items of all pages of list_database_credentials. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.PageDatabaseCredential:
            return self.list_database_credentials(offset=offset, limit=limit, options=options)

        return self._offset_pages(page)

    def create_database_credential(
        self, body: models.NewDatabaseCredential, *, options: CallOptions | None = None
    ) -> models.NewDatabaseCredentialView:
        """Creates a credential for the tenant's own database.

        Only this response contains the password. The credential has privileges on the schema `app` only, and ends with the API key or the user of this request.
        """
        request = Request("POST", "/api/v1/tenant/database/credentials", json=body)
        result: models.NewDatabaseCredentialView = self._json(request, options)
        return result

    def revoke_database_credential(self, id: str, *, options: CallOptions | None = None) -> None:
        """Revokes a credential for the tenant's database. Its connections are closed before the response.

        :param id: The id of the credential.
        """
        request = Request("DELETE", "/api/v1/tenant/database/credentials/{id}", parameters={"id": id})
        self._none(request, options)

    def get_tenant_info(self, *, options: CallOptions | None = None) -> models.TenantInfo:
        """Returns the caller's tenant."""
        request = Request("GET", "/api/v1/tenant/info")
        result: models.TenantInfo = self._json(request, options)
        return result

    def get_mail_settings(self, *, options: CallOptions | None = None) -> models.MailSettings:
        """Returns how messages to users look, and where their links lead."""
        request = Request("GET", "/api/v1/tenant/mail-settings")
        result: models.MailSettings = self._json(request, options)
        return result

    def update_mail_settings(
        self, body: models.MailSettingsChange, *, options: CallOptions | None = None
    ) -> models.MailSettings:
        """Changes how messages to users look, and where their links lead.

        The links contain tokens that set passwords. So the receiving page must be on the origin of `PUBLIC_URL`, on the tenant's subdomain, or on one of its domains. The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
        """
        request = Request("PATCH", "/api/v1/tenant/mail-settings", json=body)
        result: models.MailSettings = self._json(request, options)
        return result

    def get_security_policy(self, *, options: CallOptions | None = None) -> models.SecurityPolicy:
        """Returns the rules of the tenant for sign-ins, sessions and passwords."""
        request = Request("GET", "/api/v1/tenant/security-policy")
        result: models.SecurityPolicy = self._json(request, options)
        return result

    def update_security_policy(
        self, body: models.SecurityPolicyChange, *, options: CallOptions | None = None
    ) -> models.SecurityPolicy:
        """Changes the rules of the tenant for sign-ins, sessions and passwords.

        The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
        """
        request = Request("PATCH", "/api/v1/tenant/security-policy", json=body)
        result: models.SecurityPolicy = self._json(request, options)
        return result

    def get_statistics(self, *, options: CallOptions | None = None) -> models.Stats:
        """Returns the usage and the limits of the caller's tenant."""
        request = Request("GET", "/api/v1/tenant/stats")
        result: models.Stats = self._json(request, options)
        return result

    def get_switching_tenants(self, *, options: CallOptions | None = None) -> models.SwitchingTenants:
        """Returns the tenants that this tenant names for switching."""
        request = Request("GET", "/api/v1/tenant/switching")
        result: models.SwitchingTenants = self._json(request, options)
        return result

    def replace_switching_tenants(
        self, body: models.SwitchingTenantsReplacement, *, options: CallOptions | None = None
    ) -> models.SwitchingTenants:
        """Replaces the tenants between which people may switch without a new sign-in.

        Switching is possible if the other tenant also names this one. It trusts the sign-ins of the other tenant: name only tenants whose administrators you trust. The caller must be a user with the right to grant the role of administrators. The sign-in must be at most ten minutes old.
        """
        request = Request("PUT", "/api/v1/tenant/switching", json=body)
        result: models.SwitchingTenants = self._json(request, options)
        return result

    def get_usage(
        self, *, resource_type: models.Resource | None = None, options: CallOptions | None = None
    ) -> models.TenantUsage:
        """Returns the usage of one resource or of all resources.

        With `resource_type`, the response is one object. Otherwise it is a list of all resources.

        :param resource_type: Restricts the response to this resource.
        """
        request = Request("GET", "/api/v1/tenant/usage", query={"resource_type": resource_type})
        result: models.TenantUsage = self._json(request, options)
        return result

    def report_usage(
        self, body: models.UsageReport, *, idempotency_key: str | None = None, options: CallOptions | None = None
    ) -> models.ReportedUsage:
        """Adds consumption to the tenant's usage.

        The whole amount is counted, or none of it if it exceeds the limit. Reports with the same idempotency key are added only once, even after failures. Keys are stored for one day.

        :param idempotency_key: The idempotency key of the report.
        """
        request = Request("POST", "/api/v1/tenant/usage", headers={"Idempotency-Key": idempotency_key}, json=body)
        result: models.ReportedUsage = self._json(request, options)
        return result

    def get_usage_history(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        offset: int | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> models.UsageRecordPage:
        """Lists the usage of the tenant per day or per month, newest first.

        :param from_: The first day, in UTC. The default is 30 days before the last day.
        :param to: The last day, in UTC. The default is today.
        :param granularity: The period of each total.
        :param resource_type: Restricts the response to this resource.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET",
            "/api/v1/tenant/usage/history",
            query={
                "format": "json",
                "from": from_,
                "to": to,
                "granularity": granularity,
                "resource_type": resource_type,
                "offset": offset,
                "limit": limit,
            },
        )
        result: models.UsageRecordPage = self._json(request, options)
        return result

    def iterate_usage_history(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.UsageRecord]:
        """Iterates over the items of all pages of get_usage_history. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.UsageRecordPage:
            return self.get_usage_history(
                offset=offset,
                from_=from_,
                to=to,
                granularity=granularity,
                resource_type=resource_type,
                limit=limit,
                options=options,
            )

        return self._offset_pages(page)

    def get_usage_history_csv(
        self,
        *,
        from_: str | None = None,
        to: str | None = None,
        granularity: models.Granularity | None = None,
        resource_type: models.Resource | None = None,
        offset: int | None = None,
        limit: int | None = None,
        options: CallOptions | None = None,
    ) -> Download:
        """Lists the usage of the tenant per day or per month, newest first.

        :param from_: The first day, in UTC. The default is 30 days before the last day.
        :param to: The last day, in UTC. The default is today.
        :param granularity: The period of each total.
        :param resource_type: Restricts the response to this resource.
        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        """
        request = Request(
            "GET",
            "/api/v1/tenant/usage/history",
            query={
                "format": "csv",
                "from": from_,
                "to": to,
                "granularity": granularity,
                "resource_type": resource_type,
                "offset": offset,
                "limit": limit,
            },
        )
        return self._download(request, options)

    def list_users(
        self,
        *,
        offset: int | None = None,
        limit: int | None = None,
        role: models.Role | None = None,
        is_active: bool | None = None,
        search: str | None = None,
        public_metadata: str | None = None,
        custom_role: str | None = None,
        group: str | None = None,
        options: CallOptions | None = None,
    ) -> models.UserPage:
        """Lists the tenant's users, newest first.

        :param offset: The number of items to skip.
        :param limit: The maximum number of items to return.
        :param role: Restricts the list to users with this built-in role.
        :param is_active: Restricts the list to active or to deactivated users.
        :param search: Restricts the list to users with this text in their e-mail address or one of their names.
        :param public_metadata: Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`.
        :param custom_role: Restricts the list to users with this custom role. Members of groups with the role are not included.
        :param group: Restricts the list to members of this group.
        """
        request = Request(
            "GET",
            "/api/v1/users",
            query={
                "offset": offset,
                "limit": limit,
                "role": role,
                "is_active": is_active,
                "search": search,
                "public_metadata": public_metadata,
                "custom_role": custom_role,
                "group": group,
            },
        )
        result: models.UserPage = self._json(request, options)
        return result

    def iterate_users(
        self,
        *,
        limit: int | None = None,
        role: models.Role | None = None,
        is_active: bool | None = None,
        search: str | None = None,
        public_metadata: str | None = None,
        custom_role: str | None = None,
        group: str | None = None,
        options: CallOptions | None = None,
    ) -> Iterator[models.User]:
        """Iterates over the items of all pages of list_users. `limit` is the size of a page.

        Takes the parameters of that method.
        """

        def page(offset: int) -> models.UserPage:
            return self.list_users(
                offset=offset,
                limit=limit,
                role=role,
                is_active=is_active,
                search=search,
                public_metadata=public_metadata,
                custom_role=custom_role,
                group=group,
                options=options,
            )

        return self._offset_pages(page)

    def create_user(self, body: models.NewUser, *, options: CallOptions | None = None) -> models.CreatedUser:
        """Creates a user in the caller's tenant.

        If the request has no password, the service sends a setup token by mail, or the response contains it. The caller must hold every scope of the role, or the scope that delegates the role: `users:grant:viewer`, `users:grant:user` or `users:grant:admin`. The caller must also hold every permission of the custom roles and groups.
        """
        request = Request("POST", "/api/v1/users", json=body)
        result: models.CreatedUser = self._json(request, options)
        return result

    def delete_user(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Permanently deletes a user.

        :param id: The id of the user.
        """
        request = Request("DELETE", "/api/v1/users/{id}", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_user(self, id: str, *, options: CallOptions | None = None) -> models.User:
        """Returns a user.

        :param id: The id of the user.
        """
        request = Request("GET", "/api/v1/users/{id}", parameters={"id": id})
        result: models.User = self._json(request, options)
        return result

    def update_user(self, id: str, body: models.UserUpdate, *, options: CallOptions | None = None) -> models.User:
        """Updates a user. New roles, new groups and a deactivation take effect on the user's next request.

        :param id: The id of the user.
        """
        request = Request("PATCH", "/api/v1/users/{id}", parameters={"id": id}, json=body)
        result: models.User = self._json(request, options)
        return result

    def erase_user(self, id: str, *, options: CallOptions | None = None) -> models.Erasure:
        """Erases a person: deletes the user permanently, and removes everything that identifies the person.

        Events of the audit trail keep the opaque id of the user, and lose the address and the user agent of the person's requests. The trail stays verifiable and contains the receipt. A user that was deleted before can be erased, too. Repeat an interrupted call: it finishes the erasure, and otherwise returns the receipt again. Backups from before the erasure still contain the person.

        :param id: The id of the user.
        """
        request = Request("POST", "/api/v1/users/{id}/erasure", parameters={"id": id})
        result: models.Erasure = self._json(request, options)
        return result

    def export_user(self, id: str, *, options: CallOptions | None = None) -> models.PersonalData:
        """Exports the personal data of a user as one JSON document.

        Users can export their own data. The export is recorded in the audit trail. A user has one export at a time. The data of the application in the schema `app`, in the cache and in files is not included.

        :param id: The id of the user.
        """
        request = Request("GET", "/api/v1/users/{id}/export", parameters={"id": id})
        result: models.PersonalData = self._json(request, options)
        return result

    def reset_user_password(
        self, id: str, body: models.PasswordResetRequest | None = None, *, options: CallOptions | None = None
    ) -> models.PasswordReset:
        """Resets the password of a user.

        The user's password becomes invalid and their sessions end. The service sends a token that sets a new password once by mail, or the response contains it. This also repeats an invitation. The caller must be allowed to grant the user's role.

        :param id: The id of the user.
        """
        request = Request("POST", "/api/v1/users/{id}/reset-password", parameters={"id": id}, json=body)
        result: models.PasswordReset = self._json(request, options)
        return result

    def remove_user_second_factors(self, id: str, *, options: CallOptions | None = None) -> models.PendingChange | None:
        """Removes all second factors and recovery codes of a user, for example after a loss, and ends the user's sessions.

        The caller must be allowed to grant the user's role.

        :param id: The id of the user.
        """
        request = Request("DELETE", "/api/v1/users/{id}/second-factors", parameters={"id": id})
        result: models.PendingChange | None = self._json(request, options)
        return result

    def get_documentation(self, *, options: CallOptions | None = None) -> str:
        """Returns the API documentation as a page that can send requests."""
        request = Request("GET", "/docs", public=True)
        return self._text(request, options)

    def get_health(self, *, options: CallOptions | None = None) -> models.Live:
        """Reports that the service responds. It checks no store, because a restart does not fix an unavailable store."""
        request = Request("GET", "/health", public=True)
        result: models.Live = self._json(request, options)
        return result

    def get_detailed_health(self, *, options: CallOptions | None = None) -> models.Report:
        """Reports the state of each store. The status is 503 when requests fail."""
        request = Request("GET", "/health/detailed", public=True)
        result: models.Report = self._json(request, options)
        return result

    def get_metrics(self, *, options: CallOptions | None = None) -> str:
        """Returns the metrics for Prometheus. If `METRICS_TOKEN` is set, requests must send it as a bearer token."""
        request = Request("GET", "/metrics", public=True)
        return self._text(request, options)

    def get_open_api_document(self, *, options: CallOptions | None = None) -> Any:
        """Returns the description of every route (OpenAPI 3.1)."""
        request = Request("GET", "/openapi.json", public=True)
        result: Any = self._json(request, options)
        return result
