// A class for each stable code of a problem. Generated from docs/openapi.json by clients/generator.

import { Problem } from "../errors.js";

/** The problem `address_not_verified` (status 409). */
export class AddressNotVerified extends Problem {
  declare readonly code: "address_not_verified";
}

/** The problem `administrator_required` (status 403). */
export class AdministratorRequired extends Problem {
  declare readonly code: "administrator_required";
}

/** The problem `api_key_not_found` (status 404). */
export class ApiKeyNotFound extends Problem {
  declare readonly code: "api_key_not_found";
}

/** The problem `authentication_required` (status 401). */
export class AuthenticationRequired extends Problem {
  declare readonly code: "authentication_required";
}

/** The problem `body_incomplete` (status 400). */
export class BodyIncomplete extends Problem {
  declare readonly code: "body_incomplete";
}

/** The problem `body_too_large` (status 413). */
export class BodyTooLarge extends Problem {
  declare readonly code: "body_too_large";
}

/** The problem `body_too_slow` (status 408). */
export class BodyTooSlow extends Problem {
  declare readonly code: "body_too_slow";
}

/** The problem `cache_entry_not_found` (status 404). */
export class CacheEntryNotFound extends Problem {
  declare readonly code: "cache_entry_not_found";
}

/** The problem `database_credential_not_found` (status 404). */
export class DatabaseCredentialNotFound extends Problem {
  declare readonly code: "database_credential_not_found";
}

/** The problem `database_limit_reached` (status 409). */
export class DatabaseLimitReached extends Problem {
  declare readonly code: "database_limit_reached";
}

/** The problem `domain_taken` (status 409). */
export class DomainTaken extends Problem {
  declare readonly code: "domain_taken";
}

/** The problem `email_taken` (status 409). */
export class EmailTaken extends Problem {
  declare readonly code: "email_taken";
}

/** The problem `file_not_found` (status 404). */
export class FileNotFound extends Problem {
  declare readonly code: "file_not_found";
}

/** The problem `forbidden` (status 403). */
export class Forbidden extends Problem {
  declare readonly code: "forbidden";
}

/** The problem `former_slug_not_found` (status 404). */
export class FormerSlugNotFound extends Problem {
  declare readonly code: "former_slug_not_found";
}

/** The problem `group_name_taken` (status 409). */
export class GroupNameTaken extends Problem {
  declare readonly code: "group_name_taken";
}

/** The problem `group_not_found` (status 404). */
export class GroupNotFound extends Problem {
  declare readonly code: "group_not_found";
}

/** The problem `idempotency_key_reused` (status 422). */
export class IdempotencyKeyReused extends Problem {
  declare readonly code: "idempotency_key_reused";
}

/** The problem `illegal_transition` (status 409). */
export class IllegalTransition extends Problem {
  declare readonly code: "illegal_transition";
}

/** The problem `internal_error` (status 500). */
export class InternalError extends Problem {
  declare readonly code: "internal_error";
}

/** The problem `invalid_admin_key` (status 401). */
export class InvalidAdminKey extends Problem {
  declare readonly code: "invalid_admin_key";
}

/** The problem `invalid_api_key` (status 401). */
export class InvalidApiKey extends Problem {
  declare readonly code: "invalid_api_key";
}

/** The problem `invalid_challenge` (status 401). */
export class InvalidChallenge extends Problem {
  declare readonly code: "invalid_challenge";
}

/** The problem `invalid_client` (status 401). */
export class InvalidClient extends Problem {
  declare readonly code: "invalid_client";
}

/** The problem `invalid_credentials` (status 401). */
export class InvalidCredentials extends Problem {
  declare readonly code: "invalid_credentials";
}

/** The problem `invalid_gateway_key` (status 400). */
export class InvalidGatewayKey extends Problem {
  declare readonly code: "invalid_gateway_key";
}

/** The problem `invalid_header` (status 400). */
export class InvalidHeader extends Problem {
  declare readonly code: "invalid_header";
}

/** The problem `invalid_json` (status 400). */
export class InvalidJson extends Problem {
  declare readonly code: "invalid_json";
}

/** The problem `invalid_mailed_token` (status 401). */
export class InvalidMailedToken extends Problem {
  declare readonly code: "invalid_mailed_token";
}

/** The problem `invalid_operator_key` (status 401). */
export class InvalidOperatorKey extends Problem {
  declare readonly code: "invalid_operator_key";
}

