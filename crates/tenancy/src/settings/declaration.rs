//! The form of a declaration.

use super::Component;

/// The declaration of a setting.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// The name as an environment variable. The Spin variable has this name in lower case.
    pub name: &'static str,
    /// The description for operators in Markdown, with a space before each line.
    #[cfg(not(target_family = "wasm"))]
    pub description: &'static str,
    /// The value of an absent setting: empty if there is none, or `None` if the setting is required.
    pub default: Option<&'static str>,
    /// The minimum and the maximum of a number.
    pub bounds: Option<(u32, u32)>,
    /// Whether the value is a secret or contains one.
    pub is_secret: bool,
    /// The components that get the setting.
    pub components: &'static [Component],
    /// The value in the other components, if the setting is required and a random text is not valid.
    pub stand_in: Option<&'static str>,
}

/// Starts the declaration of a setting without a default.
pub(super) const fn required() -> Declaration {
    Declaration {
        name: "",
        #[cfg(not(target_family = "wasm"))]
        description: "",
        default: None,
        bounds: None,
        is_secret: false,
        components: &[],
        stand_in: None,
    }
}

/// Starts the declaration of a setting that may be absent. An empty default stands for no value.
pub(super) const fn default(text: &'static str) -> Declaration {
    Declaration { default: Some(text), ..required() }
}

impl Declaration {
    /// Limits a number.
    pub(super) const fn between(self, minimum: u32, maximum: u32) -> Self {
        Self { bounds: Some((minimum, maximum)), ..self }
    }

    pub(super) const fn secret(self) -> Self {
        Self { is_secret: true, ..self }
    }

    /// Names the components that get the setting. Without this call, no component gets it.
    pub(super) const fn given_to(self, components: &'static [Component]) -> Self {
        Self { components, ..self }
    }

    /// Sets the value in the other components, if a random text is not valid.
    pub(super) const fn elsewhere(self, stand_in: &'static str) -> Self {
        Self { stand_in: Some(stand_in), ..self }
    }

    /// Returns whether the host must provide the setting.
    pub const fn is_required(&self) -> bool {
        self.default.is_none()
    }

    /// Returns whether a component gets the setting.
    pub fn is_given_to(&self, component: Component) -> bool {
        self.components.contains(&component)
    }

    /// Returns the value in a component that does not get the setting: `None` for an optional setting, and `random` for
    /// a required secret, so that it unseals nothing and no caller has it.
    pub fn stand_in(&self, random: &str) -> Option<String> {
        self.is_required().then(|| self.stand_in.unwrap_or(random).to_owned())
    }
}

/// Declares the settings. A declaration is the description and two parts:
///
/// ```text
/// /// Lifetime of an access token in minutes.
/// ACCESS_TOKEN_EXPIRE_MINUTES: default("30").between(1, 1_440).given_to(ALL)
///     => pub access_token_lifetime: Duration = minutes;
/// ```
///
/// The first part is the setting of the operator. The second part is the field of [`Settings`](super::Settings), its
/// type, and the function that parses the given or the default text. The macro defines `DECLARATIONS`, `Settings`, and
/// `Parsed`, whose fields are `None` if the setting is invalid.
macro_rules! settings {
    ($(
        $(#[doc = $description:literal])+
        $name:ident: $declaration:expr
            => $visibility:vis $field:ident: $type:ty = $parse:expr;
    )+) => {
        /// The declarations of all settings that components get.
        pub const DECLARATIONS: &[Declaration] = &[$(Declaration {
            name: stringify!($name),
            #[cfg(not(target_family = "wasm"))]
            description: concat!($($description),+),
            ..$declaration
        }),+];

        /// The settings of the service.
        #[derive(Debug)]
        pub struct Settings {
            $($(#[doc = $description])+ $visibility $field: $type,)+
        }

        pub(super) struct Parsed {
            $(pub(super) $field: Option<$type>,)+
        }

        impl Parsed {
            pub(super) fn read(reader: &mut Reader<'_>) -> Self {
                Self { $($field: reader.read(stringify!($name), &$declaration, $parse),)+ }
            }

            /// Returns the settings if all of them are valid.
            pub(super) fn complete(self) -> Option<Settings> {
                Some(Settings { $($field: self.$field?,)+ })
            }
        }
    };
}

pub(super) use settings;
