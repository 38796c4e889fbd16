//! The declaration of an endpoint. The router, the access checks, the OpenAPI document and the access matrix of the
//! tests follow from it.

use futures::future::LocalBoxFuture;
use http::Method;
use tenancy::{
    Result,
    access::{OperatorScope, Scope},
    session::Age,
};

use crate::{Authority, Call, Response};

/// Checks the access of a caller and handles the call.
pub type Handler = Box<dyn Fn(Call) -> LocalBoxFuture<'static, Result<Response>>>;

/// The access that an endpoint requires of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anyone, without a credential.
    Public,
    /// An operator key with this scope. `ADMIN_API_KEY` has every scope.
    Operator(OperatorScope),
    /// Any valid credential of a tenant.
    Authenticated,
    /// A user or an API key of a tenant with this scope.
    Member(Scope),
    /// A user of a tenant with this scope. API keys are not accepted, because the endpoint concerns one user's
    /// account.
    User(Scope),
}

/// An endpoint. [`endpoint!`](crate::endpoint) declares it.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path. A parameter in braces matches one segment, and `{*name}` matches the rest of the path.
    pub path: &'static str,
    /// The access that it requires.
    pub access: Access,
    /// The authority that the handler receives, if the endpoint changes objects within limits that depend on the caller.
    pub authority: Option<Authority>,
    /// Whether calls count against the limits of the tenant.
    pub is_metered: bool,
    /// The age of a user's sign-in that calls accept; `None` for any age. API keys have no sign-in.
    pub recent_sign_in: Option<Age>,
    /// Whether a client may authenticate by HTTP Basic (RFC 6749, section 2.3.1).
    pub takes_client_authentication: bool,
    /// Returns the response to a preflight. Present if every method is handled like GET, because gateways send the
    /// method of the caller.
    pub preflight: Option<fn() -> Response>,
    /// The description in the OpenAPI document; `None` if OpenAPI cannot describe the endpoint.
    #[cfg(not(target_family = "wasm"))]
    pub documentation: Option<Documentation>,
    /// Returns the handler with the check of the access; see [`crate::guard`].
    pub handler: fn(&'static Endpoint) -> Handler,
}

/// The description of an endpoint in the OpenAPI document.
#[cfg(not(target_family = "wasm"))]
pub struct Documentation {
    /// The name of the operation in generated clients. It is part of the public interface: do not change it.
    pub operation_id: &'static str,
    /// Whether the response can be 202, because Redis must receive the change; see `tenancy::version_cache`.
    pub may_be_pending: bool,
    /// The codes of problems by status, in addition to those of every endpoint with the same access.
    pub problems: &'static [(u16, &'static [&'static str])],
    /// The headers of a successful response, in addition to those of every endpoint.
    pub headers: &'static [&'static str],
    /// Returns the parameters, the bodies and the summary.
    pub openapi: fn() -> utoipa::openapi::OpenApi,
}

impl Endpoint {
    /// Exempts calls from the limits of the tenant, because they end a session, a key or a user, or change a password.
    #[doc(hidden)]
    #[must_use]
    pub const fn unmetered(mut self) -> Self {
        self.is_metered = false;
        self
    }

    /// Requires that a calling user has proved their identity in the last ten minutes.
    #[doc(hidden)]
    #[must_use]
    pub const fn recent_sign_in(mut self) -> Self {
        self.recent_sign_in = Some(Age::TenMinutes);
        self
    }

    /// Requires that a calling user has proved their identity as recently as the rules of the tenant say.
    #[doc(hidden)]
    #[must_use]
    pub const fn destructive(mut self) -> Self {
        self.recent_sign_in = Some(Age::OfPolicy);
        self
    }

    /// Allows a client to authenticate by HTTP Basic.
    #[doc(hidden)]
    #[must_use]
    pub const fn client_authentication(mut self) -> Self {
        self.takes_client_authentication = true;
        self
    }

    /// Handles every method like GET, and returns this response to a preflight.
    #[doc(hidden)]
    #[must_use]
    pub const fn any_method(mut self, preflight: fn() -> Response) -> Self {
        self.preflight = Some(preflight);
        self
    }

    /// Documents that the response can be 202.
    #[doc(hidden)]
    #[must_use]
    #[cfg_attr(target_family = "wasm", expect(unused_mut, reason = "wasm has no documentation"))]
    pub const fn pending(mut self) -> Self {
        #[cfg(not(target_family = "wasm"))]
        if let Some(documentation) = &mut self.documentation {
            documentation.may_be_pending = true;
        }
        self
    }
}

