//! The response to a request whose tenant ended while the request ran.
//!
//! A tenant that is destroyed takes its database along. A request that was admitted just before finds a connection
//! that breaks or a database that does not exist, which looks like an outage. It gets the response that the next
//! request of the same caller gets.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    error::{Error, Unauthenticated},
    tenancy::Tenancy,
    tenant::{Status, repo},
};

/// How long the look at the tenant's state may take: the request has failed already.
const LOOK_DEADLINE: Duration = Duration::from_secs(1);

/// How a request named its tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// By an access token.
    AccessToken,
    /// By an API key.
    ApiKey,
    /// By a refresh token.
    RefreshToken,
    /// By a setup token.
    SetupToken,
    /// By its address, without a credential.
    Address,
    /// By its id, as the operator.
    Operator,
}

/// Returns the error that the state of the tenant explains, or the failure itself.
pub(super) async fn explain(
    tenancy: &Tenancy,
    concerned: Option<(Uuid, Means)>,
    failure: Error,
) -> Error {
    let (Some((tenant, means)), Error::Unavailable { .. } | Error::Internal(_)) =
        (concerned, &failure)
    else {
        return failure;
    };
    let found = async { repo::find(&*tenancy.catalog_within(LOOK_DEADLINE).await?, tenant).await };
    match found.await {
        Ok(record) => of_status(record.map(|record| record.status), means).unwrap_or(failure),
        Err(_) => failure,
    }
}

/// Returns the error that a tenant in this state gives; `None` when it takes requests.
fn of_status(status: Option<Status>, means: Means) -> Option<Error> {
    let unknown = match means {
        Means::AccessToken => Error::Unauthenticated(Unauthenticated::RevokedToken),
        Means::ApiKey => Error::Unauthenticated(Unauthenticated::InvalidApiKey),
        Means::RefreshToken => Error::InvalidRefreshToken,
        Means::SetupToken => Error::InvalidSetupToken,
        Means::Address => Error::InvalidCredentials,
        Means::Operator => Error::TenantNotFound,
    };
    match status {
        Some(Status::Active | Status::Provisioning) => None,
        Some(Status::Suspended) => match means {
            Means::Operator => None,
            Means::SetupToken | Means::Address => Some(unknown),
            _ => Some(Error::TenantSuspended),
        },
        Some(Status::Deleting | Status::Deleted) => match means {
            Means::SetupToken | Means::Address => Some(unknown),
            _ => Some(Error::TenantDeleted),
        },
        None => Some(unknown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ended_tenant_explains_a_failure() {
        let of = |status, means| of_status(status, means).map(|error| error.to_string());
        let text = |error: Error| Some(error.to_string());
        assert_eq!(of(Some(Status::Active), Means::ApiKey), None);
        assert_eq!(of(Some(Status::Suspended), Means::AccessToken), text(Error::TenantSuspended));
        assert_eq!(of(Some(Status::Deleting), Means::ApiKey), text(Error::TenantDeleted));
        for status in [Status::Suspended, Status::Deleting, Status::Deleted] {
            assert_eq!(of(Some(status), Means::Address), text(Error::InvalidCredentials));
        }
        assert_eq!(of(Some(Status::Deleted), Means::SetupToken), text(Error::InvalidSetupToken));
        assert_eq!(of(None, Means::RefreshToken), text(Error::InvalidRefreshToken));
        assert_eq!(of(None, Means::Operator), text(Error::TenantNotFound));
    }
}
