//! Generates the OpenAPI document and the access table from the declarations of the endpoints, and compares them with
//! `docs/openapi.json` and `docs/access.md`. `UPDATE_OPENAPI=1` overwrites the files; review the diff.

#![expect(clippy::unwrap_used, reason = "a test that fails fails")]

mod access_table;
mod examples;
mod headers;
mod problems;
mod schemas;

use e2e::endpoints;
use serde_json::{Value, json};
use utoipa::OpenApi as _;
use web::{Access, Documentation, Endpoint};

/// Returns the endpoints that OpenAPI can describe.
fn described() -> impl Iterator<Item = (&'static Endpoint, &'static Documentation)> {
    endpoints().filter_map(|endpoint| Some((endpoint, endpoint.documentation.as_ref()?)))
}

/// Returns what utoipa collects from the declarations, with the paths in the syntax of OpenAPI, which has no wildcards.
fn documented() -> Value {
    let mut whole = tenant::Schemas::openapi();
    for (endpoint, documentation) in described() {
        let one = (documentation.openapi)();
        let schemas = one.components.iter().flat_map(|components| &components.schemas);
        for (name, schema) in schemas {
            // Otherwise the document would describe one of the two types wrongly.
            let known = whole.components.as_ref().and_then(|whole| whole.schemas.get(name));
            let is_same = known.is_none_or(|known| known == schema);
            assert!(is_same, "{}: another type has the name {name}, too", path(endpoint));
        }
        whole.merge(one);
    }
    let mut document = serde_json::to_value(whole).unwrap();
    let paths = document["paths"].as_object_mut().unwrap();
    for path in paths.keys().filter(|path| path.contains("{*")).cloned().collect::<Vec<_>>() {
        let methods = paths.remove(&path).unwrap();
        paths.insert(path.replace("{*", "{"), methods);
    }
    document
}

fn document() -> Value {
    let mut document = documented();
    document["info"] = json!({
        "title": "Tenancy",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Multi-tenant backend for SaaS applications. Requests address a tenant by its \
            subdomain, its custom domain, the path /t/{slug}/api/v1/… or the header X-Tenant-Slug. Credentials \
            identify their tenant themselves.",
        "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
    });
    document["servers"] = json!([{ "url": "/" }]);
    document["tags"] = schemas::tags();
    document["components"]["securitySchemes"] = json!({
        "api_key": {
            "type": "apiKey", "in": "header", "name": "X-API-Key",
            "description": "An API key of the tenant.",
        },
        "operator_key_header": {
            "type": "apiKey", "in": "header", "name": "X-Admin-Key",
            "description": "An operator key or `ADMIN_API_KEY`, like `admin_key`.",
        },
        "credential": {
            "type": "http", "scheme": "bearer",
            "description": "An access token from POST /api/v1/auth/login, or an API key. API keys are also \
                accepted in the header X-API-Key.",
        },
        "access_token": {
            "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
            "description": "An access token from POST /api/v1/auth/login. API keys are not accepted.",
        },
        "admin_key": {
            "type": "http", "scheme": "bearer",
            "description": "An operator key with the scope of the operation, or the ADMIN_API_KEY of the platform.",
        },
    });
    let problem =
        serde_json::to_value(<web::problem::Problem<'static> as utoipa::PartialSchema>::schema())
            .unwrap();
    document["components"]["schemas"]["Problem"] = problem;
    let field = json!({
        "type": "object", "required": ["field", "message"],
        "properties": { "field": { "type": "string" }, "message": { "type": "string" } },
    });
    document["components"]["schemas"]["FieldProblem"] = field;
    for (endpoint, documentation) in described() {
        let operation = operation(&mut document, endpoint);
        describe_access(operation, endpoint.access);
        problems::describe(operation, endpoint, documentation);
        examples::add(operation, &verb(endpoint), &path(endpoint));
    }
    document["components"]["schemas"]["PendingChange"] = json!({
        "type": "object", "required": ["takes_effect_by"],
        "description": "A change that takes effect as soon as Redis is reachable.",
        "properties": { "takes_effect_by": { "type": "string", "format": "date-time" } },
    });
    for (endpoint, documentation) in described() {
        let operation = operation(&mut document, endpoint);
        if documentation.may_be_pending {
            describe_publication(&mut operation["responses"]);
        }
        headers::describe(operation, endpoint, documentation);
    }
    headers::define(&mut document);
    describe_head(&mut document);
    problems::list_codes(&mut document);
    describe_headers(&mut document);
    close_request_bodies(&mut document);
    schemas::improve(&mut document);
    drop_unused_schemas(&mut document);
    document
}

/// Removes null from the types of header parameters. A header is either text or absent.
fn describe_headers(document: &mut Value) {
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    let operations = paths.flat_map(|path| path.as_object_mut().unwrap().values_mut());
    let parameters = operations.filter_map(|operation| operation.get_mut("parameters"));
    for parameter in parameters.filter_map(Value::as_array_mut).flatten() {
        if parameter["in"] == "header" && parameter["schema"]["type"].is_array() {
            parameter["schema"]["type"] = json!("string");
        }
    }
}

/// Describes the response to a change that could not reach Redis. It equals the response to an effective change, except
/// for the status.
fn describe_publication(responses: &mut Value) {
    let statuses = ["204", "201", "200"];
    let in_effect = statuses.into_iter().find(|status| responses[*status].is_object()).unwrap();
    let mut accepted = responses[in_effect].clone();
    accepted["description"] =
        json!("The change is recorded. It takes effect as soon as Redis is reachable.");
    let time = json!({ "type": "string", "format": "date-time" });
    accepted["headers"]["Takes-Effect-By"] = json!({
        "description": "The latest time at which the change takes effect.",
        "schema": time,
    });
    if in_effect == "204" {
        let schema = json!({ "$ref": "#/components/schemas/PendingChange" });
        accepted["content"]["application/json"]["schema"] = schema;
    }
    responses["202"] = accepted;
}

/// Disallows additional properties in JSON request bodies.
fn close_request_bodies(document: &mut Value) {
    let mut names = Vec::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let several = schema["oneOf"].as_array().into_iter().flatten();
            for schema in std::iter::once(schema).chain(several) {
                if let Some(reference) = schema["$ref"].as_str() {
                    names.push(reference.trim_start_matches("#/components/schemas/").to_owned());
                }
            }
        }
    }
    for name in names {
        document["components"]["schemas"][name]["additionalProperties"] = json!(false);
    }
}

