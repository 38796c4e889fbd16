//! Messages as text and HTML. Their texts are in [`super::texts`].

use url::Url;
use utoipa::ToSchema;

pub use super::purpose::{Content, Language, Purpose};
use super::{
    escape,
    texts::{self, Texts},
};
use crate::field::Text;

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

/// Renders a message.
pub fn render(brand: &Brand, purpose: Purpose, language: Language, content: &Content) -> Rendered {
    let name = escape::single_line(&brand.name);
    let Texts { subject, lead, button, end } = Texts::new(&name, purpose, language, content);
    let mut html = vec![format!("<p>{}</p>", escape::html(&lead))];
    let mut text = vec![lead];
    if let Some(link) = &content.link {
        let colour = brand.colour.as_ref().map_or("#1f4e8c", |colour| colour.0.as_str());
        let address = escape::html(link.as_str());
        html.push(format!("<p><a href=\"{address}\" style=\"color:{colour}\">{button}</a></p>"));
        text.push(link.to_string());
    }
    if let Some(code) = &content.code {
        let before = texts::before_code(language);
        let (one, other) = code.split_at_checked(4).unwrap_or((code, ""));
        let code = format!("{one} {other}");
        let shown = escape::html(&code);
        html.push(format!(
            "<p>{before}</p><p style=\"font-size:24px\"><strong>{shown}</strong></p>"
        ));
        text.extend([before.to_owned(), code]);
    }
    html.push(format!("<p>{}</p>", escape::html(end)));
    text.push(format!("{end}\n"));
    let logo = brand.logo.as_ref().map_or_else(String::new, |logo| {
        let (source, name) = (escape::html(logo.0.as_str()), escape::html(&name));
        format!("<p><img src=\"{source}\" alt=\"{name}\" height=\"48\"></p>")
    });
    let html = format!(
        "<!doctype html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\
         <body>{logo}{body}</body></html>",
        tag = language.tag(),
        title = escape::html(&subject),
        body = html.concat(),
    );
    let text = text.join("\n\n");
    Rendered { subject, text, html }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    fn content(link: &str, code: Option<&str>) -> Content {
        let link = Some(Url::parse(link).unwrap());
        Content { link, code: code.map(str::to_owned), ..Content::default() }
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
            let Some(page) = purpose.page() else { continue };
            let link = format!("https://acme.example.com/{page}#token=x_y-Z");
            for language in [Language::English, Language::German] {
                let message = render(&brand, purpose, language, &content(&link, None));
                assert!(message.text.contains(&format!("\n{link}\n")), "{}", message.text);
                assert!(message.html.contains(&format!("href=\"{link}\"")), "{}", message.html);
                assert!(!message.html.contains("<b>"), "{}", message.html);
                subjects.insert(message.subject);
            }
        }
        let with_link = Purpose::ALL.iter().filter(|purpose| purpose.page().is_some()).count();
        assert_eq!(subjects.len(), 2 * with_link);
    }

    #[test]
    fn every_notice_names_its_event_and_has_no_link() {
        let brand = Brand { name: "Acme".to_owned(), logo: None, colour: None };
        let content = Content {
            at: DateTime::from_timestamp(1_800_000_000, 0),
            device: Some("Firefox, Windows".to_owned()),
            network: Some("192.0.2.7".to_owned()),
            ..Content::default()
        };
        let mut subjects = std::collections::BTreeSet::new();
        let notices = Purpose::ALL.into_iter().filter(|purpose| purpose.page().is_none());
        for (purpose, language) in
            notices.flat_map(|it| [(it, Language::English), (it, Language::German)])
        {
            let message = render(&brand, purpose, language, &content);
            for part in ["2027-01-15 08:00 UTC", "Firefox, Windows", "192.0.2.7"] {
                assert!(message.text.contains(part), "{part}: {}", message.text);
                assert!(message.html.contains(part), "{part}: {}", message.html);
            }
            assert!(!message.html.contains("href") && !message.text.contains("://"));
            assert!(!message.text.contains("  "), "{}", message.text);
            assert!(subjects.insert(message.subject), "{purpose:?}");
        }
    }

    #[test]
    fn code_is_in_both_bodies() {
        let brand = Brand { name: "Acme".to_owned(), logo: None, colour: None };
        let content = content("https://acme.example.com/sign-in#token=ldm_x", Some("01234567"));
        for (language, before) in [(Language::English, "Or enter"), (Language::German, "Oder gib")]
        {
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
