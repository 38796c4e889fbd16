"""Types of requests and responses. Generated from docs/openapi.json by clients/generator."""

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict

Access: TypeAlias = Literal["read", "write", "owner"]
"""The privileges of a role on the schema `app`."""


Role: TypeAlias = Literal["admin", "user", "viewer"]
"""A user's role."""


class ActiveToken(TypedDict):
    """The properties of a valid token."""

    acr: NotRequired[str | None]
    """How the user of an access token proved the identity (RFC 9470, section 6.2): `urn:tenancy:acr:one-factor` or `urn:tenancy:acr:two-factors`. Absent while the tenant's database is unavailable."""

    active: Literal[True]

    aud: NotRequired[str | None]

    auth_time: NotRequired[int | None]
    """When the user of an access token last proved the identity, in seconds since 1970."""

    client_id: NotRequired[str | None]
    """The id of the API key."""

    exp: NotRequired[int | None]

    iat: NotRequired[int | None]

    iss: NotRequired[str | None]

    jti: NotRequired[str | None]

    kind: str
    """`access_token`, `refresh_token` or `api_key`."""

    nbf: NotRequired[int | None]

    role: NotRequired[Role | None]

    scope: str
    """The scopes and the permissions of the application, separated by spaces."""

    sid: NotRequired[str | None]
    """The id of the session."""

    slug: str
    """The tenant's slug."""

    sub: str
    """The id of the user, or of the API key."""

    tid: str
    """The id of the tenant."""

    token_type: str
    """The type of the token (RFC 6749, section 5.1)."""

    username: NotRequired[str | None]
    """The user's e-mail address."""


class AddressChange(TypedDict):
    """The response to a request for another address."""

    expires_in: int
    """The seconds for which the link in the message is valid, if a message is sent."""


class AddressChangeConfirmation(TypedDict):
    """The proof of control of a new address."""

    token: str
    """The token in the link of the message."""


Language: TypeAlias = Literal["en", "de"]
"""A language of messages, as a tag of RFC 5646."""


EmailAddress: TypeAlias = str
"""An e-mail address in its canonical form, which uniqueness is based on: NFC, lower case, the domain as A-labels. At most 254 characters (RFC 5321, section 4.5.3.1.3)."""


class AddressChangeRequest(TypedDict):
    """A request for another address."""

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""

    new_email: EmailAddress


class AddressObjection(TypedDict):
    """An objection to a change of the address."""

    token: str
    """The token in the link of the message to the former address."""


class Amounts(TypedDict):
    """Amounts of each resource."""

    ai_requests: int

    api_calls: int

    database: int

    storage: int

    users: int


Grants: TypeAlias = list[str]
"""Scopes of Tenancy and permissions that the tenant defines."""


class ApiKey(TypedDict):
    """An API key, without its secret."""

    created_at: str

    environment: str

    expires_at: str | None

    id: str

    last_used_at: str | None

    max_requests_per_day: int | None

    max_requests_per_minute: int | None

    name: str

    prefix: str
    """The first characters of the key, which identify it."""

    previous_expires_at: str | None
    """When the key from before the last rotation expires."""

    scopes: Grants


class ApiKeyPage(TypedDict):
    """A page of a list."""

    items: list[ApiKey]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


Overlap: TypeAlias = int
"""The number of seconds for which the previous secret stays valid after a rotation: 0 to 2,592,000 (30 days)."""


class ApiKeyRotation(TypedDict):
    """The rotation of a key."""

    overlap_seconds: NotRequired[Overlap]
    """The number of seconds for which the previous secret stays valid, at most 30 days. The default is `0`."""


CallLimit: TypeAlias = int
"""The maximum number of calls of a key in a window: 1 to 1,000,000,000."""


KeyName: TypeAlias = str
"""The name of a key: 1 to 100 characters on one line."""


class ApiKeyUpdate(TypedDict):
    """A change of a key. Omitted fields keep their values; null removes a limit."""

    max_requests_per_day: NotRequired[CallLimit | None]

    max_requests_per_minute: NotRequired[CallLimit | None]

    name: NotRequired[KeyName | None]


Permission: TypeAlias = str
"""A permission of the tenant's application, such as `notes:write`: words of lower case letters, digits and `_`, each beginning with a letter, separated by colons."""


class ApplicationPermission(TypedDict):
    """A permission of the tenant's application."""

    created_at: str
    """When the permission was created."""

    description: str | None
    """The description for people."""

    name: Permission
    """The name."""


class AssertionResponse(TypedDict):
    """The response of an authenticator to an authentication."""

    authenticatorData: str
    """The data of the authenticator in base64url."""

    clientDataJSON: str
    """The data of the client in base64url."""

    signature: str
    """The signature in base64url."""

    userHandle: NotRequired[str | None]
    """The user handle in base64url. A sign-in requires it."""


class AttestationResponse(TypedDict):
    """The response of an authenticator to a registration."""

    attestationObject: str
    """The attestation object in base64url."""

    clientDataJSON: str
    """The data of the client in base64url."""

    transports: NotRequired[list[str] | None]
    """The ways to reach the authenticator."""


class LoggedEvent(TypedDict):
    """An event of the audit trail."""

    actor_id: str | None
    """The id of the user, the API key or the operator key."""

    actor_type: Literal["platform", "operator_key", "user", "api_key", "system", "anonymous"]
    """`platform`, `operator_key`, `user`, `api_key`, `system` or `anonymous`."""

    address: str | None
    """The address of the client."""

    created_at: str
    """When the event happened."""

    detail: dict[str, Any]
    """Details of the event, often with the values `before` and `after` a change. `operator` names the credential of an operator."""

    event: str
    """The name of the event, such as `user.created`."""

    id: str
    """The id of the event."""

    is_redacted: bool
    """Whether values that identify an erased person were removed from the event."""

    request_id: str | None
    """The id of the request."""

    resource_id: str | None
    """The id or the name of the affected resource."""

    resource_type: str | None
    """The type of the affected resource."""

    result: Literal["success", "failure"]
    """`success` or `failure`."""

    sequence: int
    """The place in the tenant's chain, starting from 1."""

    severity: Literal["info", "warning", "critical"]
    """`info`, `warning` or `critical`."""

    tenant_id: str | None
    """The tenant; null for events of the platform."""

    user_agent: str | None
    """The user agent of the client."""


class AuditPage(TypedDict):
    """A page of the audit trail."""

    items: list[LoggedEvent]

    next_cursor: str | None
    """The cursor of the next page, or null on the last page."""


class AuthenticationResponse(TypedDict):
    """The result of `navigator.credentials.get()`: `JSON.stringify(credential)`. Other members are ignored."""

    id: str
    """The id of the credential in base64url."""

    response: AssertionResponse

    type: str
    """`public-key`."""


class AuthenticatorSelection(TypedDict):
    """The required properties of an authenticator."""

    requireResidentKey: bool
    """True, for browsers that do not know `residentKey`."""

    residentKey: str
    """`required`."""

    userVerification: str
    """`required`."""


CheckStatus: TypeAlias = Literal["healthy", "unavailable", "not_migrated", "unknown"]
"""The state of a store."""


class Check(TypedDict):
    """The health of a store."""

    latency_ms: NotRequired[float | None]
    """The response time of the store, in milliseconds."""

    status: CheckStatus
    """The state of the store."""


