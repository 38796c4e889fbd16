//! Messages over TLS, to aiosmtpd.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Output,
};

use e2e::{Certificates, MailMode, MailServer, Process, TestTenant, World, free_port, unique};
use serde_json::json;

use super::{address, alone, change, column, command, invite};

/// A mail server with TLS, which stores messages in a folder.
struct TlsServer {
    port: u16,
    folder: PathBuf,
    certificates: Certificates,
    _process: Process,
}

impl TlsServer {
    /// Starts a server. The kind is `tls` for STARTTLS, or `smtps` for TLS from the beginning.
    fn start(folder: &Path, kind: &str) -> Self {
        let folder = folder.join(unique("mail-tls"));
        let certificates = Certificates::new(&folder, "DNS:localhost");
        let port = free_port();
        let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut command = Process::command(python);
        command.args(["-m", "aiosmtpd", "--nosetuid", "--smtputf8"]);
        command.args(["--listen", &format!("localhost:{port}")]);
        command.arg(format!("--{kind}cert={}", certificates.path("server.pem")));
        command.arg(format!("--{kind}key={}", certificates.path("server.key")));
        command.args(["--class", "aiosmtpd.handlers.Mailbox"]).arg(folder.join("mailbox"));
        let mut process = Process::start(&mut command, &folder.join("log"));
        process.wait_until_listening(&format!("localhost:{port}"));
        Self { port, folder, certificates, _process: process }
    }

    fn messages(&self) -> Vec<String> {
        let files = fs::read_dir(self.folder.join("mailbox/new")).into_iter().flatten();
        files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

/// Delivers all messages to a server, and trusts this certificate authority.
fn deliver_to(world: &World, url: &str, authority: Option<&str>) -> Output {
    let other = MailServer::start(MailMode::Accept);
    let mut command = command(world, &other, &["mail", "deliver"]);
    command.env("SMTP_URL", url);
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    command.output().unwrap()
}

#[track_caller]
fn is_refused(world: &World, tenant: &TestTenant, to: &str, output: &Output, reason: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && error.contains(reason), "{error}");
    assert_eq!(column(world, tenant, to, "attempts"), [Some("0".to_owned())]);
}

// S49
#[test]
fn messages_are_sent_over_verified_tls() {
    let (world, _alone) = alone();
    let tenant = world.tenant();
    let folder = world.services.folder();
    for (kind, scheme, query, reason) in [
        ("tls", "smtp", "?tls=required", "the mail server refuses TLS"),
        ("smtps", "smtps", "", "the mail server is unreachable"),
    ] {
        let server = TlsServer::start(&folder, kind);
        let to = address();
        invite(&tenant, &json!({ "email": to }));
        let url = |host: &str| format!("{scheme}://{host}:{}{query}", server.port);
        let authority = server.certificates.path("ca.pem");
        // The authority is unknown, or the certificate has another name.
        let refused = deliver_to(world, &url("localhost"), None);
        is_refused(world, &tenant, &to, &refused, reason);
        let refused = deliver_to(world, &url("127.0.0.1"), Some(&authority));
        is_refused(world, &tenant, &to, &refused, reason);
        assert_eq!(server.messages(), [] as [String; 0]);
        let sent = deliver_to(world, &url("localhost"), Some(&authority));
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stderr));
        assert_eq!(column(world, &tenant, &to, "state"), [Some("sent".to_owned())]);
        let messages = server.messages();
        let [message] = messages.as_slice() else { panic!("{messages:?}") };
        assert!(
            message.contains(&format!("To: {to}")) && message.contains("token=3Dlds_"),
            "{message}"
        );
    }
}

#[test]
fn message_is_not_sent_without_required_tls() {
    let (world, _alone) = alone();
    let (tenant, server) = (world.tenant(), MailServer::start(MailMode::Accept));
    let to = address();
    invite(&tenant, &json!({ "email": to }));
    let refused = deliver_to(world, &format!("{}?tls=required", server.url), None);
    is_refused(world, &tenant, &to, &refused, "the mail server refuses TLS");
    assert!(server.received(&to).is_empty());
    change(world, &tenant, "DELETE FROM tenancy.mail_messages");
}