/** The problem `invalid_passkey` (status 401). */
export class InvalidPasskey extends Problem {
  declare readonly code: "invalid_passkey";
}

/** The problem `invalid_refresh_token` (status 401). */
export class InvalidRefreshToken extends Problem {
  declare readonly code: "invalid_refresh_token";
}

/** The problem `invalid_request` (status 400). */
export class InvalidRequest extends Problem {
  declare readonly code: "invalid_request";
}

/** The problem `invalid_second_factor` (status 401). */
export class InvalidSecondFactor extends Problem {
  declare readonly code: "invalid_second_factor";
}

/** The problem `invalid_setup_token` (status 401). */
export class InvalidSetupToken extends Problem {
  declare readonly code: "invalid_setup_token";
}

/** The problem `invalid_token` (status 401). */
export class InvalidToken extends Problem {
  declare readonly code: "invalid_token";
}

/** The problem `last_admin` (status 409). */
export class LastAdmin extends Problem {
  declare readonly code: "last_admin";
}

/** The problem `mail_not_configured` (status 409). */
export class MailNotConfigured extends Problem {
  declare readonly code: "mail_not_configured";
}

/** The problem `mailed_sign_in_disabled` (status 409). */
export class MailedSignInDisabled extends Problem {
  declare readonly code: "mailed_sign_in_disabled";
}

/** The problem `method_not_allowed`. */
export class MethodNotAllowed extends Problem {
  declare readonly code: "method_not_allowed";
}

/** The problem `misconfigured` (status 503). */
export class Misconfigured extends Problem {
  declare readonly code: "misconfigured";
}

/** The problem `network_not_allowed` (status 403). */
export class NetworkNotAllowed extends Problem {
  declare readonly code: "network_not_allowed";
}

/** The problem `operator_key_name_taken` (status 409). */
export class OperatorKeyNameTaken extends Problem {
  declare readonly code: "operator_key_name_taken";
}

/** The problem `operator_key_not_found` (status 404). */
export class OperatorKeyNotFound extends Problem {
  declare readonly code: "operator_key_not_found";
}

/** The problem `passkey_not_found` (status 404). */
export class PasskeyNotFound extends Problem {
  declare readonly code: "passkey_not_found";
}

/** The problem `passkey_taken` (status 409). */
export class PasskeyTaken extends Problem {
  declare readonly code: "passkey_taken";
}

/** The problem `passkeys_not_configured` (status 409). */
export class PasskeysNotConfigured extends Problem {
  declare readonly code: "passkeys_not_configured";
}

/** The problem `permission_in_use` (status 409). */
export class PermissionInUse extends Problem {
  declare readonly code: "permission_in_use";
}

/** The problem `permission_not_found` (status 404). */
export class PermissionNotFound extends Problem {
  declare readonly code: "permission_not_found";
}

/** The problem `permission_taken` (status 409). */
export class PermissionTaken extends Problem {
  declare readonly code: "permission_taken";
}

/** The problem `plan_in_use` (status 409). */
export class PlanInUse extends Problem {
  declare readonly code: "plan_in_use";
}

/** The problem `plan_not_found` (status 404). */
export class PlanNotFound extends Problem {
  declare readonly code: "plan_not_found";
}

/** The problem `plan_taken` (status 409). */
export class PlanTaken extends Problem {
  declare readonly code: "plan_taken";
}

/** The problem `precondition_failed` (status 412). */
export class PreconditionFailed extends Problem {
  declare readonly code: "precondition_failed";
}

/** The problem `quota_exceeded` (status 403, 429, 507). */
export class QuotaExceeded extends Problem {
  declare readonly code: "quota_exceeded";
}

/** The problem `range_not_satisfiable` (status 416). */
export class RangeNotSatisfiable extends Problem {
  declare readonly code: "range_not_satisfiable";
}

/** The problem `rate_limited` (status 429). */
export class RateLimited extends Problem {
  declare readonly code: "rate_limited";
}

/** The problem `recent_sign_in_required` (status 401). */
export class RecentSignInRequired extends Problem {
  declare readonly code: "recent_sign_in_required";
}

/** The problem `role_name_taken` (status 409). */
export class RoleNameTaken extends Problem {
  declare readonly code: "role_name_taken";
}

/** The problem `role_not_found` (status 404). */
export class RoleNotFound extends Problem {
  declare readonly code: "role_not_found";
}