class ClearedCache(TypedDict):
    """The result of clearing the cache."""

    cleared: int
    """The number of deleted entries."""


Colour: TypeAlias = str
"""A colour: `#` and six hexadecimal digits."""


class ConfirmedSecondFactor(TypedDict):
    """The result of an enrolment."""

    recovery_codes: list[str] | None
    """The codes that replace a lost factor, each once. They are null if the user has unused ones from an earlier factor. Only this response contains them."""


class CreatedApiKey(ApiKey):
    """An API key with its text, which is shown only once."""

    api_key: str
    """The text of the key. Store it: it is not shown again."""


OperatorScope: TypeAlias = Literal[
    "tenants:read",
    "tenants:write",
    "tenants:delete",
    "tenant_api_keys:read",
    "tenant_api_keys:write",
    "tenant_users:read",
    "tenant_users:write",
    "tenant_usage:write",
    "plans:read",
    "plans:write",
    "usage:read",
    "audit:read",
    "maintenance:run",
    "operator_keys:read",
    "operator_keys:write",
]
"""A permission."""


class OperatorKey(TypedDict):
    """An operator key in responses, without its secret."""

    allowed_networks: list[str] | None
    """The networks from which the key is accepted; null allows every network."""

    created_at: str

    expires_at: str | None

    id: str

    last_used_at: str | None
    """The time of the last use, to the minute. The entity tag does not cover it."""

    name: str

    prefix: str
    """The first characters of the key, by which you recognise it."""

    previous_expires_at: str | None
    """The time at which the secret before the last rotation expires or expired."""

    scopes: list[OperatorScope]

    updated_at: str


class CreatedOperatorKey(OperatorKey):
    """An operator key with its text. Only this response contains the text."""

    operator_key: str
    """The key itself. Store it: it is not shown again."""


class Limits(TypedDict):
    """The maximum usage of each resource."""

    ai_requests: int
    """The number of AI requests per day."""

    api_calls: int
    """The number of API calls per day."""

    cache: NotRequired[int]
    """The Redis memory for the cache in bytes."""

    database: NotRequired[int]
    """The size of the tenant's database in bytes."""

    database_connections: NotRequired[int]
    """The number of connections of all database credentials together."""

    database_credentials: NotRequired[int]
    """The number of database credentials at one time."""

    requests_per_minute: int
    """The number of API calls per minute."""

    storage: int
    """The total size of files in bytes."""

    users: int
    """The number of users."""


Status: TypeAlias = Literal["provisioning", "active", "suspended", "deleting", "deleted"]
"""The state of a tenant."""


class TenantInfo(TypedDict):
    """A tenant in responses to its users."""

    admin_email: str

    created_at: str

    domain: str | None
    """The primary custom domain."""

    domains: list[str]
    """All custom domains."""

    id: str

    limits: Limits

    name: str

    plan: str

    settings: dict[str, Any]
    """Settings that the tenant's users can see."""

    slug: str

    status: Status

    updated_at: str


class Tenant(TenantInfo):
    """A tenant in responses to the operator."""

    private_settings: dict[str, Any]
    """Settings that only the operator can see."""


class FirstCredentials(TypedDict):
    """The first credentials of a new tenant. They are shown once, and again only for the same idempotency key."""

    api_key: str
    """The first API key."""

    setup_token: str | None
    """The token that sets the first administrator's password, if the request contained none."""


class CreatedTenant(Tenant, FirstCredentials):
    """CreatedTenant."""


class User(TypedDict):
    """A user in responses."""

    created_at: str
    """When the user was created."""

    custom_roles: list[str]
    """The ids of the roles of the tenant that the user has."""

    email: str
    """The e-mail address, with which the user signs in."""

    first_name: str | None
    """The first name."""

    groups: list[str]
    """The ids of the groups of the user."""

    id: str
    """The id of the user."""

    is_active: bool
    """Whether the user may sign in."""

    is_verified: bool
    """Whether the user has proved control of the e-mail address. A token that was sent to this address by mail is a proof. A setup token in a response is none."""

    last_login: str | None
    """When the user last signed in."""

    last_name: str | None
    """The last name."""

    public_metadata: dict[str, Any]
    """Data of the application about the user. The user and everyone with `users:read` see them."""

    role: Role
    """The built-in role. A user has the permissions of this role, of the custom roles and of the groups."""

    username: str | None
    """The username, unique in the tenant."""


class CreatedUser(User):
    """CreatedUser."""

    is_mailed: bool
    """Whether the service sends the setup token by mail."""

    setup_token: NotRequired[str | None]
    """The token that sets the user's password. Present if the request has no password and the service does not send the token by mail."""


class CustomRole(TypedDict):
    """A role that the tenant defines."""

    created_at: str
    """When the role was created."""

    description: str | None
    """The description for people."""

    id: str
    """The id."""

    name: str
    """The name, unique among the roles of the tenant."""

    permissions: Grants
    """The scopes and permissions that the role grants."""

    updated_at: str
    """When the role was last updated."""


DailyResource: TypeAlias = Literal["api_calls", "ai_requests"]
"""A resource that is limited per UTC day."""


class DataKey(TypedDict):
    """A tenant's newest data key."""

    key_number: int
    """The number of the key, starting at 1."""

    tenant_id: str


class DatabaseCredential(TypedDict):
    """A database credential, without its password."""

    access: Access

    api_key_id: str | None
    """The API key that requested it."""

    connections: int
    """The maximum number of connections at one time."""

    created_at: str

    expires_at: str

    id: str

    role: str
    """The name of the PostgreSQL role."""

    user_id: str | None
    """The user who requested it."""


Description: TypeAlias = str
"""A description for people: 1 to 200 characters on one line."""


Domain: TypeAlias = str
"""A domain name in its canonical form, which uniqueness is based on: lowercase A-labels without a trailing dot, at most 253 characters, and at least two labels."""


Domains: TypeAlias = list[Domain]
"""The custom domains in a request, without duplicates. The first one is the primary domain."""


EndTime: TypeAlias = str
"""A time in the future (RFC 3339)."""


FactorName: TypeAlias = str
"""The name of a second factor or a passkey: 1 to 100 characters on a single line."""


class EnrollmentBySignIn(TypedDict):
    """The enrolment that a sign-in needs."""

    challenge: str
    """The challenge of the sign-in."""

    name: FactorName
    """The name of the factor."""


Environment: TypeAlias = str
"""The environment of a key, such as `live` or `test`: 2 to 12 lower case letters."""


class Removed(TypedDict):
    """The numbers of objects that an erasure removed."""

    api_key_names: int
    """The API keys whose name contained a name of the person. They have another name."""

    audit_events: int
    """The events of the audit trail that have lost their address, user agent or name."""

    database_credentials: int
    """The database credentials that the user had requested."""

    mail_messages: int
    """The messages to the user."""

    sessions: int
    """The sessions."""

    tenant_contacts: int
    """1 if the person was the contact of the tenant. Another administrator is the contact now."""


class ErasureReceipt(TypedDict):
    """The receipt of an erasure."""

    erased_at: str
    """When the erasure was complete."""

    removed: Removed
    """The numbers of removed objects."""

    tenant: str
    """The tenant."""

    user: str
    """The user. Events of the audit trail keep this id."""


