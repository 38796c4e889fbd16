//! Messages with a token, as text and HTML, in English and German.

use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::escape;
use crate::field::Text;

/// The reason for a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The user is new, or has not signed in yet.
    Invitation,
    /// An administrator has reset the password of the user.
    PasswordReset,
    /// Somebody has asked for a new password with the address of the user.
    PasswordRecovery,
    /// The user proves control of the address.
    AddressVerification,
    /// Somebody has asked for a sign-in with the address of the user.
    SignIn,
}

impl Purpose {
    const ALL: [Self; 5] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordRecovery,
        Self::AddressVerification,
        Self::SignIn,
    ];

    /// Returns the name that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::PasswordRecovery => "password_recovery",
            Self::AddressVerification => "address_verification",
            Self::SignIn => "sign_in",
        }
    }

    /// Returns the purpose with a stored name.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.as_str() == name)
    }

    /// Returns whether the token is a setup token.
    pub(super) fn is_setup(self) -> bool {
        matches!(self, Self::Invitation | Self::PasswordReset)
    }

    /// Returns the name of the page that receives the token.
    pub(super) fn page(self) -> &'static str {
        match self {
            Self::Invitation | Self::PasswordReset => "set-password",
            Self::PasswordRecovery => "reset-password",
            Self::AddressVerification => "verify-address",
            Self::SignIn => "sign-in",
        }
    }
}

/// A language of messages, as a tag of RFC 5646.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub enum Language {
    /// English.
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
}

impl Language {
    /// Returns the tag.
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

impl Text for Language {
    fn parse(text: &str) -> Result<Self, String> {
        [Self::English, Self::German]
            .into_iter()
            .find(|language| language.tag() == text)
            .ok_or_else(|| "must be en or de".to_owned())
    }
}

/// A colour: `#` and six hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, pattern = "^#[0-9A-Fa-f]{6}$", example = "#1f4e8c")]
pub struct Colour(String);

impl Colour {
    /// Returns the colour.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Text for Colour {
    fn parse(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix('#').unwrap_or_default();
        if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must be # and six hexadecimal digits".to_owned())
        }
    }
}

/// The address of a picture, with HTTPS.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = "uri", max_length = 2048, example = "https://app.example.com/logo.png")]
pub struct Logo(Url);

impl Logo {
    /// Returns the address.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl Text for Logo {
    fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).ok().filter(|url| {
            url.scheme() == "https" && url.username().is_empty() && url.password().is_none()
        });
        let url = url.ok_or("must be a URL with https and without a user name")?;
        if url.as_str().len() > LONGEST_URL {
            return Err(format!("must have at most {LONGEST_URL} characters"));
        }
        Ok(Self(url))
    }
}

/// The maximum length of an address in the settings of mail.
pub(super) const LONGEST_URL: usize = 2048;

/// How messages of a tenant look.
#[derive(Debug, Clone)]
pub struct Brand {
    /// The name of the tenant.
    pub name: String,
    /// The logo.
    pub logo: Option<Logo>,
    /// The colour of buttons.
    pub colour: Option<Colour>,
}

/// A message that is ready to send.
#[derive(Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, on one line.
    pub subject: String,
    /// The body as text.
    pub text: String,
    /// The body as HTML.
    pub html: String,
}

/// The content of a message that differs for each one.
#[derive(Debug, Clone)]
pub struct Content {
    /// The link that receives the token.
    pub link: Url,
    /// The code that a person can type instead of opening the link.
    pub code: Option<String>,
}

/// Renders a message.
pub fn render(brand: &Brand, purpose: Purpose, language: Language, content: &Content) -> Rendered {
    let name = escape::single_line(&brand.name);
    let (subject, lead) = opening(&name, purpose, language);
    let (button, end) = closing(purpose, language);
    let Content { link, code } = content;
    let code = code.as_ref().map(|code| {
        let (one, other) = code.split_at_checked(4).unwrap_or((code, ""));
        (before_code(language), format!("{one} {other}"))
    });
    let typed = code.as_ref().map_or_else(String::new, |(before, code)| {
        format!("{before}\n\n{code}\n\n")
    });
    let text = format!("{lead}\n\n{link}\n\n{typed}{end}\n");
    let logo = brand.logo.as_ref().map_or_else(String::new, |logo| {
        let (source, name) = (escape::html(logo.0.as_str()), escape::html(&name));
        format!("<p><img src=\"{source}\" alt=\"{name}\" height=\"48\"></p>")
    });
    let colour = brand.colour.as_ref().map_or("#1f4e8c", |colour| colour.0.as_str());
    let typed = code.map_or_else(String::new, |(before, code)| {
        format!("<p>{before}</p><p style=\"font-size:24px\"><strong>{}</strong></p>", escape::html(&code))
    });
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
         <body>{logo}<p>{lead}</p><p><a href=\"{link}\" style=\"color:{colour}\">{button}</a></p>{typed}<p>{end}</p>\
         </body></html>",
        tag = language.tag(),
        subject = escape::html(&subject),
        lead = escape::html(&lead),
        link = escape::html(link.as_str()),
    );
    Rendered { subject, text, html }
}

