//! The invitation of a user, as text and HTML, in English and German.

use url::Url;

use super::escape;

/// A language of messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// Returns the first known language of some language tags (RFC 5646), else English.
    pub fn of_tags<'a>(tags: impl IntoIterator<Item = &'a str>) -> Self {
        let known = |tag: &str| match tag.split('-').next() {
            Some(primary) if primary.eq_ignore_ascii_case("en") => Some(Self::English),
            Some(primary) if primary.eq_ignore_ascii_case("de") => Some(Self::German),
            _ => None,
        };
        tags.into_iter().find_map(known).unwrap_or(Self::English)
    }

    fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }
}

/// A colour: `#` and six hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Colour(String);

impl Colour {
    /// Validates a colour.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        let is_valid = digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_valid.then(|| Self(text.to_owned()))
    }
}

/// The address of a picture, with HTTPS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logo(Url);

impl Logo {
    /// Validates an address.
    pub fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        (url.scheme() == "https" && url.username().is_empty() && url.password().is_none())
            .then_some(Self(url))
    }
}

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

/// Renders the invitation with the link at which the user sets a password.
pub fn render(brand: &Brand, language: Language, link: &Url) -> Rendered {
    let name = escape::single_line(&brand.name);
    let (subject, lead, button, end) = match language {
        Language::English => (
            format!("Your account at {name}"),
            format!("{name} has created an account for you. Set a password to use it:"),
            "Set a password",
            "The link works once. If you did not expect this message, you can ignore it.",
        ),
        Language::German => (
            format!("Dein Konto bei {name}"),
            format!(
                "{name} hat ein Konto für dich angelegt. Lege ein Passwort fest, um es zu nutzen:"
            ),
            "Passwort festlegen",
            "Der Link gilt einmal. Wenn du diese Nachricht nicht erwartet hast, kannst du sie ignorieren.",
        ),
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(name: &str, language: Language) -> Rendered {
        let brand = Brand {
            name: name.to_owned(),
            logo: Logo::parse("https://acme.example.com/logo.png?a=1&b=2"),
            colour: Colour::parse("#00ff7F"),
        };
        render(
            &brand,
            language,
            &Url::parse("https://acme.example.com/welcome#token=lds_x").unwrap(),
        )
    }

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
        assert_eq!(Language::of_tags(["fr", "de-AT", "en"]), Language::German);
        assert_eq!(Language::of_tags(["fr", "deu"]), Language::English);
        assert_eq!(Language::of_tags([]), Language::English);
    }

    #[test]
    fn looks_are_validated() {
        for colour in ["red", "#fff", "#00ff7g", "#000000;background:url(x)", "000000", ""] {
            assert_eq!(Colour::parse(colour), None, "{colour}");
        }
        for logo in [
            "http://a.test/x",
            "javascript:alert(1)",
            "data:image/png,x",
            "https://u:p@a.test/",
            "",
        ] {
            assert_eq!(Logo::parse(logo), None, "{logo}");
        }
    }
}
