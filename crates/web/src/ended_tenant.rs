//! The response to a request whose tenant was suspended, deleted or destroyed while the request ran.
//!
//! Destroying a tenant drops its database. A request that was admitted just before then fails with a broken connection
//! or a missing database, which looks like an outage. It gets the response that the caller's next request would get.

use std::time::Duration;

use tenancy::{
    Context, Error,
    error::{AccountError, PasskeyError, SecondFactorError, Unauthenticated},
    tenant::{Status, repo},
};
use uuid::Uuid;

use super::Means;

/// The time limit for reading the tenant's state after a failure.
const LOOK_DEADLINE: Duration = Duration::from_secs(1);

/// Returns the error that explains the failure by the tenant's state, or the failure itself.
pub(super) async fn explain(
    context: &Context,
    concerned: Option<(Uuid, Means)>,
    failure: Error,
) -> Error {
    let (Some((tenant, means)), Error::Unavailable { .. } | Error::Internal(_)) =
        (concerned, &failure)
    else {
        return failure;
    };
    let found = async { repo::find(&*context.catalog_within(LOOK_DEADLINE).await?, tenant).await };
    match found.await {
        Ok(record) => of_status(record.map(|record| record.status), means).unwrap_or(failure),
        Err(_) => failure,
    }
}

/// Returns the error for a tenant in this state, or `None` if the tenant accepts requests.
fn of_status(status: Option<Status>, means: Means) -> Option<Error> {
    let unknown = match means {
        Means::AccessToken => Error::Unauthenticated(Unauthenticated::RevokedToken),
        Means::ApiKey => Error::Unauthenticated(Unauthenticated::InvalidApiKey),
        Means::RefreshToken => Error::InvalidRefreshToken,
        Means::SetupToken => Error::InvalidSetupToken,
        Means::MailedToken => AccountError::InvalidToken.into(),
        Means::Challenge => SecondFactorError::InvalidChallenge.into(),
        Means::Address => Error::InvalidCredentials,
        Means::AddressForPasskey => PasskeyError::Invalid.into(),
        Means::Operator => Error::TenantNotFound,
    };
    match status {
        Some(Status::Active | Status::Provisioning) => None,
        Some(Status::Suspended) => match means {
            Means::Operator => None,
            Means::SetupToken
            | Means::MailedToken
            | Means::Challenge
            | Means::Address
            | Means::AddressForPasskey => Some(unknown),
            _ => Some(Error::TenantSuspended),
        },
        Some(Status::Deleting | Status::Deleted) => match means {
            Means::SetupToken
            | Means::MailedToken
            | Means::Challenge
            | Means::Address
            | Means::AddressForPasskey => Some(unknown),
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