/// Removes schemas that no reference uses because other schemas include them inline.
fn drop_unused_schemas(document: &mut Value) {
    let text = document.to_string();
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    schemas.retain(|name, _| text.contains(&format!("\"#/components/schemas/{name}\"")));
}

/// Returns the path of an endpoint in the syntax of OpenAPI, which has no wildcards.
fn path(endpoint: &Endpoint) -> String {
    endpoint.path.replace("{*", "{")
}

/// Returns the method of an endpoint in lower case.
fn verb(endpoint: &Endpoint) -> String {
    endpoint.method.as_str().to_ascii_lowercase()
}

fn operation<'a>(document: &'a mut Value, endpoint: &Endpoint) -> &'a mut Value {
    let operation = &mut document["paths"][path(endpoint)][verb(endpoint)];
    assert!(operation.is_object(), "{} {} is not described", endpoint.method, endpoint.path);
    operation
}

fn describe_access(operation: &mut Value, access: Access) {
    let of_tenant = json!([{ "credential": [] }, { "api_key": [] }]);
    let (security, scope): (Value, Option<&str>) = match access {
        Access::Public => (json!([]), None),
        Access::Operator(scope) => {
            (json!([{ "admin_key": [] }, { "operator_key_header": [] }]), Some(scope.as_str()))
        }
        Access::Authenticated => (of_tenant, None),
        Access::Member(scope) => (of_tenant, Some(scope.as_str())),
        Access::User(scope) => (json!([{ "access_token": [] }]), Some(scope.as_str())),
    };
    operation["security"] = security;
    if let Some(scope) = scope {
        operation["x-scope"] = json!(scope);
    }
}

/// HEAD has the headers of GET and no body. The router answers it like GET.
fn describe_head(document: &mut Value) {
    let path = &mut document["paths"]["/api/v1/files/{path}"];
    let mut head = path["get"].clone();
    head["summary"] = json!("Returns the headers of a file.");
    head["description"] = Value::Null;
    head["parameters"].as_array_mut().unwrap().retain(|parameter| {
        !["Range", "If-Range"].contains(&parameter["name"].as_str().unwrap_or_default())
    });
    let head = head.as_object_mut().unwrap();
    head.remove("description");
    let responses = head["responses"].as_object_mut().unwrap();
    responses.remove("206");
    responses.remove("416");
    for response in responses.values_mut() {
        response.as_object_mut().unwrap().remove("content");
    }
    head.insert("operationId".to_owned(), json!("getFileMetadata"));
    path["head"] = json!(head);
}

#[test]
fn operations_have_unique_names_and_described_tags() {
    let document = document();
    let described = document["tags"].as_array().unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let name = operation["operationId"].as_str();
            assert!(name.is_some_and(|name| names.insert(name)), "{method} {path}: {name:?}");
            for tag in operation["tags"].as_array().unwrap() {
                assert!(described.iter().any(|own| own["name"] == *tag), "{method} {path}: {tag}");
            }
        }
    }
}

/// Compares a committed document with the generated one, or updates it.
fn assert_committed(path: &str, document: &str) {
    let file = e2e::root().join(path);
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&file, document).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    let first = committed.lines().zip(document.lines()).position(|(one, two)| one != two);
    assert!(
        committed == document,
        "{path} differs starting at line {first:?}; run with UPDATE_OPENAPI=1 to update it"
    );
}

#[test]
fn committed_document_matches_declarations() {
    let document = format!("{}\n", serde_json::to_string_pretty(&document()).unwrap());
    assert_committed("docs/openapi.json", &document);
}

#[test]
fn committed_access_table_matches_declarations() {
    assert_committed("docs/access.md", &access_table::document());
}

#[test]
fn references_resolve() {
    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    match value {
                        Value::String(text) if name == "$ref" => found.push(text.clone()),
                        value => references(value, found),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }
    let document = document();
    let mut found = Vec::new();
    references(&document, &mut found);
    for reference in found {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn change_examples_are_harmless() {
    let document = document();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let contents = operation["requestBody"]["content"].as_object();
            for content in contents.into_iter().flat_map(|contents| contents.values()) {
                let example = &content["example"];
                assert!(!example.is_null(), "{method} {path}");
                if ["put", "patch"].contains(&method.as_str()) && path.starts_with("/admin") {
                    for field in ["status", "plan", "domain", "domains", "admin_email", "settings"]
                    {
                        assert!(example.get(field).is_none(), "{method} {path}: {field}");
                    }
                }
                let text = example.to_string();
                let digits = text.split(|char: char| !char.is_ascii_digit());
                assert!(digits.map(str::len).max() < Some(12), "{method} {path}: {text}");
            }
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let is_path = parameter["in"] == "path";
                assert!(!is_path || parameter["example"].is_string(), "{method} {path}");
                assert!(parameter["name"] != "hard_delete" || parameter["example"] != true);
            }
        }
    }
}
