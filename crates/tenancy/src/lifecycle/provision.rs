//! The provisioning of a tenant.
//!
//! Provisioning is crash-safe. The first statement reserves all names and stores the sealed secrets. Each later step
//! can be repeated. The last step is one statement: it activates the tenant, creates its API key, and stores the
//! response for the idempotency key. A crash between two steps leaves a tenant in `provisioning`. Repeating the request
//! or running `tenantctl repair` finishes it.

use platform::sql::Connection;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    access::Scope,
    api_key::{ApiKey, Environment},
    context::Context,
    credential::{Allowance, Password, Passwords},
    crypto::{Fingerprints, Purpose, Sealed},
    database_location::DatabaseTemplate,
    error::{Error, Result},
    event::{Actor, Entry, Event, name},
    identifier::{Domain, EmailAddress, Slug},
    json::JsonText,
    lifecycle::{
        creation::{self, Activation, FirstApiKey, Reservation, Reserved},
        databases,
        manage::check_domain,
    },
    limiter::Limiter,
    metrics::Timer,
    tenant::{
        Operation, TenantDb, TenantName, TenantRecord, TenantSettings, cluster, database, repo,
    },
    token::SetupToken,
    user::repo::credentials,
    version_cache::Change,
};

/// The number of tenants that an instance provisions concurrently.
const AT_ONCE: u32 = 4;

/// The provisionings of an instance.
struct Provisionings(Limiter);

impl Default for Provisionings {
    fn default() -> Self {
        Self(Limiter::new("provisionings", AT_ONCE))
    }
}

/// The tenant that an operator requests.
pub struct NewTenant {
    /// The display name.
    pub name: TenantName,
    /// The e-mail address of the first administrator.
    pub admin_email: EmailAddress,
    /// The slug. If it is absent, it is derived from the name.
    pub slug: Option<Slug>,
    /// The custom domains, the primary one first.
    pub domains: Vec<Domain>,
    /// Settings that the tenant's users can see.
    pub settings: TenantSettings,
    /// Settings that only the operator can see.
    pub private_settings: TenantSettings,
    /// The plan, or the default plan if absent.
    pub plan: Option<String>,
    /// The password of the first administrator. If it is absent, a setup token is created.
    pub admin_password: Option<Password>,
}

/// A provisioned tenant with the credentials that are shown once.
pub struct Provisioned {
    /// The tenant.
    pub tenant: TenantRecord,
    /// The first credentials.
    pub credentials: FirstCredentials,
    /// Whether this is a replay of an earlier response.
    pub is_replay: bool,
}

/// The first credentials of a new tenant. They are shown once, and again only for the same idempotency key.
#[derive(Serialize, Deserialize, utoipa::ToSchema)]
pub struct FirstCredentials {
    /// The first API key.
    pub api_key: String,
    /// The token that sets the first administrator's password, if the request contained none.
    pub setup_token: Option<String>,
}

/// Creates a tenant: its database, role, keys and first administrator.
///
/// Repeating an interrupted request continues it. With an idempotency key, a repeated request also returns the same
/// response if only the response was lost.
///
/// # Errors
/// [`Error::Taken`] for a slug or a domain, [`Error::InvalidFields`] for an unknown plan,
/// [`Error::IdempotencyKeyReused`], and [`Error::Unavailable`] if a store is unavailable.
pub async fn provision(
    context: &Context,
    new: &NewTenant,
    idempotency_key: Option<&str>,
    actor: &Actor,
) -> Result<Provisioned> {
    for domain in &new.domains {
        check_domain(context, domain, "domain")?;
    }
    let _slot = context.state::<Provisionings>().0.enter(&*context.platform.executor).await?;
    let start = context.platform.clock.monotonic_micros();
    let provisioned = provision_now(context, new, idempotency_key, actor).await?;
    if !provisioned.is_replay {
        let micros = context.platform.clock.monotonic_micros().saturating_sub(start);
        context.counters.time(Timer::Provisioning, micros);
    }
    Ok(provisioned)
}

async fn provision_now(
    context: &Context,
    new: &NewTenant,
    idempotency_key: Option<&str>,
    actor: &Actor,
) -> Result<Provisioned> {
    let request = Request {
        context,
        catalog: &*context.catalog().await?,
        new,
        fingerprints: fingerprints(context, new)?,
        idempotency_key,
        actor,
    };
    if let Some(provisioned) = request.recall().await? {
        return Ok(provisioned);
    }
    for slug in candidates(context, new) {
        if let Some(provisioned) = request.create(slug).await? {
            return Ok(provisioned);
        }
        // A concurrent call with the same key may have created the tenant or may be creating it.
        if let Some(provisioned) = request.recall().await? {
            return Ok(provisioned);
        }
    }
    Err(Error::Taken { field: "slug", code: "slug_taken" })
}