class Erasure(TypedDict):
    """A complete erasure."""

    event_id: str
    """The id of the event `user.erased` in the audit trail."""

    receipt: ErasureReceipt
    """The receipt, which the event contains."""

    sha256: str
    """The SHA-256 checksum of the receipt as JSON without spaces, with members in alphabetical order, in hexadecimal."""


ExportFormat: TypeAlias = Literal["csv", "ndjson"]
"""The format of a file."""


class ExportedApiKey(TypedDict):
    """An API key that a user created."""

    created_at: str

    expires_at: str | None

    id: str

    last_used_at: str | None

    name: str

    prefix: str
    """The first characters of the key."""

    revoked_at: str | None


class ExportedDevice(TypedDict):
    """A device with which a user signed in."""

    first_used_at: str
    """When the user signed in with it for the first time."""

    last_used_at: str
    """When the user signed in with it for the last time."""


class ExportedFile(TypedDict):
    """A file that a user uploaded."""

    content_type: str

    created_at: str

    path: str

    size: int
    """The size in bytes."""

    updated_at: str


class ExportedSession(TypedDict):
    """A session of a user."""

    address: str | None

    created_at: str

    ended_at: str | None
    """When it ended before its expiry."""

    ended_reason: str | None
    """Why it ended: `logout`, `logout_everywhere`, `reuse`, `password`, `admin`, `limit` or `second_factor`."""

    expires_at: str

    id: str

    last_used_at: str
    """When the session last received an access token."""

    user_agent: str | None


class ExportedToken(TypedDict):
    """A valid link or code that was mailed."""

    address: str
    """The address of the message."""

    expires_at: str

    purpose: str
    """The purpose, such as `address_change`."""


class MailMessage(TypedDict):
    """A message, without its token."""

    address: str
    """The address."""

    attempts: int
    """The number of attempts."""

    created_at: str
    """When the message was written."""

    ended_at: str | None
    """When it was sent or became dead."""

    expires_at: str
    """When its token expires."""

    failure: str | None
    """The reason why a dead message was not sent."""

    id: str
    """The id, which is also the `Message-ID`."""

    language: str
    """The language: `en` or `de`."""

    purpose: str
    """The reason, such as `invitation` or `sign_in`."""

    state: str
    """`waiting`, `sending`, `sent` or `dead`."""

    unanswered: int
    """The number of attempts without an answer: the message may have been sent."""

    user_id: str
    """The recipient."""


class Passkey(TypedDict):
    """A passkey of a user."""

    created_at: str
    """When it was registered."""

    id: str
    """The id."""

    is_backed_up: bool
    """Whether the authenticator has a copy elsewhere, such as in the account of a password manager."""

    last_used_at: str | None
    """When it was last used."""

    name: str
    """The name that the user gave it."""

    transports: list[str]
    """The ways to reach the authenticator, such as `internal` or `usb`."""


class SecondFactor(TypedDict):
    """A second factor of a user."""

    confirmed_at: str
    """When it was confirmed with a code."""

    id: str
    """The id."""

    last_used_at: str | None
    """When a code of it was last accepted."""

    name: str
    """The name that the user gave it."""


class ExportedUser(User):
    """A user with all stored properties."""

    devices: list[ExportedDevice]
    """The devices of the last sign-ins, the newest first. Only keyed hashes of programs and networks are stored."""

    has_password: bool
    """Whether the user has set a password."""

    mail_messages: list[MailMessage]
    """The messages of the last week and those that wait, without their tokens."""

    mailed_tokens: list[ExportedToken]
    """The valid links and codes that were mailed, without their secret values."""

    passkeys: list[Passkey]
    """The passkeys, without their keys."""

    private_metadata: dict[str, Any]
    """Data of the application about the user, which otherwise only operators see."""

    second_factors: list[SecondFactor]
    """The second factors, without their secrets."""

    setup_token_expires_at: str | None
    """When the current setup token expires; null if there is none."""

    updated_at: str


class FieldProblem(TypedDict):
    """FieldProblem."""

    field: str

    message: str


class FormerSlug(TypedDict):
    """A slug that a tenant had before it was renamed."""

    renamed_at: str
    """When the tenant was renamed."""

    slug: str
    """The slug. No other tenant can have it."""


Granularity: TypeAlias = Literal["day", "month"]
"""The period over which a history is aggregated."""


class Group(TypedDict):
    """A group of users. Each member has the roles of the group."""

    created_at: str
    """When the group was created."""

    description: str | None
    """The description for people."""

    id: str
    """The id."""

    name: str
    """The name, unique among the groups of the tenant."""

    roles: list[str]
    """The ids of the custom roles of each member."""

    updated_at: str
    """When the group was last updated."""


RoleName: TypeAlias = str
"""The name of a role or of a group: 1 to 64 characters on one line. The names of the built-in roles are refused."""


class GroupUpdate(TypedDict):
    """A change of a group. Omitted fields keep their values; null removes the description."""

    description: NotRequired[Description | None]
    """The new description."""

    name: NotRequired[RoleName | None]
    """The new name."""

    roles: NotRequired[list[str] | None]
    """The ids of all custom roles of each member."""


HealthStatus: TypeAlias = Literal["healthy", "degraded", "unhealthy"]
"""The health of the service."""


HistoryFormat: TypeAlias = Literal["json", "csv"]
"""The format of the response."""


IdempotencyKey: TypeAlias = str
"""An idempotency key of 1 to 255 characters, without control characters."""


class InactiveToken(TypedDict):
    """The result for an invalid token, without details."""

    active: Literal[False]


Introspection: TypeAlias = ActiveToken | InactiveToken
"""The result of an introspection (RFC 7662, section 2.2)."""


class Jwk(TypedDict):
    """A public key in the JWK format (RFC 7517, RFC 8037)."""

    alg: str

    crv: str

    kid: str

    kty: str

    use: str

    x: str


class JwkSet(TypedDict):
    """A set of keys (RFC 7517, section 5)."""

    keys: list[Jwk]


class LimitChange(TypedDict):
    """Limits in an update."""

    ai_requests: NotRequired[int | None]

    api_calls: NotRequired[int | None]

    cache: NotRequired[int | None]
    """The Redis memory for the cache in bytes. The default for a new plan is 64 MiB."""

    database: NotRequired[int | None]
    """The size of the tenant's database in bytes. The default for a new plan is 953674316 MiB."""

    database_connections: NotRequired[int | None]
    """The number of connections of all database credentials together. The default for a new plan is 50."""

    database_credentials: NotRequired[int | None]
    """The number of database credentials at one time. The default for a new plan is 10."""

    requests_per_minute: NotRequired[int | None]

    storage: NotRequired[int | None]
    """The total size of files in bytes."""

    users: NotRequired[int | None]


class Link(TypedDict):
    """A row of a chain, identified by its place and its MAC."""

    mac: str
    """The MAC of the row and of all previous rows, in hexadecimal."""

    sequence: int
    """The place, starting from 1."""


class Live(TypedDict):
    """Live."""

    status: HealthStatus


Password: TypeAlias = str
"""A password from a user, normalised to NFKC (NIST SP 800-63B-4, section 3.1.1.2). It is never printed."""


