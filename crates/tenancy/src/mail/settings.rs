//! How messages to the users of a tenant look, and where their links lead.

use std::rc::Rc;

use platform::sql::{Row, Statement};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

use super::{
    link::{self, ReceivingPage},
    template::{Brand, Colour, Language, Logo, Purpose},
};
use crate::{
    audit,
    context::Context,
    error::{Error, Result},
    event::{Actor, Entry, Event, Severity, name, outbox},
    field::Text as _,
    input::Patch,
    tenant::{Tenant, TenantDb, TenantRecord},
};

/// The settings of a tenant for mail.
#[derive(Debug, Serialize, ToSchema)]
pub struct MailSettings {
    /// The page that receives a setup token, in the fragment `#token=`. Null for the page `set-password` of the service.
    pub receiving_page: Option<String>,
    /// The language of messages to users without a language of their own.
    pub language: Language,
    /// The address of the logo.
    pub logo: Option<String>,
    /// The colour of links.
    pub colour: Option<String>,
    /// Whether users get a notice after a sign-in with a device that is new to their account.
    pub new_device_notices: bool,
}

crate::fields! {
    /// A change of the settings for mail. Absent fields stay unchanged, and null restores the default.
    #[derive(ToSchema)]
    #[schema(as = MailSettingsChange)]
    pub struct SettingsChange {
        /// The page that receives setup tokens. It must be on the origin of `PUBLIC_URL`, on the tenant's subdomain, or
        /// on one of its domains.
        #[schema(value_type = Option<String>, format = "uri", max_length = 2048)]
        pub receiving_page: Patch<String>,
        /// The language of messages to users without a language of their own.
        #[schema(value_type = Option<Language>)]
        pub language: Option<Language>,
        /// The address of the logo, with HTTPS.
        #[schema(value_type = Option<Logo>)]
        pub logo: Patch<Logo>,
        /// The colour of links.
        #[schema(value_type = Option<Colour>)]
        pub colour: Patch<Colour>,
        /// Whether users get a notice after a sign-in with a device that is new to their account.
        pub new_device_notices: Option<bool>,
    }
}

const COLUMNS: &str = "receiving_page, language, logo, colour, new_device_notices";

/// Returns the settings.
pub async fn get(context: &Context, tenant: &Tenant) -> Result<MailSettings> {
    read_from(&TenantDb::connect(context, tenant).await?).await
}

pub(super) async fn read_from(database: &TenantDb) -> Result<MailSettings> {
    let statement = format!("SELECT {COLUMNS} FROM mail_settings");
    read(database.connection().query_first(&statement, &[]).await?)
}

fn read(row: Option<Row>) -> Result<MailSettings> {
    let row = row.ok_or_else(|| Error::internal("the tenant has no settings for mail"))?;
    let language = Language::parse(&row.get::<String>("language")?);
    Ok(MailSettings {
        receiving_page: row.get("receiving_page")?,
        language: language
            .map_err(|_| Error::internal("the settings for mail have an unknown language"))?,
        logo: row.get("logo")?,
        colour: row.get("colour")?,
        new_device_notices: row.get("new_device_notices")?,
    })
}

/// Changes the settings. Absent ones stay unchanged.
///
/// # Errors
/// [`Error::InvalidFields`] for a page that is not on a domain of the tenant.
pub async fn change(
    context: &Rc<Context>,
    tenant: &Tenant,
    change: &SettingsChange,
    actor: &Actor,
) -> Result<MailSettings> {
    let page = match &change.receiving_page {
        Patch::Set(page) => {
            let origins = link::origins(&context.settings, tenant);
            let page = ReceivingPage::parse(page, &origins);
            Some(page.map_err(|problem| Error::invalid_field("receiving_page", problem))?)
        }
        Patch::Keep | Patch::Clear => None,
    };
    let event = Event::new(name::MAIL_SETTINGS_CHANGED).severity(Severity::Warning);
    let entry = Entry::new(context, Some(tenant.id), actor, event);
    let statement = format!(
        "WITH changed AS (
             UPDATE mail_settings SET
                 receiving_page = CASE WHEN :has_page::boolean THEN :page::text ELSE receiving_page END,
                 language = COALESCE(:language::text, language),
                 logo = CASE WHEN :has_logo::boolean THEN :logo::text ELSE logo END,
                 colour = CASE WHEN :has_colour::boolean THEN :colour::text ELSE colour END,
                 new_device_notices = COALESCE(:new_device_notices::boolean, new_device_notices)
             RETURNING *
         ), {}
         SELECT {COLUMNS} FROM changed",
        outbox::recorded_if("changed")
    );
    let statement = Statement::new(statement)
        .bind("has_page", change.receiving_page.is_given())
        .bind("page", page.as_ref().map(ReceivingPage::as_str))
        .bind("language", change.language.map(Language::tag))
        .bind("has_logo", change.logo.is_given())
        .bind("logo", change.logo.as_ref().into_option().map(Logo::as_str))
        .bind("has_colour", change.colour.is_given())
        .bind("colour", change.colour.as_ref().into_option().map(Colour::as_str))
        .bind("new_device_notices", change.new_device_notices)
        .bind_all(outbox::bindings(&entry));
    let database = TenantDb::connect(context, tenant).await?;
    let settings = read(statement.query_first(database.connection()).await?)?;
    audit::flush_later(context, tenant);
    Ok(settings)
}

impl MailSettings {
    /// Returns the page that receives the tokens of a purpose, whose page has this name. Setup tokens lead to the page of
    /// the tenant. Other tokens lead to a fixed path on its origin, and those of the service to a page of the service. A
    /// page that is no longer on a domain of the tenant receives no token.
    ///
    /// # Errors
    /// [`Error::Internal`] if the service has no `PUBLIC_URL`, which a transport requires.
    pub(super) fn page(
        &self,
        context: &Context,
        tenant: &TenantRecord,
        purpose: Purpose,
        name: &str,
    ) -> Result<ReceivingPage> {
        let origins = link::origins(&context.settings, tenant);
        let own = self.receiving_page.as_deref().filter(|_| !purpose.is_of_service());
        if let Some(page) = own.and_then(|page| ReceivingPage::parse(page, &origins).ok()) {
            return Ok(if purpose.is_setup() { page } else { page.beside(name) });
        }
        let public = context.settings.public_url.as_ref();
        let public = public.ok_or_else(|| Error::internal("mail has no PUBLIC_URL"))?;
        Ok(ReceivingPage::of_service(public, name))
    }

    /// Returns how messages of a purpose look.
    pub(super) fn brand(
        &self,
        context: &Context,
        tenant: &TenantRecord,
        purpose: Purpose,
    ) -> Brand {
        if purpose.is_of_service() {
            let public = context.settings.public_url.as_ref();
            let name = public.and_then(Url::host_str).unwrap_or_default().to_owned();
            return Brand { name, logo: None, colour: None };
        }
        Brand {
            name: tenant.name.clone(),
            logo: self.logo.as_deref().and_then(|logo| Logo::parse(logo).ok()),
            colour: self.colour.as_deref().and_then(|colour| Colour::parse(colour).ok()),
        }
    }
}