/// Returns the tenant that [`provision`] would create, in the state `provisioning`. Reserves its names, which the dry run
/// rolls back, so that the same checks decide.
///
/// # Errors
/// [`Error::Taken`], [`Error::InvalidFields`], and [`Error::Internal`] outside of a dry run.
pub async fn rehearse(context: &Context, new: &NewTenant, actor: &Actor) -> Result<TenantRecord> {
    if !context.is_dry_run() {
        return Err(Error::internal("the names of a tenant would stay reserved"));
    }
    for domain in &new.domains {
        check_domain(context, domain, "domain")?;
    }
    let request = Request {
        context,
        catalog: &*context.catalog().await?,
        new,
        fingerprints: fingerprints(context, new)?,
        idempotency_key: None,
        actor,
    };
    let template = cluster::place(context).await?;
    for slug in candidates(context, new) {
        let reservation = reservation(&request, slug, &template)?;
        if let Some(record) = request.reserve(&reservation).await? {
            return Ok(record);
        }
    }
    Err(Error::Taken { field: "slug", code: "slug_taken" })
}

/// Returns the slugs that a tenant may get, the preferred one first.
fn candidates<'a>(context: &'a Context, new: &'a NewTenant) -> Box<dyn Iterator<Item = Slug> + 'a> {
    match &new.slug {
        Some(slug) => Box::new(std::iter::once(slug.clone())),
        None => Box::new(Slug::candidates(new.name.as_str(), &*context.platform.random)),
    }
}

/// Finishes an interrupted provisioning. The first administrator gets a setup token, because the password from the
/// request is no longer known.
///
/// Returns `None` if another call has finished it.
pub async fn finish(context: &Context, tenant: Uuid) -> Result<Option<Provisioned>> {
    let catalog = context.catalog().await?;
    match repo::find(&*catalog, tenant).await? {
        Some(record) if record.status.check(Operation::FinishProvisioning).is_ok() => {
            complete(context, &*catalog, record, None, None, &Actor::system()).await
        }
        _ => Ok(None),
    }
}

/// A request for a tenant that is in progress.
struct Request<'a> {
    context: &'a Context,
    catalog: &'a dyn Connection,
    new: &'a NewTenant,
    fingerprints: Fingerprints,
    idempotency_key: Option<&'a str>,
    actor: &'a Actor,
}

impl Request<'_> {
    /// Returns the earlier response for the idempotency key, or finishes its tenant. Returns `None` without a key, or
    /// if the key is new.
    async fn recall(&self) -> Result<Option<Provisioned>> {
        let Some(key) = self.idempotency_key else { return Ok(None) };
        // The second iteration finds the response of a call that finished during the first.
        for _ in 0..2 {
            let Some(remembered) = creation::find_creation(self.catalog, key).await? else {
                return Ok(None);
            };
            if !self.fingerprints.contain(&remembered.request_hash) {
                return Err(Error::IdempotencyKeyReused);
            }
            let tenant = repo::find(self.catalog, remembered.tenant).await?.ok_or_else(|| {
                Error::internal("the tenant of an idempotency key does not exist")
            })?;
            if let Some(answer) = remembered.answer {
                return replay(self.context, tenant, &answer).map(Some);
            }
            if let Some(provisioned) = self.complete(tenant).await? {
                return Ok(Some(provisioned));
            }
        }
        Err(Error::internal("the idempotency key of an active tenant has no stored response"))
    }

    /// Creates a tenant with this slug, or continues an unfinished one from the same request. Returns `None` if the
    /// slug belongs to another tenant or another call was faster.
    async fn create(&self, slug: Slug) -> Result<Option<Provisioned>> {
        let template = cluster::place(self.context).await?;
        let reservation = reservation(self, slug, &template)?;
        match self.reserve(&reservation).await? {
            Some(record) => self.complete(record).await,
            None => Ok(None),
        }
    }

    /// Reserves the names of a tenant, or finds the unfinished one from the same request. Returns `None` if the slug
    /// belongs to another tenant or another call was faster.
    async fn reserve(&self, reservation: &Reservation) -> Result<Option<TenantRecord>> {
        match creation::reserve(self.catalog, reservation).await? {
            Reserved::Yes => repo::find(self.catalog, reservation.id).await,
            Reserved::SlugTaken => {
                creation::find_unfinished(self.catalog, &reservation.slug, &self.fingerprints).await
            }
            Reserved::IdempotencyKeyUsed => Ok(None),
        }
    }

    async fn complete(&self, record: TenantRecord) -> Result<Option<Provisioned>> {
        let Self { context, catalog, new, idempotency_key, actor, .. } = self;
        let password = new.admin_password.as_ref();
        complete(context, *catalog, record, password, *idempotency_key, actor).await
    }
}

