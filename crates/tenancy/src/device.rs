//! Devices: the program and the network of a request, as far as they are stored to recognise them.

use uuid::Uuid;

use crate::{crypto::DataKeys, error::Result, event::Origin, login_throttling};

/// The maximum length of an unknown program's name that is part of a sign, in bytes.
const LONGEST_NAME: usize = 64;

/// Marks in user agents, and the systems that have them. The first match decides.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];
/// Marks in user agents, and the browsers that have them. Most browsers have the marks of others, too.
const BROWSERS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Returns the browser and the system of a user agent, such as `Firefox, Windows`, without versions. Only known names are
/// in it: a user agent is a text of the caller, perhaps of a stranger.
pub(crate) fn label(user_agent: Option<&str>) -> Option<String> {
    let user_agent = user_agent?;
    let find = |marks: &'static [(&str, &str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let names: Vec<_> = [find(BROWSERS), find(SYSTEMS)].into_iter().flatten().collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the sign of a device of a user: a keyed hash of its program without the version and of its network, an IPv4 /24
/// or an IPv6 /48. Without the data key of the tenant, a reader of the sign learns neither of them.
///
/// # Errors
/// [`Error::Internal`](crate::Error::Internal) if the tenant has no data key.
pub(crate) fn sign(keys: &DataKeys, user: Uuid, origin: &Origin) -> Result<[u8; 32]> {
    let user_agent = origin.user_agent.as_deref();
    let program = label(user_agent).unwrap_or_else(|| {
        let name = user_agent.unwrap_or_default().split(['/', ' ']).next().unwrap_or_default();
        name.chars().take(LONGEST_NAME).collect()
    });
    let network = origin.address.map(login_throttling::wide_network).map(|it| it.to_string());
    keys.device_sign(user, &program, &network.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIREFOX: &str =
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0";

    #[test]
    fn user_agents_have_labels_without_versions() {
        for (user_agent, expected) in [
            (FIREFOX, Some("Firefox, Windows")),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
                Some("Chrome, Linux"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36 Edg/124.0",
                Some("Edge, Windows"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) \
                 Version/17.4 Mobile/15E148 Safari/604.1",
                Some("Safari, iOS"),
            ),
            ("curl/8.7.1", None),
            ("Call +49 123 to keep your account", None),
            ("", None),
        ] {
            assert_eq!(label(Some(user_agent)).as_deref(), expected, "{user_agent}");
        }
        assert_eq!(label(None), None);
    }

    // S60
    #[test]
    fn sign_depends_on_user_program_and_network() {
        let keys = DataKeys::from_bytes(&[7; 32]).unwrap();
        let sign_of = |user: u128, user_agent: &str, address: &str| {
            let origin = Origin {
                address: address.parse().ok(),
                user_agent: Some(user_agent.to_owned()),
                request_id: None,
            };
            sign(&keys, Uuid::from_u128(user), &origin).unwrap()
        };
        let own = sign_of(1, FIREFOX, "192.0.2.1");
        // Another version and another address of the network are the same device.
        assert_eq!(own, sign_of(1, &FIREFOX.replace("125", "126"), "192.0.2.200"));
        for other in [
            sign_of(2, FIREFOX, "192.0.2.1"),
            sign_of(1, "curl/8.7.1", "192.0.2.1"),
            sign_of(1, FIREFOX, "192.0.3.1"),
            sign_of(1, FIREFOX, ""),
        ] {
            assert_ne!(own, other);
        }
        assert_eq!(sign_of(1, "curl/8.7.1", ""), sign_of(1, "curl/8.8.0", ""));
        // A newer data key does not make devices new.
        let rotated = DataKeys::from_bytes(&[[7; 32], [8; 32]].concat()).unwrap();
        let origin = Origin::default();
        let of = |keys| sign(keys, Uuid::from_u128(1), &origin).unwrap();
        assert_eq!(of(&keys), of(&rotated));
    }
}