class Login(TypedDict):
    """The credentials of a user."""

    email: EmailAddress

    password: Password

    refresh_token: NotRequired[str | None]
    """A refresh token of an earlier session on this device, valid or not. With it, failed sign-ins from elsewhere do not delay this one."""


Logo: TypeAlias = str
"""The address of a picture, with HTTPS."""


class Logout(TypedDict):
    """The session to end."""

    refresh_token: NotRequired[str | None]
    """The refresh token of the session. The default is the session of the access token."""


class MailSettings(TypedDict):
    """The settings of a tenant for mail."""

    colour: str | None
    """The colour of links."""

    language: Language
    """The language of messages to users without a language of their own."""

    logo: str | None
    """The address of the logo."""

    new_device_notices: bool
    """Whether users get a notice after a sign-in with a device that is new to their account."""

    receiving_page: str | None
    """The page that receives a setup token, in the fragment `#token=`. Null for the page `set-password` of the service."""


class MailSettingsChange(TypedDict):
    """A change of the settings for mail. Absent fields stay unchanged, and null restores the default."""

    colour: NotRequired[Colour | None]
    """The colour of links."""

    language: NotRequired[Language | None]
    """The language of messages to users without a language of their own."""

    logo: NotRequired[Logo | None]
    """The address of the logo, with HTTPS."""

    new_device_notices: NotRequired[bool | None]
    """Whether users get a notice after a sign-in with a device that is new to their account."""

    receiving_page: NotRequired[str | None]
    """The page that receives setup tokens. It must be on the origin of `PUBLIC_URL`, on the tenant's subdomain, or on one of its domains."""


class MailedSignIn(TypedDict):
    """The response to a request for a sign-in by mail."""

    expires_in: int
    """The seconds for which the link and the code in the message are valid, if a message is sent."""

    request: str
    """The token of this request. Keep it in the browser: the code in the message is valid only with it."""


class MailedSignInConfirmation(TypedDict):
    """The proof of control of an address: the token of the link, or the code with the token of its request."""

    code: NotRequired[str | None]
    """The code in the message."""

    request: NotRequired[str | None]
    """The token of the request for the code."""

    token: NotRequired[str | None]
    """The token in the link of the message."""


class MailedSignInRequest(TypedDict):
    """The account of a sign-in by mail."""

    email: EmailAddress

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""


class MaintenanceReport(TypedDict):
    """The work that a maintenance call did."""

    anchored_audit_trails: int
    """The number of audit trails whose ends were anchored in the platform's trail, which happens once a day."""

    chained_audit_events: int
    """The number of audit events that were moved from an outbox to their trail."""

    ended_database_credentials: int
    """The number of database credentials whose roles were removed, because they had expired or their owner had ended."""

    expired_idempotency_keys: int
    """The number of expired idempotency keys that were removed."""

    expired_usage_reports: int
    """The number of expired usage reports that were removed."""

    failures: int
    """The number of tenants and tasks that failed. The log has the reasons."""

    finished_user_erasures: int
    """The number of erasures of users that were interrupted and are complete now."""

    forged_audit_events: int
    """The number of forged rows that were removed from outboxes. The platform's audit trail has the number for each tenant."""

    next_cursor: str | None
    """The cursor of the next call: pass it as the parameter `after`. Null when every tenant was processed."""

    published_addresses: int
    """The number of changes of verified addresses that the catalog did not have."""

    published_changes: int
    """The number of queued changes that were published to Redis."""

    removed_files: int
    """The number of files whose chunks were removed: deleted files, replaced files, and uploads without progress for ten minutes."""

    removed_mail_messages: int
    """The number of messages that were removed, because they were sent or became dead a week ago."""

    removed_orphans: int
    """The number of files of destroyed tenants whose chunks were removed."""

    tenants: int
    """The number of tenants whose files were processed."""


Metadata: TypeAlias = dict[str, Any]
"""A JSON object of at most 16 KiB."""


Networks: TypeAlias = list[str]
"""Networks from which a credential is accepted: 1 to 32, without duplicates."""


class NewApiKey(TypedDict):
    """A new API key."""

    environment: NotRequired[Environment]
    """The environment of the key. The default is `live`."""

    expires_at: NotRequired[EndTime | None]
    """When the key expires."""

    max_requests_per_day: NotRequired[CallLimit | None]
    """The maximum number of calls per UTC day."""

    max_requests_per_minute: NotRequired[CallLimit | None]
    """The maximum number of calls per minute."""

    name: KeyName
    """The name of the key."""

    scopes: Grants
    """The scopes of the key, and permissions that the tenant defines. The caller must hold each of them."""


class NewDatabaseCredential(TypedDict):
    """A new database credential."""

    access: NotRequired[Access]
    """The privileges on the schema `app`. The default is `write`."""

    connections: NotRequired[int]
    """The maximum number of connections at one time. The default is `5`."""

    expires_in: NotRequired[int]
    """The seconds until it expires. A credential that an API key creates expires with the key at the latest. The default is `3600`."""


class NewDatabaseCredentialView(DatabaseCredential):
    """A database credential with its password, which is shown only once."""

    database: str
    """The name of the database."""

    host: str

    password: str
    """The password of the role. Store it: it is not shown again."""

    port: int

    url: str
    """The connection URL. Names without a schema are in the schema `app`."""


class NewGroup(TypedDict):
    """A new group."""

    description: NotRequired[Description | None]
    """The description for people."""

    name: RoleName
    """The name, unique among the groups of the tenant."""

    roles: NotRequired[list[str]]
    """The ids of the custom roles of each member."""


OperatorScopes: TypeAlias = list[OperatorScope]
"""The scopes of an operator key in a request, without duplicates."""


class NewOperatorKey(TypedDict):
    """A new operator key."""

    allowed_networks: NotRequired[Networks | None]
    """The networks and addresses from which the key is accepted, or null for every network."""

    expires_at: NotRequired[EndTime | None]
    """The time at which the key expires, or null for a key that does not expire."""

    name: KeyName
    """The name in the audit trail. It must be unique."""

    scopes: OperatorScopes
    """The scopes of the key. An operator key can grant only scopes that it holds."""


class RegistrationResponse(TypedDict):
    """The result of `navigator.credentials.create()`: `JSON.stringify(credential)`. Other members are ignored."""

    id: str
    """The id of the credential in base64url."""

    response: AttestationResponse

    type: str
    """`public-key`."""


class NewPasskey(TypedDict):
    """A passkey to register."""

    credential: RegistrationResponse

    name: FactorName
    """The name of the passkey."""


NewPassword: TypeAlias = str
"""A new password that is not yet checked against the settings."""


class NewPermission(TypedDict):
    """A new permission of the tenant's application."""

    description: NotRequired[Description | None]
    """The description for people."""

    name: Permission
    """The name. It must not begin like a scope of Tenancy."""


PlanName: TypeAlias = str
"""The name of a plan: 1 to 40 lowercase letters, digits, hyphens and underscores, starting with a letter."""


class NewPlan(TypedDict):
    """A new plan."""

    is_default: NotRequired[bool]
    """Whether the plan becomes the default for new tenants, instead of the current default. The default is `false`."""

    limits: Limits
    """All limits of the plan."""

    name: PlanName


