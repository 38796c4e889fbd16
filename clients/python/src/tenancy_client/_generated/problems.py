"""A class for each stable code of a problem. Generated from docs/openapi.json by clients/generator."""

from typing import ClassVar

from ..errors import Problem


class AddressNotVerified(Problem):
    """The problem `address_not_verified` (status 409)."""

    code: ClassVar[str] = "address_not_verified"


class AdministratorRequired(Problem):
    """The problem `administrator_required` (status 403)."""

    code: ClassVar[str] = "administrator_required"


class ApiKeyNotFound(Problem):
    """The problem `api_key_not_found` (status 404)."""

    code: ClassVar[str] = "api_key_not_found"


class AuthenticationRequired(Problem):
    """The problem `authentication_required` (status 401)."""

    code: ClassVar[str] = "authentication_required"


class BodyIncomplete(Problem):
    """The problem `body_incomplete` (status 400)."""

    code: ClassVar[str] = "body_incomplete"


class BodyTooLarge(Problem):
    """The problem `body_too_large` (status 413)."""

    code: ClassVar[str] = "body_too_large"


class BodyTooSlow(Problem):
    """The problem `body_too_slow` (status 408)."""

    code: ClassVar[str] = "body_too_slow"


class CacheEntryNotFound(Problem):
    """The problem `cache_entry_not_found` (status 404)."""

    code: ClassVar[str] = "cache_entry_not_found"


class DatabaseCredentialNotFound(Problem):
    """The problem `database_credential_not_found` (status 404)."""

    code: ClassVar[str] = "database_credential_not_found"


class DatabaseLimitReached(Problem):
    """The problem `database_limit_reached` (status 409)."""

    code: ClassVar[str] = "database_limit_reached"


class DomainTaken(Problem):
    """The problem `domain_taken` (status 409)."""

    code: ClassVar[str] = "domain_taken"


class EmailTaken(Problem):
    """The problem `email_taken` (status 409)."""

    code: ClassVar[str] = "email_taken"


class FileNotFound(Problem):
    """The problem `file_not_found` (status 404)."""

    code: ClassVar[str] = "file_not_found"


class Forbidden(Problem):
    """The problem `forbidden` (status 403)."""

    code: ClassVar[str] = "forbidden"


class FormerSlugNotFound(Problem):
    """The problem `former_slug_not_found` (status 404)."""

    code: ClassVar[str] = "former_slug_not_found"


class GroupNameTaken(Problem):
    """The problem `group_name_taken` (status 409)."""

    code: ClassVar[str] = "group_name_taken"


class GroupNotFound(Problem):
    """The problem `group_not_found` (status 404)."""

    code: ClassVar[str] = "group_not_found"


class IdempotencyKeyReused(Problem):
    """The problem `idempotency_key_reused` (status 422)."""

    code: ClassVar[str] = "idempotency_key_reused"


class IllegalTransition(Problem):
    """The problem `illegal_transition` (status 409)."""

    code: ClassVar[str] = "illegal_transition"


class InternalError(Problem):
    """The problem `internal_error` (status 500)."""

    code: ClassVar[str] = "internal_error"


class InvalidAdminKey(Problem):
    """The problem `invalid_admin_key` (status 401)."""

    code: ClassVar[str] = "invalid_admin_key"


class InvalidApiKey(Problem):
    """The problem `invalid_api_key` (status 401)."""

    code: ClassVar[str] = "invalid_api_key"


class InvalidChallenge(Problem):
    """The problem `invalid_challenge` (status 401)."""

    code: ClassVar[str] = "invalid_challenge"


class InvalidClient(Problem):
    """The problem `invalid_client` (status 401)."""

    code: ClassVar[str] = "invalid_client"


class InvalidCredentials(Problem):
    """The problem `invalid_credentials` (status 401)."""

    code: ClassVar[str] = "invalid_credentials"


class InvalidGatewayKey(Problem):
    """The problem `invalid_gateway_key` (status 400)."""

    code: ClassVar[str] = "invalid_gateway_key"


class InvalidHeader(Problem):
    """The problem `invalid_header` (status 400)."""

    code: ClassVar[str] = "invalid_header"


class InvalidJson(Problem):
    """The problem `invalid_json` (status 400)."""

    code: ClassVar[str] = "invalid_json"


class InvalidMailedToken(Problem):
    """The problem `invalid_mailed_token` (status 401)."""

    code: ClassVar[str] = "invalid_mailed_token"


class InvalidOperatorKey(Problem):
    """The problem `invalid_operator_key` (status 401)."""

    code: ClassVar[str] = "invalid_operator_key"