/// Declares an endpoint as a constant.
///
/// ```text
/// web::endpoint! {
///     /// Creates a user in the caller's tenant.
///     ENDPOINT: POST "/api/v1/users" => handler,
///     access: Member(UsersWrite),
///     authority: Users,
///     operation_id: "createUser",
///     problems: [(409, &["email_taken", "username_taken"])],
///     headers: ["Location"],
///     openapi: (
///         tag = "Users",
///         request_body = Request,
///         responses((status = 201, description = "The user.", body = Created)),
///     ),
/// }
///
/// async fn handler(mut member: Member, authority: Authority) -> Result<Response> { … }
/// ```
///
/// - `access` is a variant of [`Access`], which determines the parameter of the handler: [`Call`](crate::Call) for
///   `Public`, [`Operator`](crate::Operator) for `Operator`, and [`Member`](crate::Member) otherwise.
/// - `authority`, after `access`: a variant of [`Authority`], which determines the second parameter of the handler. It
///   can be omitted.
/// - `options`, after `authority`: `unmetered()`, `recent_sign_in()`, `destructive()`, `client_authentication()`, `pending()` and `any_method(preflight)`; see
///   the methods of [`Endpoint`].
/// - `problems` and `headers` can be omitted.
/// - `openapi` has the arguments of `#[utoipa::path]` without method and path. An endpoint that OpenAPI cannot describe
///   ends after its options.
#[macro_export]
macro_rules! endpoint {
    ($(#[$doc:meta])* $name:ident: GET $($rest:tt)*) => {
        $crate::endpoint! { @declare get GET [$(#[$doc])*] $name $($rest)* }
    };
    ($(#[$doc:meta])* $name:ident: POST $($rest:tt)*) => {
        $crate::endpoint! { @declare post POST [$(#[$doc])*] $name $($rest)* }
    };
    ($(#[$doc:meta])* $name:ident: PUT $($rest:tt)*) => {
        $crate::endpoint! { @declare put PUT [$(#[$doc])*] $name $($rest)* }
    };
    ($(#[$doc:meta])* $name:ident: PATCH $($rest:tt)*) => {
        $crate::endpoint! { @declare patch PATCH [$(#[$doc])*] $name $($rest)* }
    };
    ($(#[$doc:meta])* $name:ident: DELETE $($rest:tt)*) => {
        $crate::endpoint! { @declare delete DELETE [$(#[$doc])*] $name $($rest)* }
    };
    (
        @declare $verb:ident $method:ident [$(#[$doc:meta])*] $name:ident $path:tt => $handler:path,
        access: $access:ident $(($scope:ident))?,
        $(authority: $authority:ident,)?
        $(options: [$($option:ident($($argument:path)?)),+],)?
        operation_id: $operation_id:literal,
        $(problems: [$($problem:expr),+ $(,)?],)?
        $(headers: [$($header:literal),+ $(,)?],)?
        openapi: ($($openapi:tt)*),
    ) => {
        pub(crate) const $name: $crate::Endpoint = {
            $(#[$doc])*
            #[utoipa::path($verb, path = $path, operation_id = $operation_id, $($openapi)*)]
            #[allow(dead_code, reason = "it only holds the description")]
            fn describe() {}

            #[cfg(not(target_family = "wasm"))]
            #[derive(utoipa::OpenApi)]
            #[openapi(paths(describe))]
            struct Described;

            $crate::Endpoint {
                method: $crate::Method::$method,
                path: $path,
                access: $crate::endpoint!(@access $access $($scope)?),
                authority: $crate::endpoint!(@authority $($authority)?),
                is_metered: true,
                recent_sign_in: None,
                takes_client_authentication: false,
                preflight: None,
                #[cfg(not(target_family = "wasm"))]
                documentation: Some($crate::Documentation {
                    operation_id: $operation_id,
                    may_be_pending: false,
                    problems: &[$($($problem),+)?],
                    headers: &[$($($header),+)?],
                    openapi: <Described as utoipa::OpenApi>::openapi,
                }),
                handler: $crate::endpoint!(@guard $access $($authority)?: $handler),
            }
            $($(.$option($($argument)?))+)?
        };
    };
    (
        @declare $verb:ident $method:ident [$(#[$doc:meta])*] $name:ident $path:tt => $handler:path,
        access: $access:ident $(($scope:ident))?,
        $(options: [$($option:ident($($argument:path)?)),+],)?
    ) => {
        $(#[$doc])*
        pub(crate) const $name: $crate::Endpoint = $crate::Endpoint {
            method: $crate::Method::$method,
            path: $path,
            access: $crate::endpoint!(@access $access $($scope)?),
            authority: None,
            is_metered: true,
            recent_sign_in: None,
            takes_client_authentication: false,
            preflight: None,
            #[cfg(not(target_family = "wasm"))]
            documentation: None,
            handler: $crate::endpoint!(@guard $access: $handler),
        }
        $($(.$option($($argument)?))+)?;
    };
    (@access Public) => { $crate::Access::Public };
    (@access Authenticated) => { $crate::Access::Authenticated };
    (@access Operator $scope:ident) => { $crate::Access::Operator($crate::OperatorScope::$scope) };
    (@access Member $scope:ident) => { $crate::Access::Member($crate::Scope::$scope) };
    (@access User $scope:ident) => { $crate::Access::User($crate::Scope::$scope) };
    (@authority) => { None };
    (@authority $authority:ident) => { Some($crate::Authority::$authority) };
    (@guard Public: $handler:path) => { |endpoint| $crate::guard::public(endpoint, $handler) };
    (@guard Operator: $handler:path) => { |endpoint| $crate::guard::operator(endpoint, $handler) };
    (@guard Operator $authority:ident: $handler:path) => {
        |endpoint| $crate::guard::operator_with::<$crate::authority::types::$authority, _>(endpoint, $handler)
    };
    (@guard $access:ident: $handler:path) => { |endpoint| $crate::guard::member(endpoint, $handler) };
    (@guard $access:ident $authority:ident: $handler:path) => {
        |endpoint| $crate::guard::member_with::<$crate::authority::types::$authority, _>(endpoint, $handler)
    };
}