class NewRole(TypedDict):
    """A new role."""

    description: NotRequired[Description | None]
    """The description for people."""

    name: RoleName
    """The name, unique among the roles of the tenant."""

    permissions: Grants
    """The scopes and permissions that the role grants. The caller must hold each of them."""


class NewSecondFactor(TypedDict):
    """A second factor to set up."""

    name: FactorName
    """The name of the factor."""


TenantName: TypeAlias = str
"""A display name: 1 to 200 characters on a single line, without surrounding space."""


TenantSettings: TypeAlias = dict[str, Any]
"""Settings of a tenant: a JSON object of at most 16 KiB."""


Slug: TypeAlias = str
"""A slug: 2 to 56 lowercase letters, digits and single hyphens between them, and not a reserved word."""


class NewTenant(TypedDict):
    """A new tenant."""

    admin_email: EmailAddress

    admin_password: NotRequired[NewPassword | None]

    domain: NotRequired[Domain | None]
    """The custom domain."""

    domains: NotRequired[Domains | None]
    """All custom domains, primary domain first. Use this field instead of `domain`."""

    name: TenantName

    plan: NotRequired[str | None]

    private_settings: NotRequired[TenantSettings]
    """Settings that only the operator can read."""

    settings: NotRequired[TenantSettings]
    """Settings that the tenant's users can read."""

    slug: NotRequired[Slug | None]


PersonName: TypeAlias = str
"""A first or last name: 1 to 100 characters on a single line."""


Username: TypeAlias = str
"""A username: 1 to 64 letters, digits and `. _ -`."""


class NewUser(TypedDict):
    """A new user."""

    custom_roles: NotRequired[list[str]]
    """The ids of the roles of the tenant that the user gets."""

    email: EmailAddress

    first_name: NotRequired[PersonName | None]

    groups: NotRequired[list[str]]
    """The ids of the groups of the user."""

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""

    last_name: NotRequired[PersonName | None]

    password: NotRequired[NewPassword | None]

    public_metadata: NotRequired[dict[str, Any]]

    role: NotRequired[Role]
    """The default is `user`."""

    send_mail: NotRequired[bool]
    """Whether the service sends the setup token by mail, if the operator has set up mail. Otherwise the response contains it. The default is `true`."""

    username: NotRequired[Username | None]


class OperatorKeyPage(TypedDict):
    """A page of a list."""

    items: list[OperatorKey]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class OperatorKeyRotation(TypedDict):
    """The rotation of a key."""

    overlap_seconds: NotRequired[Overlap]
    """The number of seconds for which the previous secret stays valid, at most 30 days. The default is `0`."""


class OperatorKeyUpdate(TypedDict):
    """An update of an operator key. Absent fields keep their values."""

    allowed_networks: NotRequired[Networks | None]
    """The networks and addresses from which the key is accepted. Null allows every network."""

    expires_at: NotRequired[EndTime | None]
    """The time at which the key expires. Null removes the expiry."""

    name: NotRequired[KeyName | None]
    """The name in the audit trail. It must be unique."""

    scopes: NotRequired[OperatorScopes | None]
    """The complete new list of scopes."""


class OperatorUserView(User):
    """A user in responses to the operator."""

    private_metadata: dict[str, Any]
    """Data of the application about the user, which only operators see."""


OtherTenants: TypeAlias = list[str]
"""The ids of tenants, without duplicates."""


class PageApplicationPermission(TypedDict):
    """A page of a list."""

    items: list[ApplicationPermission]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PageCustomRole(TypedDict):
    """A page of a list."""

    items: list[CustomRole]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PageDatabaseCredential(TypedDict):
    """A page of a list."""

    items: list[DatabaseCredential]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PageFormerSlug(TypedDict):
    """A page of a list."""

    items: list[FormerSlug]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PageGroup(TypedDict):
    """A page of a list."""

    items: list[Group]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PageOperatorUserView(TypedDict):
    """A page of a list."""

    items: list[OperatorUserView]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PasskeyAlgorithm(TypedDict):
    """An algorithm."""

    alg: int
    """The number in COSE: -7 for ES256, -8 for Ed25519, -257 for RS256."""

    type: str


class PasskeyAnswer(TypedDict):
    """The response of an authenticator in the second step of a sign-in."""

    challenge: str
    """The challenge of the sign-in."""

    credential: AuthenticationResponse


class PasskeyDescriptor(TypedDict):
    """A passkey in options."""

    id: str
    """The id of the credential in base64url."""

    transports: list[str]
    """The ways to reach the authenticator."""

    type: str


class PasskeyDomain(TypedDict):
    """The relying party."""

    id: str
    """The RP ID."""

    name: str
    """The name of the tenant."""


class PasskeyUser(TypedDict):
    """The user, as the authenticator shows it."""

    displayName: str
    """The first and the last name, or the e-mail address."""

    id: str
    """An opaque value that identifies the user, in base64url."""

    name: str
    """The e-mail address."""


class PublicKeyCreationOptions(TypedDict):
    """The options of `navigator.credentials.create()`."""

    attestation: str
    """`none`."""

    authenticatorSelection: AuthenticatorSelection

    challenge: str
    """The challenge in base64url."""

    excludeCredentials: list[PasskeyDescriptor]
    """The passkeys that the user has."""

    pubKeyCredParams: list[PasskeyAlgorithm]
    """The accepted algorithms, the preferred one first."""

    rp: PasskeyDomain

    timeout: int
    """The milliseconds for which the browser waits."""

    user: PasskeyUser


class PasskeyCreation(TypedDict):
    """The options of a registration."""

    expires_in: int
    """The seconds until the challenge expires."""

    public_key: PublicKeyCreationOptions
    """For `PublicKeyCredential.parseCreationOptionsFromJSON()`."""


class PasskeyEnrollment(TypedDict):
    """The passkey that a sign-in needs."""

    challenge: str
    """The challenge of the sign-in."""

    credential: RegistrationResponse

    name: FactorName
    """The name of the passkey."""


class PasskeyName(TypedDict):
    """The name of a passkey."""

    name: FactorName
    """The name."""


class PasskeyProof(TypedDict):
    """A new proof of identity with a passkey."""

    credential: AuthenticationResponse


class PublicKeyRequestOptions(TypedDict):
    """The options of `navigator.credentials.get()`."""

    allowCredentials: list[PasskeyDescriptor]
    """The passkeys of the user. The array is empty for a sign-in, in which the person chooses one."""

    challenge: str
    """The challenge in base64url."""

    rpId: str
    """The RP ID."""

    timeout: int
    """The milliseconds for which the browser waits."""

    userVerification: str
    """`required`."""


class PasskeyRequest(TypedDict):
    """The options of an authentication."""

    expires_in: int
    """The seconds until the challenge expires."""

    public_key: PublicKeyRequestOptions
    """For `PublicKeyCredential.parseRequestOptionsFromJSON()`."""


class PasskeyResponse(TypedDict):
    """The response of an authenticator."""

    credential: AuthenticationResponse


class PasskeySecondFactor(TypedDict):
    """A sign-in that waits for its second factor."""

    challenge: str
    """The challenge of the sign-in."""


class Passkeys(TypedDict):
    """The passkeys of a user."""

    items: list[Passkey]
    """The passkeys, the oldest first. There are at most ten."""


