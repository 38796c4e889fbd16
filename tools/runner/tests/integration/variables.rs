//! The sources of variable values.

use serde_json::json;

use crate::support::Config;

fn config() -> Config {
    Config::one("variables = { text = \"<{{ v }}>\" }\n[variables]\nv = { default = \"default\" }")
}

fn value(config: Config) -> String {
    config.start().call("variable", &json!({ "name": "text" }))
}

#[test]
fn first_source_with_value_wins() {
    let file = "[[variables_provider]]\ntype = \"static\"\nvalues = { v = \"file\" }\n\
                [[variables_provider]]\ntype = \"env\"\nprefix = \"OTHER\"";
    let dotenv = b"SPIN_VARIABLE_V=dotenv\n";

    let all = config()
        .arguments(&["--variable", "v=flag"])
        .runtime_config(file)
        .environment("SPIN_VARIABLE_V", "environment")
        .file(".env", dotenv);
    assert_eq!(value(all), "Ok(\"<flag>\")");

    let file_and_less = config()
        .runtime_config(file)
        .environment("SPIN_VARIABLE_V", "environment")
        .environment("OTHER_V", "other");
    assert_eq!(value(file_and_less), "Ok(\"<file>\")");

    let prefix = "[[config_provider]]\ntype = \"env\"\nprefix = \"OTHER\"";
    let prefix_and_less = config()
        .runtime_config(prefix)
        .environment("SPIN_VARIABLE_V", "environment")
        .environment("OTHER_V", "other");
    assert_eq!(value(prefix_and_less), "Ok(\"<other>\")");

    let environment = config().environment("SPIN_VARIABLE_V", "environment").file(".env", dotenv);
    assert_eq!(value(environment), "Ok(\"<environment>\")");
    assert_eq!(value(config().file(".env", dotenv)), "Ok(\"<dotenv>\")");
    assert_eq!(value(config()), "Ok(\"<default>\")");
}

#[test]
fn undefined_and_invalid_names_differ() {
    let app = config().start();
    let get = |name: &str| app.call("variable", &json!({ "name": name }));
    assert!(get("none").starts_with("Err(Error::Undefined("));
    // A variable of the application that the component does not have.
    assert!(get("v").starts_with("Err(Error::Undefined("));
    for name in ["", "Text", "a-b", "a__b", "1a"] {
        assert!(get(name).starts_with("Err(Error::InvalidName("), "{name}");
    }
}