class InvalidPasskey(Problem):
    """The problem `invalid_passkey` (status 401)."""

    code: ClassVar[str] = "invalid_passkey"


class InvalidRefreshToken(Problem):
    """The problem `invalid_refresh_token` (status 401)."""

    code: ClassVar[str] = "invalid_refresh_token"


class InvalidRequest(Problem):
    """The problem `invalid_request` (status 400)."""

    code: ClassVar[str] = "invalid_request"


class InvalidSecondFactor(Problem):
    """The problem `invalid_second_factor` (status 401)."""

    code: ClassVar[str] = "invalid_second_factor"


class InvalidSetupToken(Problem):
    """The problem `invalid_setup_token` (status 401)."""

    code: ClassVar[str] = "invalid_setup_token"


class InvalidToken(Problem):
    """The problem `invalid_token` (status 401)."""

    code: ClassVar[str] = "invalid_token"


class LastAdmin(Problem):
    """The problem `last_admin` (status 409)."""

    code: ClassVar[str] = "last_admin"


class MailNotConfigured(Problem):
    """The problem `mail_not_configured` (status 409)."""

    code: ClassVar[str] = "mail_not_configured"


class MailedSignInDisabled(Problem):
    """The problem `mailed_sign_in_disabled` (status 409)."""

    code: ClassVar[str] = "mailed_sign_in_disabled"


class MethodNotAllowed(Problem):
    """The problem `method_not_allowed`."""

    code: ClassVar[str] = "method_not_allowed"


class Misconfigured(Problem):
    """The problem `misconfigured` (status 503)."""

    code: ClassVar[str] = "misconfigured"


class NetworkNotAllowed(Problem):
    """The problem `network_not_allowed` (status 403)."""

    code: ClassVar[str] = "network_not_allowed"


class OperatorKeyNameTaken(Problem):
    """The problem `operator_key_name_taken` (status 409)."""

    code: ClassVar[str] = "operator_key_name_taken"


class OperatorKeyNotFound(Problem):
    """The problem `operator_key_not_found` (status 404)."""

    code: ClassVar[str] = "operator_key_not_found"


class PasskeyNotFound(Problem):
    """The problem `passkey_not_found` (status 404)."""

    code: ClassVar[str] = "passkey_not_found"


class PasskeyTaken(Problem):
    """The problem `passkey_taken` (status 409)."""

    code: ClassVar[str] = "passkey_taken"


class PasskeysNotConfigured(Problem):
    """The problem `passkeys_not_configured` (status 409)."""

    code: ClassVar[str] = "passkeys_not_configured"


class PermissionInUse(Problem):
    """The problem `permission_in_use` (status 409)."""

    code: ClassVar[str] = "permission_in_use"


class PermissionNotFound(Problem):
    """The problem `permission_not_found` (status 404)."""

    code: ClassVar[str] = "permission_not_found"


class PermissionTaken(Problem):
    """The problem `permission_taken` (status 409)."""

    code: ClassVar[str] = "permission_taken"


class PlanInUse(Problem):
    """The problem `plan_in_use` (status 409)."""

    code: ClassVar[str] = "plan_in_use"


class PlanNotFound(Problem):
    """The problem `plan_not_found` (status 404)."""

    code: ClassVar[str] = "plan_not_found"


class PlanTaken(Problem):
    """The problem `plan_taken` (status 409)."""

    code: ClassVar[str] = "plan_taken"


class PreconditionFailed(Problem):
    """The problem `precondition_failed` (status 412)."""

    code: ClassVar[str] = "precondition_failed"


class QuotaExceeded(Problem):
    """The problem `quota_exceeded` (status 403, 429, 507)."""

    code: ClassVar[str] = "quota_exceeded"


class RangeNotSatisfiable(Problem):
    """The problem `range_not_satisfiable` (status 416)."""

    code: ClassVar[str] = "range_not_satisfiable"


class RateLimited(Problem):
    """The problem `rate_limited` (status 429)."""

    code: ClassVar[str] = "rate_limited"


class RecentSignInRequired(Problem):
    """The problem `recent_sign_in_required` (status 401)."""

    code: ClassVar[str] = "recent_sign_in_required"


class RoleNameTaken(Problem):
    """The problem `role_name_taken` (status 409)."""

    code: ClassVar[str] = "role_name_taken"


class RoleNotFound(Problem):
    """The problem `role_not_found` (status 404)."""

    code: ClassVar[str] = "role_not_found"