class PasswordChange(TypedDict):
    """A change of the password."""

    current_password: Password

    new_password: NewPassword


class PasswordRecovery(TypedDict):
    """The response to a request for a new password."""

    expires_in: int
    """The seconds for which the link in the message is valid, if a message is sent."""


class PasswordRecoveryConfirmation(TypedDict):
    """A new password for a forgotten one."""

    new_password: NewPassword

    token: str
    """The token in the link of the message."""


class PasswordRecoveryRequest(TypedDict):
    """The account of a forgotten password."""

    email: EmailAddress

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""


class PasswordReset(TypedDict):
    """The token that sets a new password."""

    expires_at: str

    is_mailed: bool
    """Whether the service sends the setup token by mail."""

    setup_token: str | None
    """The token for `POST /api/v1/auth/setup`. It is valid once, and only this response contains it. Absent if the service sends it by mail."""


class PasswordResetRequest(TypedDict):
    """How the setup token reaches the user."""

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""

    send_mail: NotRequired[bool]
    """Whether the service sends the setup token by mail, if the operator has set up mail. Otherwise the response contains it. The default is `true`."""


class PendingChange(TypedDict):
    """A change that takes effect as soon as Redis is reachable."""

    takes_effect_by: str


class PersonTenant(TypedDict):
    """A tenant of a person."""

    id: str
    """The id."""

    name: str
    """The name."""

    slug: str
    """The slug."""


class PersonalData(TypedDict):
    """The personal data of a user, without secrets and hashes."""

    api_keys: list[ExportedApiKey]
    """The API keys that the user created, including revoked ones, newest first."""

    audit_events: list[LoggedEvent]
    """The audit events that the user caused or that are about the user, newest first. They include all sign-ins. Addresses and user agents of other people are left out."""

    database_credentials: list[DatabaseCredential]
    """The database credentials that the user requested and that are still stored."""

    files: list[ExportedFile]
    """The existing files that the user uploaded, without their contents, newest first."""

    generated_at: str
    """When the export began."""

    is_tenant_contact: bool
    """Whether the user's address is the contact of the tenant."""

    sessions: list[ExportedSession]
    """The sessions, including ended ones that are still stored, newest first."""

    user: ExportedUser


class Plan(TypedDict):
    """A plan."""

    created_at: str
    """When the plan was created."""

    is_default: bool
    """Whether a new tenant gets this plan by default."""

    limits: Limits
    """The limits of the plan's tenants, unless a tenant has its own."""

    name: str
    """The plan's name."""

    tenant_count: int
    """The number of tenants on the plan."""

    updated_at: str
    """When the plan was last updated."""


class PlanPage(TypedDict):
    """A page of a list."""

    items: list[Plan]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class PlanUpdate(TypedDict):
    """A change of a plan. Omitted fields keep their values."""

    is_default: NotRequired[bool | None]
    """`true` makes the plan the default, instead of the current default."""

    limits: NotRequired[LimitChange | None]


PolicyRoles: TypeAlias = list[Role]
"""Roles, without duplicates."""


Resource: TypeAlias = Literal["api_calls", "ai_requests", "storage", "users", "database"]
"""A resource that a tenant's plan limits."""


class Problem(TypedDict):
    """An error (RFC 9457)."""

    challenge: NotRequired[str | None]
    """For a sign-in that needs a second factor: the token that continues it."""

    code: Literal[
        "address_not_verified",
        "administrator_required",
        "api_key_not_found",
        "authentication_required",
        "body_incomplete",
        "body_too_large",
        "body_too_slow",
        "cache_entry_not_found",
        "database_credential_not_found",
        "database_limit_reached",
        "domain_taken",
        "email_taken",
        "file_not_found",
        "forbidden",
        "former_slug_not_found",
        "group_name_taken",
        "group_not_found",
        "idempotency_key_reused",
        "illegal_transition",
        "internal_error",
        "invalid_admin_key",
        "invalid_api_key",
        "invalid_challenge",
        "invalid_client",
        "invalid_credentials",
        "invalid_gateway_key",
        "invalid_header",
        "invalid_json",
        "invalid_mailed_token",
        "invalid_operator_key",
        "invalid_passkey",
        "invalid_refresh_token",
        "invalid_request",
        "invalid_second_factor",
        "invalid_setup_token",
        "invalid_token",
        "last_admin",
        "mail_not_configured",
        "mailed_sign_in_disabled",
        "method_not_allowed",
        "misconfigured",
        "network_not_allowed",
        "operator_key_name_taken",
        "operator_key_not_found",
        "passkey_not_found",
        "passkey_taken",
        "passkeys_not_configured",
        "permission_in_use",
        "permission_not_found",
        "permission_taken",
        "plan_in_use",
        "plan_not_found",
        "plan_taken",
        "precondition_failed",
        "quota_exceeded",
        "range_not_satisfiable",
        "rate_limited",
        "recent_sign_in_required",
        "role_name_taken",
        "role_not_found",
        "route_not_found",
        "scope_not_held",
        "second_factor_enrollment_required",
        "second_factor_not_found",
        "second_factor_required",
        "session_not_found",
        "slug_taken",
        "stronger_api_key",
        "switching_not_allowed",
        "tenant_deleted",
        "tenant_mismatch",
        "tenant_not_found",
        "tenant_required",
        "tenant_suspended",
        "token_expired",
        "token_revoked",
        "too_many_address_changes",
        "too_many_api_keys",
        "too_many_attempts",
        "too_many_operator_keys",
        "too_many_passkeys",
        "too_many_roles",
        "too_many_second_factors",
        "unavailable",
        "unsupported_content_coding",
        "unsupported_media_type",
        "unsupported_token_type",
        "user_not_found",
        "user_required",
        "username_taken",
        "validation_failed",
    ]
    """The stable code for programs."""

    detail: str
    """An explanation of this occurrence."""

    error: NotRequired[str | None]
    """For OAuth endpoints: the error code of RFC 6749."""

    errors: NotRequired[list[FieldProblem]]
    """The invalid fields."""

    expires_in: NotRequired[int | None]
    """For a sign-in that needs a second factor: the seconds until the challenge expires."""

    limit: NotRequired[int | None]
    """For a quota: the limit of the tenant."""

    request_id: str
    """The id of the request, which is also in the log."""

    resource: NotRequired[Resource | None]
    """For a quota: the resource."""

    second_factors: NotRequired[list[str]]
    """For a sign-in that needs a second factor: the kinds that the user has, `one_time_password` or `passkey`."""

    status: int

    title: str
    """A short summary of the problem type."""

    type: str

    usage: NotRequired[int | None]
    """For a quota: the current usage of the tenant."""


class ProfileUpdate(TypedDict):
    """A change of the caller's profile. Omitted fields keep their values; null removes a name."""

    first_name: NotRequired[PersonName | None]

    last_name: NotRequired[PersonName | None]

    username: NotRequired[Username | None]


class RecentSignIn(TypedDict):
    """A new proof of identity."""

    code: NotRequired[str | None]
    """The six digits that the authenticator shows, or a recovery code. It is required for a user with a second factor."""

    password: NotRequired[Password | None]
    """The password. It is required for a user without a second factor."""