/** The problem `route_not_found`. */
export class RouteNotFound extends Problem {
  declare readonly code: "route_not_found";
}

/** The problem `scope_not_held` (status 403). */
export class ScopeNotHeld extends Problem {
  declare readonly code: "scope_not_held";
}

/** The problem `second_factor_enrollment_required` (status 401). */
export class SecondFactorEnrollmentRequired extends Problem {
  declare readonly code: "second_factor_enrollment_required";
}

/** The problem `second_factor_not_found` (status 404). */
export class SecondFactorNotFound extends Problem {
  declare readonly code: "second_factor_not_found";
}

/** The problem `second_factor_required` (status 401). */
export class SecondFactorRequired extends Problem {
  declare readonly code: "second_factor_required";
}

/** The problem `session_not_found` (status 404). */
export class SessionNotFound extends Problem {
  declare readonly code: "session_not_found";
}

/** The problem `slug_taken` (status 409). */
export class SlugTaken extends Problem {
  declare readonly code: "slug_taken";
}

/** The problem `stronger_api_key` (status 403). */
export class StrongerApiKey extends Problem {
  declare readonly code: "stronger_api_key";
}

/** The problem `switching_not_allowed` (status 403). */
export class SwitchingNotAllowed extends Problem {
  declare readonly code: "switching_not_allowed";
}

/** The problem `tenant_deleted` (status 403). */
export class TenantDeleted extends Problem {
  declare readonly code: "tenant_deleted";
}

/** The problem `tenant_mismatch` (status 403). */
export class TenantMismatch extends Problem {
  declare readonly code: "tenant_mismatch";
}

/** The problem `tenant_not_found` (status 404). */
export class TenantNotFound extends Problem {
  declare readonly code: "tenant_not_found";
}

/** The problem `tenant_required` (status 400). */
export class TenantRequired extends Problem {
  declare readonly code: "tenant_required";
}

/** The problem `tenant_suspended` (status 403). */
export class TenantSuspended extends Problem {
  declare readonly code: "tenant_suspended";
}

/** The problem `token_expired` (status 401). */
export class TokenExpired extends Problem {
  declare readonly code: "token_expired";
}

/** The problem `token_revoked` (status 401). */
export class TokenRevoked extends Problem {
  declare readonly code: "token_revoked";
}

/** The problem `too_many_address_changes` (status 409). */
export class TooManyAddressChanges extends Problem {
  declare readonly code: "too_many_address_changes";
}

/** The problem `too_many_api_keys` (status 409). */
export class TooManyApiKeys extends Problem {
  declare readonly code: "too_many_api_keys";
}

/** The problem `too_many_attempts` (status 429). */
export class TooManyAttempts extends Problem {
  declare readonly code: "too_many_attempts";
}

/** The problem `too_many_operator_keys` (status 409). */
export class TooManyOperatorKeys extends Problem {
  declare readonly code: "too_many_operator_keys";
}

/** The problem `too_many_passkeys` (status 409). */
export class TooManyPasskeys extends Problem {
  declare readonly code: "too_many_passkeys";
}

/** The problem `too_many_roles` (status 409). */
export class TooManyRoles extends Problem {
  declare readonly code: "too_many_roles";
}

/** The problem `too_many_second_factors` (status 409). */
export class TooManySecondFactors extends Problem {
  declare readonly code: "too_many_second_factors";
}

/** The problem `unavailable` (status 503). */
export class Unavailable extends Problem {
  declare readonly code: "unavailable";
}

/** The problem `unsupported_content_coding` (status 415). */
export class UnsupportedContentCoding extends Problem {
  declare readonly code: "unsupported_content_coding";
}

/** The problem `unsupported_media_type` (status 415). */
export class UnsupportedMediaType extends Problem {
  declare readonly code: "unsupported_media_type";
}

/** The problem `unsupported_token_type` (status 400). */
export class UnsupportedTokenType extends Problem {
  declare readonly code: "unsupported_token_type";
}

/** The problem `user_not_found` (status 404). */
export class UserNotFound extends Problem {
  declare readonly code: "user_not_found";
}

/** The problem `user_required` (status 403). */
export class UserRequired extends Problem {
  declare readonly code: "user_required";
}

/** The problem `username_taken` (status 409). */
export class UsernameTaken extends Problem {
  declare readonly code: "username_taken";
}

/** The problem `validation_failed` (status 422). */
export class ValidationFailed extends Problem {
  declare readonly code: "validation_failed";
}