/// Returns the sentence before a code.
fn before_code(language: Language) -> &'static str {
    match language {
        Language::English => "Or enter this code on the page where you asked for it:",
        Language::German => "Oder gib diesen Code auf der Seite ein, auf der du ihn angefordert hast:",
    }
}

/// Returns the subject and the sentence before the link.
fn opening(name: &str, purpose: Purpose, language: Language) -> (String, String) {
    match (purpose, language) {
        (Purpose::Invitation, Language::English) => (
            format!("Your account at {name}"),
            format!("{name} has created an account for you. Set a password to use it:"),
        ),
        (Purpose::Invitation, Language::German) => (
            format!("Dein Konto bei {name}"),
            format!(
                "{name} hat ein Konto für dich angelegt. Lege ein Passwort fest, um es zu nutzen:"
            ),
        ),
        (Purpose::PasswordReset, Language::English) => (
            format!("Your new password at {name}"),
            format!("An administrator of {name} has reset your password. Set a new one:"),
        ),
        (Purpose::PasswordReset, Language::German) => (
            format!("Dein neues Passwort bei {name}"),
            format!("{name} hat dein Passwort zurückgesetzt. Lege ein neues fest:"),
        ),
        (Purpose::PasswordRecovery, Language::English) => (
            format!("Reset your password at {name}"),
            format!(
                "Someone has asked for a new password for your account at {name}. If it was you, choose one within \
                 30 minutes:"
            ),
        ),
        (Purpose::PasswordRecovery, Language::German) => (
            format!("Passwort bei {name} zurücksetzen"),
            format!(
                "Jemand hat ein neues Passwort für dein Konto bei {name} angefordert. Wenn du das warst, lege es \
                 innerhalb von 30 Minuten fest:"
            ),
        ),
        (Purpose::AddressVerification, Language::English) => (
            format!("Confirm your address at {name}"),
            format!("Confirm within a day that this is the address of your account at {name}:"),
        ),
        (Purpose::AddressVerification, Language::German) => (
            format!("Deine Adresse bei {name} bestätigen"),
            format!(
                "Bestätige innerhalb eines Tages, dass dies die Adresse deines Kontos bei {name} ist:"
            ),
        ),
        (Purpose::SignIn, Language::English) => (
            format!("Sign in to {name}"),
            format!("Sign in to your account at {name} within 10 minutes:"),
        ),
        (Purpose::SignIn, Language::German) => (
            format!("Bei {name} anmelden"),
            format!("Melde dich innerhalb von 10 Minuten bei deinem Konto bei {name} an:"),
        ),
    }
}