class RecoveryCodes(TypedDict):
    """The recovery codes of a user."""

    recovery_codes: list[str]
    """The codes. Only this response contains them."""


class Refresh(TypedDict):
    """The refresh token of a session."""

    refresh_token: str


class RegisteredPasskey(TypedDict):
    """The result of a registration."""

    id: str
    """The id of the passkey."""

    recovery_codes: list[str] | None
    """The codes that replace a lost factor, each once. They are null if the user has unused ones from an earlier factor. Only this response contains them."""


class RelatedOrigins(TypedDict):
    """The origins that may use the passkeys of a domain (WebAuthn level 3, section 5.11)."""

    origins: list[str]
    """The origins of the pages of the tenant. The array is empty for a host that is not the domain of passkeys of a tenant."""


class Report(TypedDict):
    """The health of the service and of each store. The report contains no secrets: the reason for an outage is in the log."""

    catalog: Check
    """The catalog in PostgreSQL. If it is unavailable, nothing new can be stored."""

    key_value: Check
    """The key-value store. If it is unavailable, files are unavailable."""

    redis: Check
    """Redis. If it is unavailable, requests are slower."""

    settings: NotRequired[list[str]]
    """Settings that prevent the service from running."""

    status: HealthStatus
    """The health of the whole service."""


class Usage(TypedDict):
    """The usage of a resource."""

    allowed: bool
    """Whether the tenant may use more of the resource."""

    current_usage: int
    """The usage of today for daily resources, and the current usage for others."""

    limit: int
    """The limit."""

    percentage_used: float
    """The usage as a percentage of the limit."""

    remaining: int
    """The remaining amount."""

    resource_type: Resource
    """The resource."""


class ReportedUsage(Usage):
    """The result of a usage report."""

    amount: int
    """The amount that this report added."""

    day: str
    """The day of the usage, in UTC."""


class RequestedTenantList(TypedDict):
    """The response to a request for the tenants of an address."""

    expires_in: int
    """The seconds for which the link in the message is valid, if a message is sent."""


class RequestedVerification(TypedDict):
    """The response to a request to verify the own address."""

    expires_in: int
    """The seconds for which the link in the message is valid."""

    is_mailed: bool
    """Whether a message is sent. It is not sent if the address is verified, if the user has three valid links, or after five messages in an hour."""


class RestoredAddress(TypedDict):
    """The response to an objection."""

    expires_in: int
    """The seconds for which the link for a new password is valid, which is sent to the restored address."""


class RoleUpdate(TypedDict):
    """A change of a role. Omitted fields keep their values; null removes the description."""

    description: NotRequired[Description | None]
    """The new description."""

    name: NotRequired[RoleName | None]
    """The new name."""

    permissions: NotRequired[Grants | None]
    """All scopes and permissions that the role grants. The caller must hold each of them, and each of the former ones."""


class Root(TypedDict):
    """Root."""

    health: str

    name: str

    version: str


class SecondFactorAnswer(TypedDict):
    """The answer to a challenge."""

    challenge: str
    """The challenge of the sign-in."""

    code: str
    """The six digits that the authenticator shows, or a recovery code."""


class SecondFactorCode(TypedDict):
    """The first code of a factor."""

    code: str
    """The six digits that the authenticator shows."""


class SecondFactorEnrollment(TypedDict):
    """A factor that waits for its first code."""

    id: str
    """The id of the factor."""

    secret: str
    """The secret in base32, for typing. Only this response contains it."""

    uri: str
    """The `otpauth` URI, for a QR code."""


class SecondFactors(TypedDict):
    """The second factors of a user."""

    items: list[SecondFactor]
    """The factors, the oldest first. There are at most five."""

    recovery_codes: int
    """The number of unused recovery codes."""


class SecurityPolicy(TypedDict):
    """The rules of a tenant for sign-ins. A null rule is that of the service."""

    allowed_networks: list[str] | None
    """The networks in which users sign in and refresh sessions; null for every network."""

    mailed_sign_in: bool
    """Whether users can sign in with a link or a code that is sent by mail."""

    max_sessions: int | None
    """The maximum number of sessions of a user. The oldest one ends when another one begins."""

    passkey_domain: str | None
    """The domain of the tenant that passkeys belong to (the RP ID); null for the domain of the service."""

    password_min_length: int | None
    """The minimum length of a new password in characters."""

    recent_sign_in_minutes: int | None
    """The minutes for which a sign-in allows destructive changes; null for the lifetime of the session."""

    reject_breached_passwords: bool
    """Whether a new password is refused that is known from a data breach. If the list of these passwords does not respond within 300 ms, the password is accepted."""

    second_factor_grace_days: int
    """The days of grace after a change of the roles, or after the creation of a user."""

    second_factor_roles: list[Role]
    """The roles whose users need a second factor. After the days of grace, a user without one must set it up to sign in."""

    session_idle_minutes: int | None
    """The minutes after which a session ends if it is not refreshed."""

    session_lifetime_minutes: int | None
    """The minutes after which a session cannot be refreshed any longer."""


class SecurityPolicyChange(TypedDict):
    """A change of the rules for sign-ins. Absent fields stay unchanged, and null restores the rule of the service."""

    allowed_networks: NotRequired[Networks | None]
    """The networks in which users sign in and refresh sessions. They must include your own address."""

    mailed_sign_in: NotRequired[bool | None]
    """Whether users can sign in with a link or a code that is sent by mail."""

    max_sessions: NotRequired[int | None]
    """The maximum number of sessions of a user. The oldest one ends when another one begins."""

    passkey_domain: NotRequired[Domain | None]
    """The domain of passkeys, which must be one of the domains of the tenant. After a change, earlier passkeys cannot be used."""

    password_min_length: NotRequired[int | None]
    """The minimum length of a new password in characters."""

    recent_sign_in_minutes: NotRequired[int | None]
    """The minutes for which a sign-in allows destructive changes; null for the lifetime of the session."""

    reject_breached_passwords: NotRequired[bool | None]
    """Whether a new password is refused that is known from a data breach. The operator must have set up the list of these passwords."""

    second_factor_grace_days: NotRequired[int | None]
    """The days of grace after this change of the roles, or after the creation of a user."""

    second_factor_roles: NotRequired[PolicyRoles | None]
    """The roles whose users need a second factor."""

    session_idle_minutes: NotRequired[int | None]
    """The minutes after which a session ends if it is not refreshed."""

    session_lifetime_minutes: NotRequired[int | None]
    """The minutes after which a session cannot be refreshed any longer."""


class Session(TypedDict):
    """A session of a user."""

    address: str | None
    """The client's address at the sign-in."""

    created_at: str
    """When the session began."""

    expires_at: str
    """When the session expires if it is not used."""

    id: str
    """The id of the session."""

    is_current: bool
    """Whether the request belongs to this session."""

    last_used_at: str
    """When the session last received an access token."""

    user_agent: str | None
    """The client's user agent at the sign-in."""


class SessionPage(TypedDict):
    """A page of a list."""

    items: list[Session]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class Setup(TypedDict):
    """The first password of a user."""

    password: NewPassword

    setup_token: str


Severity: TypeAlias = Literal["info", "warning", "critical"]
"""The severity of an event."""