/** The class of each code. */
export const PROBLEMS = {
  address_not_verified: AddressNotVerified,
  administrator_required: AdministratorRequired,
  api_key_not_found: ApiKeyNotFound,
  authentication_required: AuthenticationRequired,
  body_incomplete: BodyIncomplete,
  body_too_large: BodyTooLarge,
  body_too_slow: BodyTooSlow,
  cache_entry_not_found: CacheEntryNotFound,
  database_credential_not_found: DatabaseCredentialNotFound,
  database_limit_reached: DatabaseLimitReached,
  domain_taken: DomainTaken,
  email_taken: EmailTaken,
  file_not_found: FileNotFound,
  forbidden: Forbidden,
  former_slug_not_found: FormerSlugNotFound,
  group_name_taken: GroupNameTaken,
  group_not_found: GroupNotFound,
  idempotency_key_reused: IdempotencyKeyReused,
  illegal_transition: IllegalTransition,
  internal_error: InternalError,
  invalid_admin_key: InvalidAdminKey,
  invalid_api_key: InvalidApiKey,
  invalid_challenge: InvalidChallenge,
  invalid_client: InvalidClient,
  invalid_credentials: InvalidCredentials,
  invalid_gateway_key: InvalidGatewayKey,
  invalid_header: InvalidHeader,
  invalid_json: InvalidJson,
  invalid_mailed_token: InvalidMailedToken,
  invalid_operator_key: InvalidOperatorKey,
  invalid_passkey: InvalidPasskey,
  invalid_refresh_token: InvalidRefreshToken,
  invalid_request: InvalidRequest,
  invalid_second_factor: InvalidSecondFactor,
  invalid_setup_token: InvalidSetupToken,
  invalid_token: InvalidToken,
  last_admin: LastAdmin,
  mail_not_configured: MailNotConfigured,
  mailed_sign_in_disabled: MailedSignInDisabled,
  method_not_allowed: MethodNotAllowed,
  misconfigured: Misconfigured,
  network_not_allowed: NetworkNotAllowed,
  operator_key_name_taken: OperatorKeyNameTaken,
  operator_key_not_found: OperatorKeyNotFound,
  passkey_not_found: PasskeyNotFound,
  passkey_taken: PasskeyTaken,
  passkeys_not_configured: PasskeysNotConfigured,
  permission_in_use: PermissionInUse,
  permission_not_found: PermissionNotFound,
  permission_taken: PermissionTaken,
  plan_in_use: PlanInUse,
  plan_not_found: PlanNotFound,
  plan_taken: PlanTaken,
  precondition_failed: PreconditionFailed,
  quota_exceeded: QuotaExceeded,
  range_not_satisfiable: RangeNotSatisfiable,
  rate_limited: RateLimited,
  recent_sign_in_required: RecentSignInRequired,
  role_name_taken: RoleNameTaken,
  role_not_found: RoleNotFound,
  route_not_found: RouteNotFound,
  scope_not_held: ScopeNotHeld,
  second_factor_enrollment_required: SecondFactorEnrollmentRequired,
  second_factor_not_found: SecondFactorNotFound,
  second_factor_required: SecondFactorRequired,
  session_not_found: SessionNotFound,
  slug_taken: SlugTaken,
  stronger_api_key: StrongerApiKey,
  switching_not_allowed: SwitchingNotAllowed,
  tenant_deleted: TenantDeleted,
  tenant_mismatch: TenantMismatch,
  tenant_not_found: TenantNotFound,
  tenant_required: TenantRequired,
  tenant_suspended: TenantSuspended,
  token_expired: TokenExpired,
  token_revoked: TokenRevoked,
  too_many_address_changes: TooManyAddressChanges,
  too_many_api_keys: TooManyApiKeys,
  too_many_attempts: TooManyAttempts,
  too_many_operator_keys: TooManyOperatorKeys,
  too_many_passkeys: TooManyPasskeys,
  too_many_roles: TooManyRoles,
  too_many_second_factors: TooManySecondFactors,
  unavailable: Unavailable,
  unsupported_content_coding: UnsupportedContentCoding,
  unsupported_media_type: UnsupportedMediaType,
  unsupported_token_type: UnsupportedTokenType,
  user_not_found: UserNotFound,
  user_required: UserRequired,
  username_taken: UsernameTaken,
  validation_failed: ValidationFailed,
} as const;
