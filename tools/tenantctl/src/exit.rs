//! Exit codes and error messages. `docs/tenantctl.md` lists the codes.

use std::{fmt, process::ExitCode};

use serde_json::{Value, json};
use tenancy::{Error, lifecycle::clusters::Problem};
use web::problem;

use crate::output;

/// The result of a command. The numbers are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// An unexpected error, and each failure of the commands that existed before these codes.
    Unexpected = 1,
    /// Wrong options, values or settings.
    Usage = 2,
    /// The object does not exist.
    NotFound = 3,
    /// The name is taken, or the state of the object does not allow the change.
    Conflict = 4,
    /// A rule or a limit does not allow the change, or it was not confirmed.
    Refused = 5,
    /// A store is unreachable. Repeat the command.
    Unavailable = 6,
    /// A check found differences or problems.
    Findings = 7,
    /// Some items failed. The others are done.
    Partial = 8,
    /// The change was made, and takes effect later, because Redis is unreachable.
    Pending = 9,
}

impl Exit {
    fn title(self) -> &'static str {
        match self {
            Self::Unexpected => "The command failed",
            Self::Usage => "Wrong usage",
            Self::NotFound => "Not found",
            Self::Conflict => "Conflict",
            Self::Refused => "Refused",
            Self::Unavailable => "A store is unreachable",
            Self::Findings => "The check found problems",
            Self::Partial => "Some items failed",
            Self::Pending => "The change takes effect later",
        }
    }

    fn code(self) -> &'static str {
        match self {
            Self::Unexpected => "unexpected",
            Self::Usage => "usage",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Unavailable => "unavailable",
            Self::Findings => "findings",
            Self::Partial => "partial",
            Self::Pending => "pending",
        }
    }

    /// Returns the error of a command that ends with this code. `text` has the cause and the remedy.
    pub fn error(self, text: impl Into<String>) -> anyhow::Error {
        Failure { exit: self, text: text.into() }.into()
    }
}

/// The failure of a command, with its exit code.
#[derive(Debug)]
struct Failure {
    exit: Exit,
    text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// Reports the failure of a command to standard error, and returns its exit code. `keeps_codes` is true for the commands
/// that existed before these codes: they fail with 1, except for wrong settings.
pub fn report(error: &anyhow::Error, keeps_codes: bool) -> ExitCode {
    let described = describe(error);
    let keeps_code = keeps_codes && described.exit != Exit::Usage;
    let exit = if keeps_code { Exit::Unexpected } else { described.exit };
    if output::is_json() {
        let mut document = described.document;
        document["exit_code"] = json!(exit as u8);
        output::error_line(&document.to_string());
    } else {
        output::note(&if keeps_code { format!("{error:#}") } else { described.text });
    }
    ExitCode::from(exit as u8)
}

/// Reports wrong options, or prints the help that was asked for, and returns the exit code.
pub fn report_usage(error: &clap::Error) -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    let is_json = arguments.iter().any(|argument| argument == "--output=json")
        || arguments.windows(2).any(|pair| pair == ["--output", "json"]);
    if error.use_stderr() && is_json {
        let text = error.render().to_string();
        let mut document = describe(&Exit::Usage.error(text.trim())).document;
        document["exit_code"] = json!(Exit::Usage as u8);
        output::error_line(&document.to_string());
    } else {
        // A closed output (`| head`) is not a failure.
        let _ = error.print();
    }
    if error.use_stderr() { ExitCode::from(Exit::Usage as u8) } else { ExitCode::SUCCESS }
}

/// An error for people and for programs.
pub struct Described {
    /// The exit code.
    pub exit: Exit,
    /// The cause and the remedy, on one line.
    pub text: String,
    /// The problem document (RFC 9457).
    pub document: Value,
}

/// Describes an error of a command or of one item.
pub fn describe(error: &anyhow::Error) -> Described {
    if let Some(cause) = error.downcast_ref::<Error>() {
        return describe_error(error, cause);
    }
    let exit = match (error.downcast_ref::<Failure>(), error.downcast_ref::<Problem>()) {
        (Some(failure), _) => failure.exit,
        (_, Some(Problem::Store(cause))) => return describe_error(error, cause),
        (_, Some(problem)) => exit_of_cluster(problem),
        _ => Exit::Unexpected,
    };
    let text = format!("{error:#}");
    let document = json!({
        "type": format!("urn:tenancy:problem:{}", exit.code()),
        "title": exit.title(),
        "detail": text,
        "code": exit.code(),
    });
    Described { exit, text, document }
}