class RouteNotFound(Problem):
    """The problem `route_not_found`."""

    code: ClassVar[str] = "route_not_found"


class ScopeNotHeld(Problem):
    """The problem `scope_not_held` (status 403)."""

    code: ClassVar[str] = "scope_not_held"


class SecondFactorEnrollmentRequired(Problem):
    """The problem `second_factor_enrollment_required` (status 401)."""

    code: ClassVar[str] = "second_factor_enrollment_required"


class SecondFactorNotFound(Problem):
    """The problem `second_factor_not_found` (status 404)."""

    code: ClassVar[str] = "second_factor_not_found"


class SecondFactorRequired(Problem):
    """The problem `second_factor_required` (status 401)."""

    code: ClassVar[str] = "second_factor_required"


class SessionNotFound(Problem):
    """The problem `session_not_found` (status 404)."""

    code: ClassVar[str] = "session_not_found"


class SlugTaken(Problem):
    """The problem `slug_taken` (status 409)."""

    code: ClassVar[str] = "slug_taken"


class StrongerApiKey(Problem):
    """The problem `stronger_api_key` (status 403)."""

    code: ClassVar[str] = "stronger_api_key"


class SwitchingNotAllowed(Problem):
    """The problem `switching_not_allowed` (status 403)."""

    code: ClassVar[str] = "switching_not_allowed"


class TenantDeleted(Problem):
    """The problem `tenant_deleted` (status 403)."""

    code: ClassVar[str] = "tenant_deleted"


class TenantMismatch(Problem):
    """The problem `tenant_mismatch` (status 403)."""

    code: ClassVar[str] = "tenant_mismatch"


class TenantNotFound(Problem):
    """The problem `tenant_not_found` (status 404)."""

    code: ClassVar[str] = "tenant_not_found"


class TenantRequired(Problem):
    """The problem `tenant_required` (status 400)."""

    code: ClassVar[str] = "tenant_required"


class TenantSuspended(Problem):
    """The problem `tenant_suspended` (status 403)."""

    code: ClassVar[str] = "tenant_suspended"


class TokenExpired(Problem):
    """The problem `token_expired` (status 401)."""

    code: ClassVar[str] = "token_expired"


class TokenRevoked(Problem):
    """The problem `token_revoked` (status 401)."""

    code: ClassVar[str] = "token_revoked"


class TooManyAddressChanges(Problem):
    """The problem `too_many_address_changes` (status 409)."""

    code: ClassVar[str] = "too_many_address_changes"


class TooManyApiKeys(Problem):
    """The problem `too_many_api_keys` (status 409)."""

    code: ClassVar[str] = "too_many_api_keys"


class TooManyAttempts(Problem):
    """The problem `too_many_attempts` (status 429)."""

    code: ClassVar[str] = "too_many_attempts"


class TooManyOperatorKeys(Problem):
    """The problem `too_many_operator_keys` (status 409)."""

    code: ClassVar[str] = "too_many_operator_keys"


class TooManyPasskeys(Problem):
    """The problem `too_many_passkeys` (status 409)."""

    code: ClassVar[str] = "too_many_passkeys"


class TooManyRoles(Problem):
    """The problem `too_many_roles` (status 409)."""

    code: ClassVar[str] = "too_many_roles"


class TooManySecondFactors(Problem):
    """The problem `too_many_second_factors` (status 409)."""

    code: ClassVar[str] = "too_many_second_factors"


class Unavailable(Problem):
    """The problem `unavailable` (status 503)."""

    code: ClassVar[str] = "unavailable"


class UnsupportedContentCoding(Problem):
    """The problem `unsupported_content_coding` (status 415)."""

    code: ClassVar[str] = "unsupported_content_coding"


class UnsupportedMediaType(Problem):
    """The problem `unsupported_media_type` (status 415)."""

    code: ClassVar[str] = "unsupported_media_type"


class UnsupportedTokenType(Problem):
    """The problem `unsupported_token_type` (status 400)."""

    code: ClassVar[str] = "unsupported_token_type"


class UserNotFound(Problem):
    """The problem `user_not_found` (status 404)."""

    code: ClassVar[str] = "user_not_found"


class UserRequired(Problem):
    """The problem `user_required` (status 403)."""

    code: ClassVar[str] = "user_required"


class UsernameTaken(Problem):
    """The problem `username_taken` (status 409)."""

    code: ClassVar[str] = "username_taken"


class ValidationFailed(Problem):
    """The problem `validation_failed` (status 422)."""

    code: ClassVar[str] = "validation_failed"


