//! Schemas as generated clients need them: named items, binary bodies, enumerations, and required members.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Names of schemas in the document, where the type of the service has another one.
/// `File` is a type of many generated clients themselves.
const NAMES: [(&str, &str); 16] = [
    ("OperatorTenantView", "Tenant"),
    ("TenantView", "TenantInfo"),
    ("ShownOnce", "CreatedApiKey"),
    ("ShownOperatorKey", "CreatedOperatorKey"),
    ("UsageAnswer", "TenantUsage"),
    ("File", "StoredFile"),
    ("FilePage", "StoredFilePage"),
    ("Page_ApiKeyView", "ApiKeyPage"),
    ("Page_OperatorKey", "OperatorKeyPage"),
    ("Page_OperatorTenantView", "TenantPage"),
    ("Page_Plan", "PlanPage"),
    ("Page_Session", "SessionPage"),
    ("Page_Used", "UsageRecordPage"),
    ("Page_User", "UserPage"),
    ("ApiKeyView", "ApiKey"),
    ("Used", "UsageRecord"),
];

/// The tags, with their descriptions.
const TAGS: [(&str, &str); 18] = [
    ("Roles", "The permissions, roles and groups that a tenant defines."),
    ("API keys", "Credentials for the services of a tenant."),
    ("Accounts", "Flows by mail: a new password, and the proof of an address."),
    ("Administration", "Tenants, usage and maintenance, for operators."),
    ("Audit", "The audit trails."),
    ("Cache", "A cache that belongs to the tenant."),
    ("Database", "The tenant's own database, for its application."),
    ("Files", "Encrypted file storage."),
    ("Operator keys", "Credentials of operators."),
    ("Other services", "Verification of credentials for gateways and services."),
    ("Passkeys", "Registration of passkeys, and sign-in with them."),
    ("Plans", "Limits that tenants share."),
    ("Profile", "The signed-in user."),
    ("Second factors", "One-time passwords and recovery codes of the signed-in user."),
    ("Service", "The state of the service, its metrics and its documentation."),
    ("Signing in", "Sign-in, sessions and tokens."),
    ("Tenant", "The tenant of the caller."),
    ("Users", "The users of a tenant."),
];

/// Members of responses that may be absent. All other members are always present, although some may be null.
const OPTIONAL: &[(&str, &[&str])] = &[
    (
        "Problem",
        &[
            "challenge",
            "expires_in",
            "second_factors",
            "errors",
            "error",
            "resource",
            "limit",
            "usage",
        ],
    ),
    ("SignedIn", &["recovery_codes"]),
    (
        "ActiveToken",
        &[
            "client_id",
            "username",
            "role",
            "sid",
            "iss",
            "aud",
            "jti",
            "iat",
            "nbf",
            "exp",
            "acr",
            "auth_time",
        ],
    ),
    ("CreatedUser", &["setup_token"]),
    ("Check", &["latency_ms"]),
    ("Report", &["settings"]),
];

/// Values of members that are strings in the types of the service.
const ENUMERATIONS: &[(&str, &str, &[&str])] = &[
    ("LoggedEvent", "severity", &["info", "warning", "critical"]),
    ("LoggedEvent", "result", &["success", "failure"]),
    (
        "LoggedEvent",
        "actor_type",
        &["platform", "operator_key", "user", "api_key", "system", "anonymous"],
    ),
];

/// Returns the tags with their descriptions.
pub fn tags() -> Value {
    let tags = TAGS.iter();
    tags.map(|(name, description)| json!({ "name": name, "description": description })).collect()
}

/// Improves the schemas of the whole document.
pub fn improve(document: &mut Value) {
    name_items(document);
    mark_binary_bodies(document);
    for (schema, member, values) in ENUMERATIONS {
        let member = &mut document["components"]["schemas"][*schema]["properties"][*member];
        assert_eq!(member["type"], "string", "{schema} {member}");
        member["enum"] = json!(values);
    }
    require_members(document);
    describe_defaults(document);
    rename(document);
}

/// Refers to the items of a page by name.
fn name_items(document: &mut Value) {
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    let mut references = BTreeMap::new();
    for (name, schema) in schemas.iter() {
        let Some(item) = name.strip_prefix("Page_") else { continue };
        let inline = &schema["properties"]["items"]["items"];
        if inline["$ref"].is_null() {
            assert_eq!(schemas.get(item), Some(inline), "the items of {name} are not {item}");
        }
        references.insert(name.clone(), format!("#/components/schemas/{item}"));
    }
    for (name, reference) in references {
        let page = schemas.get_mut(&name).unwrap();
        page["properties"]["items"]["items"] = json!({ "$ref": reference });
    }
}

