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
    /// Somebody has asked for the tenants of the address.
    TenantList,
}

impl Purpose {
    const ALL: [Self; 5] = [
        Self::Invitation,
        Self::PasswordReset,
        Self::PasswordRecovery,
        Self::AddressVerification,
        Self::TenantList,
    ];

    /// Returns the name that is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::PasswordReset => "password_reset",
            Self::PasswordRecovery => "password_recovery",
            Self::AddressVerification => "address_verification",
            Self::TenantList => "tenant_list",
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

    /// Returns whether the message is one of the service: it has no mark of the tenant, and the tenant's page does not
    /// receive the token.
    pub(super) fn is_of_service(self) -> bool {
        self == Self::TenantList
    }

    /// Returns the name of the page that receives the token.
    pub(super) fn page(self) -> &'static str {
        match self {
            Self::Invitation | Self::PasswordReset => "set-password",
            Self::PasswordRecovery => "reset-password",
            Self::AddressVerification => "verify-address",
            Self::TenantList => "tenants",
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

/// Renders a message with the link that receives its token.
pub fn render(brand: &Brand, purpose: Purpose, language: Language, link: &Url) -> Rendered {
    let name = escape::single_line(&brand.name);
    let (subject, lead) = opening(&name, purpose, language);
    let (button, end) = closing(purpose, language);
    let text = format!("{lead}\n\n{link}\n\n{end}\n");
    let logo = brand.logo.as_ref().map_or_else(String::new, |logo| {
        let (source, name) = (escape::html(logo.0.as_str()), escape::html(&name));
        format!("<p><img src=\"{source}\" alt=\"{name}\" height=\"48\"></p>")
    });
    let colour = brand.colour.as_ref().map_or("#1f4e8c", |colour| colour.0.as_str());
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><title>{subject}</title></head>\
         <body>{logo}<p>{lead}</p><p><a href=\"{link}\" style=\"color:{colour}\">{button}</a></p><p>{end}</p>\
         </body></html>",
        tag = language.tag(),
        subject = escape::html(&subject),
        lead = escape::html(&lead),
        link = escape::html(link.as_str()),
    );
    Rendered { subject, text, html }
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
        (Purpose::TenantList, Language::English) => (
            format!("Your accounts at {name}"),
            "Someone has asked where this address has an account. If it was you, see the list within 30 minutes:"
                .to_owned(),
        ),
        (Purpose::TenantList, Language::German) => (
            format!("Deine Konten bei {name}"),
            "Jemand hat gefragt, wo diese Adresse ein Konto hat. Wenn du das warst, sieh die Liste innerhalb von 30 \
             Minuten an:"
                .to_owned(),
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
        (Purpose::TenantList, Language::English) => (
            "See the list",
            "The link works once. If it was not you, ignore this message: nobody else sees the list.",
        ),
        (Purpose::TenantList, Language::German) => (
            "Liste ansehen",
            "Der Link gilt einmal. Wenn du es nicht warst, ignoriere diese Nachricht: Niemand sonst sieht die Liste.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(name: &str, language: Language) -> Rendered {
        let brand = Brand {
            name: name.to_owned(),
            logo: Some(Logo::parse("https://acme.example.com/logo.png?a=1&b=2").unwrap()),
            colour: Some(Colour::parse("#00ff7F").unwrap()),
        };
        render(
            &brand,
            Purpose::Invitation,
            language,
            &Url::parse("https://acme.example.com/welcome#token=lds_x").unwrap(),
        )
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
                let message = render(&brand, purpose, language, &Url::parse(&link).unwrap());
                assert!(message.text.contains(&format!("\n{link}\n")), "{}", message.text);
                assert!(message.html.contains(&format!("href=\"{link}\"")), "{}", message.html);
                assert!(!message.html.contains("<b>"), "{}", message.html);
                subjects.insert(message.subject);
            }
        }
        assert_eq!(subjects.len(), 10);
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