/// Returns the text of the link and the sentences after it.
fn closing(purpose: Purpose, language: Language) -> (&'static str, &'static str) {
    match (purpose, language) {
        (Purpose::Invitation | Purpose::PasswordReset, Language::English) => (
            "Set a password",
            "The link works once. If you did not expect this message, you can ignore it.",
        ),
        (Purpose::Invitation | Purpose::PasswordReset, Language::German) => (
            "Passwort festlegen",
            "Der Link gilt einmal. Wenn du diese Nachricht nicht erwartet hast, kannst du sie ignorieren.",
        ),
        (Purpose::PasswordRecovery, Language::English) => (
            "Choose a new password",
            "The link works once. If it was not you, ignore this message: nothing has changed.",
        ),
        (Purpose::PasswordRecovery, Language::German) => (
            "Neues Passwort festlegen",
            "Der Link gilt einmal. Wenn du es nicht warst, ignoriere diese Nachricht: Es hat sich nichts geändert.",
        ),
        (Purpose::AddressVerification, Language::English) => (
            "Confirm the address",
            "The link works once. If you have no such account, ignore this message.",
        ),
        (Purpose::AddressVerification, Language::German) => (
            "Adresse bestätigen",
            "Der Link gilt einmal. Wenn du kein solches Konto hast, ignoriere diese Nachricht.",
        ),
        (Purpose::SignIn, Language::English) => (
            "Sign in",
            "The link and the code work once. Give the code to nobody. If you did not ask for it, ignore this message: \
             nobody can sign in without it.",
        ),
        (Purpose::SignIn, Language::German) => (
            "Anmelden",
            "Link und Code gelten einmal. Gib den Code niemandem weiter. Wenn du ihn nicht angefordert hast, ignoriere \
             diese Nachricht: Ohne sie kann sich niemand anmelden.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(link: &str, code: Option<&str>) -> Content {
        Content { link: Url::parse(link).unwrap(), code: code.map(str::to_owned) }
    }

    fn rendered(name: &str, language: Language) -> Rendered {
        let brand = Brand {
            name: name.to_owned(),
            logo: Some(Logo::parse("https://acme.example.com/logo.png?a=1&b=2").unwrap()),
            colour: Some(Colour::parse("#00ff7F").unwrap()),
        };
        let link = "https://acme.example.com/welcome#token=lds_x";
        render(&brand, Purpose::Invitation, language, &content(link, None))
    }

    // S48
    #[test]
    fn name_is_no_header_and_no_markup() {
        let message = rendered("A\r\nBcc: eve@example.com\u{202e}<script>", Language::English);
        assert_eq!(message.subject, "Your account at A Bcc: eve@example.com<script>");
        assert!(!message.html.contains("<script>"), "{}", message.html);
        assert!(!message.text.contains("\nBcc"), "{}", message.text);
    }

    #[test]
    fn message_is_in_the_language_of_the_user() {
        let message = rendered("Acme", Language::German);
        assert_eq!(message.subject, "Dein Konto bei Acme");
        assert!(message.html.contains("lang=\"de\""));
        assert!(message.html.contains("color:#00ff7F"));
        assert!(message.html.contains("logo.png?a=1&amp;b=2"));
        assert!(message.text.contains("\nhttps://acme.example.com/welcome#token=lds_x\n"));
        assert_eq!(Language::parse("de"), Ok(Language::German));
        assert!(Language::parse("fr").is_err());
    }

    // S48
    #[test]
    fn every_message_has_its_link_and_no_markup_of_a_name() {
        let brand = Brand { name: "<b>A&B</b>".to_owned(), logo: None, colour: None };
        let mut subjects = std::collections::BTreeSet::new();
        for purpose in Purpose::ALL {
            assert_eq!(Purpose::parse(purpose.as_str()), Some(purpose));
            let link = format!("https://acme.example.com/{}#token=x_y-Z", purpose.page());
            for language in [Language::English, Language::German] {
                let message = render(&brand, purpose, language, &content(&link, None));
                assert!(message.text.contains(&format!("\n{link}\n")), "{}", message.text);
                assert!(message.html.contains(&format!("href=\"{link}\"")), "{}", message.html);
                assert!(!message.html.contains("<b>"), "{}", message.html);
                subjects.insert(message.subject);
            }
        }
        assert_eq!(subjects.len(), 2 * Purpose::ALL.len());
    }

    #[test]
    fn code_is_in_both_bodies() {
        let brand = Brand { name: "Acme".to_owned(), logo: None, colour: None };
        let content = content("https://acme.example.com/sign-in#token=ldm_x", Some("01234567"));
        for (language, before) in [(Language::English, "Or enter"), (Language::German, "Oder gib")] {
            let message = render(&brand, Purpose::SignIn, language, &content);
            assert!(message.text.contains(before) && message.text.contains("\n0123 4567\n"));
            assert!(message.html.contains(before) && message.html.contains("<strong>0123 4567<"));
        }
    }

    #[test]
    fn looks_are_validated() {
        for colour in ["red", "#fff", "#00ff7g", "#000000;background:url(x)", "000000", ""] {
            assert!(Colour::parse(colour).is_err(), "{colour}");
        }
        for logo in [
            "http://a.test/x",
            "javascript:alert(1)",
            "data:image/png,x",
            "https://u:p@a.test/",
            "",
        ] {
            assert!(Logo::parse(logo).is_err(), "{logo}");
        }
    }
}
