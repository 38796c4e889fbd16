//! The macro that turns a crate into a component of the Spin application.

/// Makes a crate a Spin component that serves a constant `&[Endpoint]`. The component gets the settings of a
/// [`tenancy::settings::Component`]. Its third
/// argument is [`serve::Options`](crate::serve::Options).
#[macro_export]
macro_rules! component {
    ($component:ident, $endpoints:path) => {
        $crate::component!($component, $endpoints, $crate::serve::Options::NONE);
    };
    ($component:ident, $endpoints:path, $options:expr) => {
        #[cfg(target_family = "wasm")]
        const _: () = {
            use $crate::wasip3;

            struct Component;

    wasip3::http::service::export!(Component with_types_in wasip3);

            impl wasip3::exports::http::handler::Guest for Component {
                async fn handle(
                    request: wasip3::http::types::Request,
                ) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode> {
                    let component = $crate::SettingsOf::$component;
                    $crate::serve::serve(component, $endpoints, &$options, request).await
                }
            }
        };
    };
}