/// A body of bytes is binary in both directions.
fn mark_binary_bodies(document: &mut Value) {
    let paths = document["paths"].as_object_mut().unwrap().values_mut();
    let operations = paths.flat_map(|path| path.as_object_mut().unwrap().values_mut());
    for operation in operations {
        let mut contents: Vec<_> = Vec::new();
        let members = operation.as_object_mut().unwrap().iter_mut();
        for (name, member) in members {
            match name.as_str() {
                "requestBody" => contents.push(&mut member["content"]),
                "responses" => {
                    let responses = member.as_object_mut().unwrap().values_mut();
                    contents.extend(responses.filter_map(|response| response.get_mut("content")));
                }
                _ => {}
            }
        }
        for content in contents {
            if let Some(bytes) = content.get_mut("application/octet-stream") {
                bytes["schema"] = json!({ "type": "string", "format": "binary" });
            }
        }
    }
}

/// Requires the members that each response has.
fn require_members(document: &mut Value) {
    let of_requests = referred(document, |operation| &operation["requestBody"]);
    let of_responses = referred(document, |operation| &operation["responses"]);
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for (name, schema) in schemas {
        if !of_responses.contains(name) || of_requests.contains(name) {
            continue;
        }
        let optional = OPTIONAL.iter().find(|(own, _)| own == name);
        require(schema, optional.map_or(&[], |(_, members)| members));
    }
}

/// Requires all members of a schema, or of its parts, except the optional ones.
fn require(schema: &mut Value, optional: &[&str]) {
    if let Some(members) = schema["properties"].as_object() {
        let is_required = |member: &&String| !optional.contains(&member.as_str());
        let required: Vec<_> = members.keys().filter(is_required).collect();
        schema["required"] = json!(required);
    }
    for combination in ["allOf", "oneOf"] {
        let parts = schema.get_mut(combination).and_then(Value::as_array_mut);
        parts.into_iter().flatten().for_each(|part| require(part, optional));
    }
}

/// Describes defaults of requests in words: some generators require each member that has a default.
fn describe_defaults(document: &mut Value) {
    let of_requests = referred(document, |operation| &operation["requestBody"]);
    let schemas = document["components"]["schemas"].as_object_mut().unwrap();
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| of_requests.contains(name)) {
        let members = schema.get_mut("properties").and_then(Value::as_object_mut);
        for member in members.into_iter().flat_map(|members| members.values_mut()) {
            let Some(default) = member.as_object_mut().and_then(|member| member.remove("default"))
            else {
                continue;
            };
            let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
            let description = member["description"].as_str().unwrap_or_default();
            let description = format!("{description} The default is `{default}`.");
            member["description"] = json!(description.trim_start());
        }
    }
}

/// Returns the names of the schemas that a part of any operation refers to, directly or not.
fn referred(document: &Value, part: impl Fn(&Value) -> &Value) -> Vec<String> {
    fn collect(value: &Value, schemas: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                if let Some(reference) = members.get("$ref").and_then(Value::as_str)
                    && let Some(name) = reference.strip_prefix("#/components/schemas/")
                    && !found.iter().any(|own| own == name)
                {
                    found.push(name.to_owned());
                    collect(&schemas[name], schemas, found);
                }
                members.values().for_each(|value| collect(value, schemas, found));
            }
            Value::Array(values) => values.iter().for_each(|value| collect(value, schemas, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    for path in document["paths"].as_object().unwrap().values() {
        for operation in path.as_object().unwrap().values() {
            collect(part(operation), &document["components"]["schemas"], &mut found);
        }
    }
    found
}

fn rename(document: &mut Value) {
    let mut text = document.to_string();
    for (from, to) in NAMES {
        assert!(!text.contains(&format!("\"{to}\":")), "{to} exists");
        text = text.replace(
            &format!("\"#/components/schemas/{from}\""),
            &format!("\"#/components/schemas/{to}\""),
        );
        text = text.replace(&format!("\"{from}\":"), &format!("\"{to}\":"));
    }
    *document = serde_json::from_str(&text).unwrap();
}