fn describe_error(error: &anyhow::Error, cause: &Error) -> Described {
    let problem = problem::document(cause, "");
    let (exit, detail) = match cause {
        Error::InvalidFields(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|field| format!("{} {}", field.field, field.message)).collect();
            (Exit::Usage, fields.join("; "))
        }
        // The operator is the one who reads the log, so the reason is shown.
        Error::Unavailable { reason, .. } => (
            Exit::Unavailable,
            format!("{reason}. Check the store with tenantctl doctor, and repeat the command"),
        ),
        Error::Internal(reason) => (Exit::Unexpected, reason.clone()),
        Error::Misconfigured(_) => (Exit::Usage, cause.to_string()),
        _ => (exit_of(problem.status()), with_remedy(problem.code(), problem.detail())),
    };
    let chain: Vec<_> = error.chain().map(ToString::to_string).collect();
    // The last entries of the chain are the cause itself, whose text is replaced.
    let cause_text = cause.to_string();
    let before = chain.iter().take_while(|text| **text != cause_text);
    let text = before.cloned().chain([detail]).collect::<Vec<_>>().join(": ");
    let mut document = serde_json::to_value(&problem).unwrap_or_default();
    if let Some(members) = document.as_object_mut() {
        members.remove("request_id");
    }
    document["detail"] = json!(text);
    Described { exit, text, document }
}

fn exit_of_cluster(problem: &Problem) -> Exit {
    match problem {
        Problem::NotFound => Exit::NotFound,
        Problem::Taken | Problem::InUse => Exit::Conflict,
        Problem::Template(_) | Problem::Default => Exit::Usage,
        Problem::Old(_) | Problem::Rights => Exit::Refused,
        Problem::Store(_) => Exit::Unexpected,
    }
}

fn exit_of(status: u16) -> Exit {
    match status {
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        503 => Exit::Unavailable,
        // A quota has several statuses, depending on the resource.
        403 | 429 | 507 => Exit::Refused,
        400 | 422 => Exit::Usage,
        _ => Exit::Unexpected,
    }
}

/// Adds the command that helps.
fn with_remedy(code: &str, detail: &str) -> String {
    let remedy = match code {
        "tenant_not_found" => "tenantctl tenant list --deleted shows all tenants.",
        "user_not_found" => "tenantctl user list TENANT shows the users.",
        "api_key_not_found" => {
            "It may be revoked already. tenantctl key list TENANT shows the current keys."
        }
        "plan_not_found" => "tenantctl plan list shows all plans.",
        "slug_taken" => {
            "Choose another slug: tenantctl tenant list --search SLUG shows its tenant."
        }
        "domain_taken" => "tenantctl tenant list --search DOMAIN shows its tenant.",
        "tenant_deleted" => "Its data is kept until tenantctl tenant delete --hard.",
        "illegal_transition" => "tenantctl tenant show TENANT shows its status.",
        "quota_exceeded" => {
            "Raise the limit: tenantctl tenant update TENANT --set-limit NAME=NUMBER."
        }
        _ => return detail.to_owned(),
    };
    format!("{detail} {remedy}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_code_cause_and_remedy() {
        for (error, exit, text) in [
            (Error::TenantNotFound, Exit::NotFound, "tenantctl tenant list"),
            (Error::Taken { field: "slug", code: "slug_taken" }, Exit::Conflict, "another slug"),
            (Error::LastAdministrator, Exit::Conflict, "Add another one first"),
            (Error::PlanInUse, Exit::Conflict, "default plan"),
            (Error::TenantSuspended, Exit::Refused, "suspended"),
            (Error::unavailable("no answer"), Exit::Unavailable, "no answer"),
            (Error::internal("a defect"), Exit::Unexpected, "a defect"),
            (Error::invalid_field("plan", "must exist"), Exit::Usage, "plan must exist"),
        ] {
            let described = describe(&anyhow::Error::from(error).context("the tenant acme"));
            assert_eq!(described.exit, exit, "{}", described.text);
            assert!(described.text.starts_with("the tenant acme: "), "{}", described.text);
            assert!(described.text.contains(text), "{}", described.text);
            assert_eq!(described.document["detail"], described.text.as_str());
        }
    }
}