fn reservation(
    request: &Request<'_>,
    slug: Slug,
    template: &DatabaseTemplate,
) -> Result<Reservation> {
    let Request { context, new, fingerprints, idempotency_key, .. } = request;
    let random = &*context.platform.random;
    let id = random.uuid(context.platform.clock.now());
    let location = template.location(id, &slug);
    // The role name is based on the id instead of the slug, so that two installations on one cluster never conflict.
    let database_role = format!("tenant_{}", id.simple());
    Ok(Reservation {
        id,
        slug,
        name: new.name.as_str().to_owned(),
        admin_email: new.admin_email.as_str().to_owned(),
        domains: new.domains.clone(),
        settings: new.settings.json().clone(),
        private_settings: new.private_settings.json().clone(),
        plan: new.plan.clone(),
        secrets: database::SealedSecrets {
            database_password: database::seal_new_password(context, id, &location, &database_role)?,
            data_key: context.master_key.seal(
                Purpose::DataKey,
                id,
                &random.bytes::<32>(),
                random,
            )?,
        },
        location,
        database_role,
        request_hash: fingerprints.current(),
        idempotency_key: idempotency_key.map(str::to_owned),
    })
}

/// Returns the fingerprints that identify a repeated request.
fn fingerprints(context: &Context, new: &NewTenant) -> Result<Fingerprints> {
    let request = (
        new.name.as_str(),
        new.admin_email.as_str(),
        new.slug.as_ref().map(Slug::as_str),
        &new.domains,
        new.settings.json(),
        &new.plan,
        new.admin_password.as_ref().map(Password::expose),
    );
    let mut text = serde_json::to_vec(&request).map_err(Error::internal)?;
    // A request without private settings has the same fingerprint as in versions without this field.
    let private = new.private_settings.json();
    if *private != JsonText::default() {
        text.extend_from_slice(private.as_str().as_bytes());
    }
    context.master_key.fingerprints(&text)
}

/// Runs the steps after the reservation. Returns `None` if another call was faster.
async fn complete(
    context: &Context,
    catalog: &dyn Connection,
    record: TenantRecord,
    admin_password: Option<&Password>,
    idempotency_key: Option<&str>,
    actor: &Actor,
) -> Result<Option<Provisioned>> {
    databases::create_database(context, &record).await?;
    let setup_token = create_administrator(context, &record, admin_password).await?;
    let random = &*context.platform.random;
    let api_key = FirstApiKey {
        id: random.uuid(context.platform.clock.now()),
        name: "First key",
        key: ApiKey::generate(record.id, Environment::live(), random),
        scopes: Scope::ALL.iter().map(|scope| scope.as_str().to_owned()).collect(),
    };
    let credentials = FirstCredentials { api_key: api_key.key.expose().to_owned(), setup_token };
    let answer = serde_json::to_vec(&credentials).map_err(Error::internal)?;
    let answer = context.master_key.seal(Purpose::IdempotentAnswer, record.id, &answer, random)?;
    let event = Event::new(name::TENANT_CREATED).about("tenant", record.id).detail(
        serde_json::json!({ "slug": record.slug, "plan": record.plan, "api_key": api_key.id }),
    );
    let entry = Entry::new(context, Some(record.id), actor, event);
    let activation = Activation {
        tenant: record.id,
        api_key: &api_key,
        answer: &answer,
        idempotency_key,
        entry: &entry,
    };
    let publication = Change::begin(context);
    if !creation::activate(catalog, &activation).await? {
        return Ok(None);
    }
    let tenant = repo::find(catalog, record.id)
        .await?
        .ok_or_else(|| Error::internal("a tenant was removed while it was being provisioned"))?;
    // A change of the tenant or of its plan during the creation has published the earlier state.
    publication.current(&tenant).await?;
    let _ = publication.finish().await;
    Ok(Some(Provisioned { tenant, credentials, is_replay: false }))
}

fn replay(context: &Context, tenant: TenantRecord, answer: &Sealed) -> Result<Provisioned> {
    let answer = context.master_key.open(Purpose::IdempotentAnswer, tenant.id, answer)?;
    let credentials = serde_json::from_slice(&answer).map_err(Error::internal)?;
    Ok(Provisioned { tenant, credentials, is_replay: true })
}

/// Creates the first administrator, and a setup token if the request has no password.
async fn create_administrator(
    context: &Context,
    record: &TenantRecord,
    password: Option<&Password>,
) -> Result<Option<String>> {
    let token = match password {
        Some(_) => None,
        None => Some(SetupToken::new(
            record.id,
            record.data_keys(context)?.first_setup_secret(&record.admin_email)?,
        )),
    };
    let hash = match password {
        Some(password) => Some(
            context.state::<Passwords>().hash(context, &Allowance::of_platform(), password).await?,
        ),
        None => None,
    };
    let database = TenantDb::connect_to(context, record).await?;
    credentials::put_first_administrator(
        &database,
        &credentials::FirstAdministrator {
            id: context.platform.random.uuid(context.platform.clock.now()),
            email: &record.admin_email,
            password_hash: hash,
            setup_token: token.as_ref().map(|token| credentials::SetupToken {
                hash: token.hash(),
                expires_at: context.platform.clock.now() + context.settings.setup_token_lifetime,
            }),
        },
    )
    .await?;
    Ok(token.map(|token| token.expose()))
}