class SignedIn(TypedDict):
    """The response to a sign-in."""

    access_token: str
    """The access token. Send it with each request as `Authorization: Bearer`."""

    expires_in: int
    """The lifetime of the access token in seconds."""

    recovery_codes: NotRequired[list[str] | None]
    """The recovery codes of the user, if this sign-in has set up the first second factor. Only this response contains them."""

    refresh_token: str
    """The refresh token, which can be used once to get the next access token."""

    token_type: str

    user: User


class Stats(TypedDict):
    """Statistics of a tenant."""

    api_key_count: int

    file_count: int

    limits: Limits

    plan: str

    slug: str

    status: Status

    tenant_id: str

    usage: Amounts
    """The current usage. For calls and AI requests, the usage of today."""

    user_count: int


class StoredFile(TypedDict):
    """A file."""

    content_type: str

    etag: str
    """The entity tag of this version, for `If-Match` and `If-None-Match`."""

    path: str

    size: int
    """The size in bytes."""

    updated_at: str


class StoredFilePage(TypedDict):
    """A page of files."""

    items: list[StoredFile]

    next_cursor: str | None
    """The cursor of the next page, or null on the last page."""


class SwitchTargets(TypedDict):
    """The tenants to which the caller can switch."""

    tenants: list[PersonTenant]
    """The tenants, by name. At most 100."""


class SwitchingTenants(TypedDict):
    """The tenants that a tenant names."""

    tenants: list[str]
    """The ids of the tenants. Switching is possible if they also name this tenant."""


class SwitchingTenantsReplacement(TypedDict):
    """The tenants to name for switching."""

    tenants: OtherTenants
    """The ids of the tenants. They need not exist."""


class TenantList(TypedDict):
    """The tenants of a person."""

    tenants: list[PersonTenant]
    """The active tenants in which an active user has verified the address, by name. At most 100."""


class TenantListConfirmation(TypedDict):
    """The proof of control of an address."""

    token: str
    """The token in the link of the message."""


class TenantListRequest(TypedDict):
    """The address of a person."""

    email: EmailAddress

    language: NotRequired[Language | None]
    """The language of the message. The default is that of a tenant of the person."""


class TenantPage(TypedDict):
    """A page of a list."""

    items: list[Tenant]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class TenantRename(TypedDict):
    """The new slug of a tenant."""

    slug: Slug


class TenantSwitch(TypedDict):
    """A switch to another tenant."""

    tenant: str
    """The id of the other tenant."""


class TenantUpdate(TypedDict):
    """A change of a tenant. Omitted fields keep their values."""

    admin_email: NotRequired[EmailAddress | None]

    domain: NotRequired[Domain | None]
    """The only custom domain. Null removes all custom domains."""

    domains: NotRequired[Domains | None]
    """All custom domains, primary domain first."""

    limits: NotRequired[LimitChange | None]

    name: NotRequired[TenantName | None]

    plan: NotRequired[str | None]

    private_settings: NotRequired[TenantSettings | None]
    """Settings that only the operator can read."""

    settings: NotRequired[TenantSettings | None]
    """Settings that the tenant's users can read."""

    status: NotRequired[Status | None]
    """`active`, `suspended` or `deleted`."""


class UsageOfAll(TypedDict):
    """The usage of all resources."""

    items: list[Usage]


TenantUsage: TypeAlias = Usage | UsageOfAll
"""The usage of one resource or of all resources."""


class Token(TypedDict):
    """A token (RFC 7662, section 2.1)."""

    token: str
    """An access token, a refresh token or an API key."""

    token_type_hint: NotRequired[str | None]
    """The likely type of the token. The endpoint also detects the type without a hint."""


class UsageRecord(TypedDict):
    """The usage of a tenant in a day or a month."""

    amount: int
    """The amount: the sum of daily counts, and the maximum of quantities that exist at one time."""

    period: str
    """The day as `2030-01-31`, or the month as `2030-01`."""

    resource_type: str
    """The resource."""

    tenant_id: str
    """The tenant."""

    tenant_slug: str
    """The tenant's slug."""


class UsageRecordPage(TypedDict):
    """A page of a list."""

    items: list[UsageRecord]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class UsageReport(TypedDict):
    """Consumption of the tenant's quota, reported by another service."""

    amount: NotRequired[int]
    """The default is `1`."""

    idempotency_key: NotRequired[IdempotencyKey | None]
    """The idempotency key of the report. Reports with the same key are added only once. The header `Idempotency-Key` is equivalent."""

    resource_type: DailyResource


class UserMetadataUpdate(TypedDict):
    """A change of the metadata of a user. Omitted fields keep their values."""

    private_metadata: NotRequired[Metadata | None]
    """Members of the private metadata to replace. Null removes a member; the other members stay."""

    public_metadata: NotRequired[Metadata | None]
    """Members of the public metadata to replace. Null removes a member; the other members stay."""


class UserPage(TypedDict):
    """A page of a list."""

    items: list[User]
    """The items on the page."""

    limit: int
    """The maximum number of items on the page."""

    offset: int
    """The number of items before the page."""

    total: int
    """The total number of items."""


class UserUpdate(TypedDict):
    """A change of a user. Omitted fields keep their values; null removes a name."""

    custom_roles: NotRequired[list[str] | None]
    """The ids of all roles of the tenant that the user has after the change."""

    email: NotRequired[EmailAddress | None]

    first_name: NotRequired[PersonName | None]

    groups: NotRequired[list[str] | None]
    """The ids of all groups of the user after the change."""

    is_active: NotRequired[bool | None]
    """`false` deactivates the user and ends all of their sessions."""

    last_name: NotRequired[PersonName | None]

    public_metadata: NotRequired[Metadata | None]
    """Members of the public metadata to replace. Null removes a member; the other members stay."""

    role: NotRequired[Role | None]

    username: NotRequired[Username | None]


class Verification(TypedDict):
    """The result of verifying a chain."""

    anchor: Link | None
    """The row after which the verification began, if older rows were dropped."""

    broken_at: int | None
    """The first place with an error."""

    checkpoint: Link | None
    """The row after which the verification began, if an earlier verification found all rows up to it unchanged. Trails of up to 10,000 rows are always verified from their beginning, and longer ones with `full=true`."""

    complete: bool
    """Whether the verification reached the end. A long trail takes several calls: the next call continues from here."""

    head: Link | None
    """The end of the chain. Store it: if a later trail does not contain it, rows were removed."""

    reason: str | None
    """The error at that place."""

    valid: bool
    """Whether every row is present, in its place and unchanged."""

    verified: int
    """The number of valid rows."""

    vouched: Link | None
    """The last row that a former master key may have chained. The rows up to it are verified by a digest, which `tenantctl reseal` has sealed with the current key."""


class VerificationConfirmation(TypedDict):
    """The proof of control of an address."""

    token: str
    """The token in the link of the message."""


class VerificationRequest(TypedDict):
    """A request to verify the own address."""

    language: NotRequired[Language | None]
    """The language of the message. The default is that of the tenant."""


class Verified(TypedDict):
    """The identity of the caller."""

    api_key_id: str | None
    """The id of the API key, if the caller is an API key."""

    scopes: Grants

    tenant_id: str

    tenant_slug: str

    user_id: str | None
    """The id of the user, if the caller is a user."""

    user_role: Role | None
    """The role of the user, if the caller is a user."""