PROBLEMS: dict[str, type[Problem]] = {
    "address_not_verified": AddressNotVerified,
    "administrator_required": AdministratorRequired,
    "api_key_not_found": ApiKeyNotFound,
    "authentication_required": AuthenticationRequired,
    "body_incomplete": BodyIncomplete,
    "body_too_large": BodyTooLarge,
    "body_too_slow": BodyTooSlow,
    "cache_entry_not_found": CacheEntryNotFound,
    "database_credential_not_found": DatabaseCredentialNotFound,
    "database_limit_reached": DatabaseLimitReached,
    "domain_taken": DomainTaken,
    "email_taken": EmailTaken,
    "file_not_found": FileNotFound,
    "forbidden": Forbidden,
    "former_slug_not_found": FormerSlugNotFound,
    "group_name_taken": GroupNameTaken,
    "group_not_found": GroupNotFound,
    "idempotency_key_reused": IdempotencyKeyReused,
    "illegal_transition": IllegalTransition,
    "internal_error": InternalError,
    "invalid_admin_key": InvalidAdminKey,
    "invalid_api_key": InvalidApiKey,
    "invalid_challenge": InvalidChallenge,
    "invalid_client": InvalidClient,
    "invalid_credentials": InvalidCredentials,
    "invalid_gateway_key": InvalidGatewayKey,
    "invalid_header": InvalidHeader,
    "invalid_json": InvalidJson,
    "invalid_mailed_token": InvalidMailedToken,
    "invalid_operator_key": InvalidOperatorKey,
    "invalid_passkey": InvalidPasskey,
    "invalid_refresh_token": InvalidRefreshToken,
    "invalid_request": InvalidRequest,
    "invalid_second_factor": InvalidSecondFactor,
    "invalid_setup_token": InvalidSetupToken,
    "invalid_token": InvalidToken,
    "last_admin": LastAdmin,
    "mail_not_configured": MailNotConfigured,
    "mailed_sign_in_disabled": MailedSignInDisabled,
    "method_not_allowed": MethodNotAllowed,
    "misconfigured": Misconfigured,
    "network_not_allowed": NetworkNotAllowed,
    "operator_key_name_taken": OperatorKeyNameTaken,
    "operator_key_not_found": OperatorKeyNotFound,
    "passkey_not_found": PasskeyNotFound,
    "passkey_taken": PasskeyTaken,
    "passkeys_not_configured": PasskeysNotConfigured,
    "permission_in_use": PermissionInUse,
    "permission_not_found": PermissionNotFound,
    "permission_taken": PermissionTaken,
    "plan_in_use": PlanInUse,
    "plan_not_found": PlanNotFound,
    "plan_taken": PlanTaken,
    "precondition_failed": PreconditionFailed,
    "quota_exceeded": QuotaExceeded,
    "range_not_satisfiable": RangeNotSatisfiable,
    "rate_limited": RateLimited,
    "recent_sign_in_required": RecentSignInRequired,
    "role_name_taken": RoleNameTaken,
    "role_not_found": RoleNotFound,
    "route_not_found": RouteNotFound,
    "scope_not_held": ScopeNotHeld,
    "second_factor_enrollment_required": SecondFactorEnrollmentRequired,
    "second_factor_not_found": SecondFactorNotFound,
    "second_factor_required": SecondFactorRequired,
    "session_not_found": SessionNotFound,
    "slug_taken": SlugTaken,
    "stronger_api_key": StrongerApiKey,
    "switching_not_allowed": SwitchingNotAllowed,
    "tenant_deleted": TenantDeleted,
    "tenant_mismatch": TenantMismatch,
    "tenant_not_found": TenantNotFound,
    "tenant_required": TenantRequired,
    "tenant_suspended": TenantSuspended,
    "token_expired": TokenExpired,
    "token_revoked": TokenRevoked,
    "too_many_address_changes": TooManyAddressChanges,
    "too_many_api_keys": TooManyApiKeys,
    "too_many_attempts": TooManyAttempts,
    "too_many_operator_keys": TooManyOperatorKeys,
    "too_many_passkeys": TooManyPasskeys,
    "too_many_roles": TooManyRoles,
    "too_many_second_factors": TooManySecondFactors,
    "unavailable": Unavailable,
    "unsupported_content_coding": UnsupportedContentCoding,
    "unsupported_media_type": UnsupportedMediaType,
    "unsupported_token_type": UnsupportedTokenType,
    "user_not_found": UserNotFound,
    "user_required": UserRequired,
    "username_taken": UsernameTaken,
    "validation_failed": ValidationFailed,
}
