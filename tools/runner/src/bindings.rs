//! The interfaces of Spin that a guest may import, generated from the WIT files of the spin-sdk crate (see `build.rs`).

mod generated {
    include!(concat!(env!("OUT_DIR"), "/bindgen_from_spin_sdk.rs"));

    bindgen_from_spin_sdk! {
        inline: "
            package runner:host;

            world imports {
                import spin:key-value/key-value@3.0.0;
                import spin:postgres/postgres@4.2.0;
                import spin:redis/redis@3.0.0;
                import spin:variables/variables@3.0.0;
            }
        ",
        world: "runner:host/imports",
        imports: {
            "spin:key-value/key-value.[method]store.get-keys": async | trappable,
            "spin:postgres/postgres.[constructor]connection-builder": async | trappable,
            default: async,
        },
    }
}

pub(crate) use generated::spin::key_value::key_value;
pub(crate) use generated::spin::postgres::postgres;
pub(crate) use generated::spin::redis::redis;
pub(crate) use generated::spin::variables::variables;
