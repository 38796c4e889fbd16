//! The texts of messages, in English and German.

use super::purpose::{Content, Language, Purpose};

/// The texts of a message.
pub(super) struct Texts {
    /// The subject.
    pub(super) subject: String,
    /// The sentences before the link, or those of a notice.
    pub(super) lead: String,
    /// The text of the link.
    pub(super) button: &'static str,
    /// The sentences at the end.
    pub(super) end: &'static str,
}

impl Texts {
    /// Returns the texts of a message of the tenant `name`.
    pub(super) fn new(name: &str, purpose: Purpose, language: Language, content: &Content) -> Self {
        let event = details(language, content);
        match language {
            Language::English => english(name, purpose, &event),
            Language::German => german(name, purpose, &event),
        }
    }
}

/// Returns the sentence before a code.
pub(super) fn before_code(language: Language) -> &'static str {
    match language {
        Language::English => "Or enter this code on the page where you asked for it:",
        Language::German => {
            "Oder gib diesen Code auf der Seite ein, auf der du ihn angefordert hast:"
        }
    }
}

/// Returns the sentence about the time, the device and the network of an event, as far as they are known.
fn details(language: Language, content: &Content) -> String {
    let Some(at) = content.at else { return String::new() };
    let at = at.format("%Y-%m-%d %H:%M UTC");
    let (time, device, network) = match language {
        Language::English => ("Time", "Device", "Network address"),
        Language::German => ("Zeit", "Gerät", "Netzadresse"),
    };
    let more = [(device, &content.device), (network, &content.network)];
    let more = more
        .into_iter()
        .filter_map(|(label, value)| value.as_ref().map(|value| format!("; {label}: {value}")));
    format!(" {time}: {at}{}.", more.collect::<String>())
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn english(name: &str, purpose: Purpose, event: &str) -> Texts {
    const IF_NOT_YOU: &str = "If it was not you, choose a new password, check your second factors, and inform your administrator.";
    const IGNORE: &str =
        "The link works once. If you did not expect this message, you can ignore it.";
    let (subject, lead, button, end) = match purpose {
        Purpose::Invitation => (
            format!("Your account at {name}"),
            format!("{name} has created an account for you. Set a password to use it:"),
            "Set a password",
            IGNORE,
        ),
        Purpose::PasswordReset => (
            format!("Your new password at {name}"),
            format!("An administrator of {name} has reset your password. Set a new one:"),
            "Set a password",
            IGNORE,
        ),
        Purpose::PasswordRecovery => (
            format!("Reset your password at {name}"),
            format!(
                "Someone has asked for a new password for your account at {name}. If it was you, choose one within \
                 30 minutes:"
            ),
            "Choose a new password",
            "The link works once. If it was not you, ignore this message: nothing has changed.",
        ),
        Purpose::AddressVerification => (
            format!("Confirm your address at {name}"),
            format!("Confirm within a day that this is the address of your account at {name}:"),
            "Confirm the address",
            "The link works once. If you have no such account, ignore this message.",
        ),
        Purpose::TenantList => (
            format!("Your accounts at {name}"),
            "Someone has asked where this address has an account. If it was you, see the list within 30 minutes:"
                .to_owned(),
            "See the list",
            "The link works once. If it was not you, ignore this message: nobody else sees the list.",
        ),
        Purpose::SignIn => (
            format!("Sign in to {name}"),
            format!("Sign in to your account at {name} within 10 minutes:"),
            "Sign in",
            "The link and the code work once. Give the code to nobody. If you did not ask for it, ignore this message: \
             nobody can sign in without it.",
        ),
        Purpose::AddressChange => (
            format!("Your new address at {name}"),
            format!(
                "Confirm within an hour that this is the new address of your account at {name}:"
            ),
            "Confirm the new address",
            "The link works once. Until then, nothing changes. If you have no such account, ignore this message.",
        ),
        Purpose::AddressChanged => (
            format!("Your address at {name} was changed"),
            format!(
                "Your account at {name} has another address.{event} If it was you, you need not do anything. If it was \
                 not you, object within 7 days:"
            ),
            "Object to the change",
            "An objection restores this address, ends all sessions and removes the password. A message then leads to a \
             new one. The link works once.",
        ),
        Purpose::AddressReplaced => (
            format!("{name} has changed your address"),
            format!("An administrator of {name} has changed the address of your account.{event}"),
            "",
            "If you did not expect this, ask your administrator.",
        ),
        Purpose::AddressInUse => (
            format!("Your address at {name}"),
            format!(
                "Someone wanted to use this address for another account at {name}. It is the address of your account, so \
                 nothing has changed.{event}"
            ),
            "",
            "If it was you, sign in to the account with this address. Otherwise ignore this message.",
        ),
        Purpose::NewDevice => (
            format!("New device at {name}"),
            format!("Someone signed in to your account at {name} with a new device.{event}"),
            "",
            "If it was you, you need not do anything. If it was not you, choose a new password: it ends all sessions.",
        ),
        Purpose::PasswordChanged => (
            format!("Your password at {name} was changed"),
            format!("Your account at {name} has a new password.{event}"),
            "",
            "If it was not you, ask for a link for a new password, and inform your administrator.",
        ),
        Purpose::SecondFactorAdded => (
            format!("New second factor at {name}"),
            format!("Your account at {name} has another second factor.{event}"),
            "",
            IF_NOT_YOU,
        ),
        Purpose::SecondFactorRemoved => (
            format!("Second factor removed at {name}"),
            format!("A second factor of your account at {name} was removed.{event}"),
            "",
            IF_NOT_YOU,
        ),
        Purpose::SecondFactorsReset => (
            format!("Second factors reset at {name}"),
            format!(
                "An administrator of {name} has removed all second factors of your account.{event}"
            ),
            "",
            "If you did not expect this, ask your administrator.",
        ),
    };
    Texts { subject, lead, button, end }
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn german(name: &str, purpose: Purpose, event: &str) -> Texts {
    const IF_NOT_YOU: &str = "Wenn du das nicht warst, lege ein neues Passwort fest, prüfe deine zweiten Faktoren, und sage der Verwaltung \
         Bescheid.";
    const IGNORE: &str = "Der Link gilt einmal. Wenn du diese Nachricht nicht erwartet hast, kannst du sie ignorieren.";
    let (subject, lead, button, end) = match purpose {
        Purpose::Invitation => (
            format!("Dein Konto bei {name}"),
            format!(
                "{name} hat ein Konto für dich angelegt. Lege ein Passwort fest, um es zu nutzen:"
            ),
            "Passwort festlegen",
            IGNORE,
        ),
        Purpose::PasswordReset => (
            format!("Dein neues Passwort bei {name}"),
            format!("{name} hat dein Passwort zurückgesetzt. Lege ein neues fest:"),
            "Passwort festlegen",
            IGNORE,
        ),
        Purpose::PasswordRecovery => (
            format!("Passwort bei {name} zurücksetzen"),
            format!(
                "Jemand hat ein neues Passwort für dein Konto bei {name} angefordert. Wenn du das warst, lege es \
                 innerhalb von 30 Minuten fest:"
            ),
            "Neues Passwort festlegen",
            "Der Link gilt einmal. Wenn du es nicht warst, ignoriere diese Nachricht: Es hat sich nichts geändert.",
        ),
        Purpose::AddressVerification => (
            format!("Deine Adresse bei {name} bestätigen"),
            format!(
                "Bestätige innerhalb eines Tages, dass dies die Adresse deines Kontos bei {name} ist:"
            ),
            "Adresse bestätigen",
            "Der Link gilt einmal. Wenn du kein solches Konto hast, ignoriere diese Nachricht.",
        ),
        Purpose::TenantList => (
            format!("Deine Konten bei {name}"),
            "Jemand hat gefragt, wo diese Adresse ein Konto hat. Wenn du das warst, sieh die Liste innerhalb von 30 \
             Minuten an:"
                .to_owned(),
            "Liste ansehen",
            "Der Link gilt einmal. Wenn du es nicht warst, ignoriere diese Nachricht: Niemand sonst sieht die Liste.",
        ),
        Purpose::SignIn => (
            format!("Bei {name} anmelden"),
            format!("Melde dich innerhalb von 10 Minuten bei deinem Konto bei {name} an:"),
            "Anmelden",
            "Link und Code gelten einmal. Gib den Code niemandem weiter. Wenn du ihn nicht angefordert hast, ignoriere \
             diese Nachricht: Ohne sie kann sich niemand anmelden.",
        ),
        Purpose::AddressChange => (
            format!("Deine neue Adresse bei {name}"),
            format!(
                "Bestätige innerhalb einer Stunde, dass dies die neue Adresse deines Kontos bei {name} ist:"
            ),
            "Neue Adresse bestätigen",
            "Der Link gilt einmal. Bis dahin ändert sich nichts. Wenn du kein solches Konto hast, ignoriere diese \
             Nachricht.",
        ),
        Purpose::AddressChanged => (
            format!("Deine Adresse bei {name} wurde geändert"),
            format!(
                "Dein Konto bei {name} hat eine andere Adresse.{event} Wenn du das warst, brauchst du nichts zu tun. Wenn \
                 nicht, widersprich innerhalb von 7 Tagen:"
            ),
            "Der Änderung widersprechen",
            "Ein Widerspruch stellt diese Adresse wieder her, beendet alle Sitzungen und entfernt das Passwort. Eine \
             Nachricht führt dann zu einem neuen. Der Link gilt einmal.",
        ),
        Purpose::AddressReplaced => (
            format!("{name} hat deine Adresse geändert"),
            format!("{name} hat die Adresse deines Kontos geändert.{event}"),
            "",
            "Wenn du das nicht erwartet hast, frage bei der Verwaltung nach.",
        ),
        Purpose::AddressInUse => (
            format!("Deine Adresse bei {name}"),
            format!(
                "Jemand wollte diese Adresse für ein anderes Konto bei {name} verwenden. Sie ist die Adresse deines \
                 Kontos, also hat sich nichts geändert.{event}"
            ),
            "",
            "Wenn du das warst, melde dich bei dem Konto mit dieser Adresse an. Sonst ignoriere diese Nachricht.",
        ),
        Purpose::NewDevice => (
            format!("Neues Gerät bei {name}"),
            format!(
                "Jemand hat sich mit einem neuen Gerät bei deinem Konto bei {name} angemeldet.{event}"
            ),
            "",
            "Wenn du das warst, brauchst du nichts zu tun. Wenn nicht, lege ein neues Passwort fest: Es beendet alle \
             Sitzungen.",
        ),
        Purpose::PasswordChanged => (
            format!("Dein Passwort bei {name} wurde geändert"),
            format!("Dein Konto bei {name} hat ein neues Passwort.{event}"),
            "",
            "Wenn du das nicht warst, fordere einen Link für ein neues Passwort an, und sage der Verwaltung Bescheid.",
        ),
        Purpose::SecondFactorAdded => (
            format!("Neuer zweiter Faktor bei {name}"),
            format!("Dein Konto bei {name} hat einen weiteren zweiten Faktor.{event}"),
            "",
            IF_NOT_YOU,
        ),
        Purpose::SecondFactorRemoved => (
            format!("Zweiter Faktor bei {name} entfernt"),
            format!("Ein zweiter Faktor deines Kontos bei {name} wurde entfernt.{event}"),
            "",
            IF_NOT_YOU,
        ),
        Purpose::SecondFactorsReset => (
            format!("Zweite Faktoren bei {name} zurückgesetzt"),
            format!("{name} hat alle zweiten Faktoren deines Kontos entfernt.{event}"),
            "",
            "Wenn du das nicht erwartet hast, frage bei der Verwaltung nach.",
        ),
    };
    Texts { subject, lead, button, end }
}
