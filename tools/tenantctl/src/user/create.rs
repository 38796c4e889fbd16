//! `tenantctl user create`

use anyhow::Result;
use serde_json::{Value, json};
use tenancy::{
    access::Role,
    credential::NewPassword,
    identifier::EmailAddress,
    metadata::Metadata,
    user::{self, Authority, GrantedIds, NewUser, PersonName, Username},
};

use crate::{
    change::{Change, DryRun},
    environment, find, output,
    values::{self, Request},
};

/// The options of `user create`.
#[derive(clap::Args)]
pub struct Arguments {
    /// The slug or the id of the tenant.
    tenant: String,
    /// The e-mail address.
    email: String,
    /// The role: admin, user or viewer.
    #[arg(long, default_value = "user")]
    role: String,
    /// The username.
    #[arg(long)]
    username: Option<String>,
    /// The first name.
    #[arg(long)]
    first_name: Option<String>,
    /// The last name.
    #[arg(long)]
    last_name: Option<String>,
    /// What the application keeps about the user and the user sees: a JSON object, or @FILE.
    #[arg(long)]
    public_metadata: Option<String>,
    /// Reads the password from standard input. The default is a setup token.
    #[arg(long)]
    password_stdin: bool,
    /// Sends the setup token by mail instead of printing it, if `MAIL_TRANSPORT` is set.
    #[arg(long)]
    send_mail: bool,
    #[command(flatten)]
    dry_run: DryRun,
}

tenancy::fields! {
    struct CreateRequest {
        email: EmailAddress,
        password: Option<NewPassword>,
        username: Option<Username>,
        first_name: Option<PersonName>,
        last_name: Option<PersonName>,
        role: Role,
        public_metadata: Metadata = Metadata::default(),
    }
}

/// Creates the user.
pub(super) async fn run(arguments: &Arguments) -> Result<()> {
    let password = values::password(arguments.password_stdin)?;
    let request: CreateRequest = Request::default()
        .with_text("email", Some(&arguments.email))
        .with_text("password", password.as_deref())
        .with_text("username", arguments.username.as_deref())
        .with_text("first_name", arguments.first_name.as_deref())
        .with_text("last_name", arguments.last_name.as_deref())
        .with_text("role", Some(&arguments.role))
        .with_json("public_metadata", arguments.public_metadata.as_deref())?
        .read()?;
    let context = environment::context_for(arguments.dry_run.dry_run)?;
    let tenant = find::managed_tenant(&context, &arguments.tenant).await?;
    let password = request
        .password
        .map(|password| password.accept(&context.settings, "password"))
        .transpose()?;
    let new = NewUser {
        email: request.email,
        username: request.username,
        first_name: request.first_name,
        last_name: request.last_name,
        role: Authority::unbounded().grant(request.role)?,
        custom_roles: GrantedIds::default(),
        groups: GrantedIds::default(),
        public_metadata: request.public_metadata,
        // The hash of a password takes time, and a dry run does not need it.
        password: password.filter(|_| !context.is_dry_run()),
        posting: super::posting(arguments.send_mail),
    };
    let created = user::create(&context, &tenant, new, &environment::actor()).await?;
    let mut shown = super::view(&created.user)?;
    if context.is_dry_run() {
        // The id of the user is chosen again.
        shown["id"] = Value::Null;
        let change = Change {
            action: "create",
            object: "user",
            name: created.user.email.clone(),
            before: None,
            after: Some(shown),
        };
        return change.report_dry_run(&context, None).await;
    }
    if let Some(token) = created.setup_token {
        shown["setup_token"] = json!(token.expose());
    }
    if arguments.send_mail {
        shown["is_mailed"] = json!(created.is_mailed);
    }
    output::object(&shown)
}
