//! The declaration of resources and limits (`crates/tenancy/src/resource.rs`) determines everything else: these tests
//! check each declared one in the catalog, the API, the OpenAPI document and the metrics.

use std::collections::BTreeMap;

use e2e::{World, unique};
use http::Method;
use postgres::error::SqlState;
use serde_json::{Map, Value, json};
use tenancy::resource::{DailyResource, LIMITS, LimitDeclaration, Resource};

#[test]
fn plans_have_column_of_each_limit() {
    let mut catalog = World::get().services.superuser("tenancy");
    let statement = "SELECT column_name::text, column_default::text FROM information_schema.columns
                     WHERE table_name = 'plans' AND data_type = 'bigint' AND is_nullable = 'NO'";
    let columns: BTreeMap<String, Option<String>> =
        catalog.query(statement, &[]).unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let declared: Vec<_> = LIMITS.iter().map(|limit| limit.plan_column).collect();
    assert!(columns.keys().all(|column| declared.contains(&column.as_str())), "{columns:?}");
    for LimitDeclaration { plan_column, default, minimum, .. } in LIMITS {
        let in_catalog = columns.get(*plan_column);
        let in_catalog = in_catalog.unwrap_or_else(|| panic!("plans has no column {plan_column}"));
        // A number above 32 bits is shown as '5000000000'::bigint.
        let number = |text: &String| -> i64 {
            text.trim_start_matches('\'').trim_end_matches("'::bigint").parse().unwrap()
        };
        assert_eq!(in_catalog.as_ref().map(number), *default, "{plan_column}");
        let too_low = format!("UPDATE plans SET {plan_column} = {minimum} - 1");
        let error = catalog.execute(&too_low, &[]).unwrap_err();
        assert_eq!(error.code(), Some(&SqlState::CHECK_VIOLATION), "{plan_column}: {error}");
    }
}

#[test]
fn usage_tables_accept_each_resource() {
    let mut catalog = World::get().services.superuser("tenancy");
    let mut accepted = |table: &str| -> String {
        let statement = "SELECT pg_get_constraintdef(oid) FROM pg_constraint
                         WHERE conrelid = $1::text::regclass AND conname = $1 || '_resource_check'";
        catalog.query_one(statement, &[&table]).unwrap().get(0)
    };
    let (usage, reports) = (accepted("tenant_usage"), accepted("tenant_usage_reports"));
    for resource in Resource::ALL {
        assert!(usage.contains(&format!("'{}'", resource.as_str())), "{resource:?}: {usage}");
    }
    for resource in DailyResource::ALL {
        assert!(reports.contains(&format!("'{}'", resource.as_str())), "{resource:?}: {reports}");
    }
}

#[test]
fn openapi_has_each_resource_and_limit() {
    let text = std::fs::read_to_string(e2e::root().join("docs/openapi.json")).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let schema = |name: &str| &document["components"]["schemas"][name];
    assert_eq!(schema("Resource")["enum"], json!(Resource::ALL));
    assert_eq!(schema("DailyResource")["enum"], json!(DailyResource::ALL));
    for resource in Resource::ALL {
        assert!(schema("Amounts")["properties"][resource.as_str()].is_object(), "{resource:?}");
    }
    for limit in LIMITS {
        for name in ["Limits", "LimitChange"] {
            let member = &schema(name)["properties"][limit.name];
            assert_eq!(member["minimum"], limit.minimum, "{name}.{}", limit.name);
        }
    }
}

#[test]
fn metrics_have_label_of_each_resource() {
    let metrics = World::get().get_path("/metrics").send().text;
    for resource in Resource::ALL {
        let series = format!("tenancy_quota_refusals_total{{resource=\"{}\"}}", resource.as_str());
        assert!(metrics.contains(&series), "{series}");
    }
}

#[test]
fn usage_lists_each_resource() {
    let tenant = World::get().tenant();
    let get = |path: &str| tenant.get(path).token(&tenant.admin.access_token).send().expect(200);
    let usage = get("/api/v1/tenant/usage");
    let names = usage["items"].as_array().unwrap().iter().map(|item| &item["resource_type"]);
    assert_eq!(names.collect::<Vec<_>>(), Resource::ALL.map(Resource::as_str));
    let stats = get("/api/v1/tenant/stats");
    for resource in Resource::ALL {
        assert!(stats["usage"][resource.as_str()].is_i64(), "{resource:?}: {stats}");
    }
    assert_eq!(stats["usage"].as_object().unwrap().len(), Resource::ALL.len());
}

#[test]
fn plan_stores_each_limit() {
    let world = World::get();
    let limits = |first: i64, declared: &dyn Fn(&LimitDeclaration) -> bool| -> Map<String, Value> {
        let declared = LIMITS.iter().filter(|limit| declared(limit));
        declared.zip(first..).map(|(limit, value)| (limit.name.to_owned(), json!(value))).collect()
    };
    let create = |limits: &Map<String, Value>| {
        let body = json!({ "name": unique("plan"), "limits": limits });
        world.admin_post("/admin/plans", &body).send().expect(201)
    };
    let all = limits(10, &|_| true);
    let plan = create(&all);
    assert_eq!(plan["limits"], json!(all));
    // Each limit can be changed, also separately.
    let path = format!("/admin/plans/{}", plan["name"].as_str().unwrap());
    let mut changed = all;
    for limit in LIMITS {
        changed.insert(limit.name.to_owned(), json!(limit.minimum));
        let body = json!({ "limits": { limit.name: limit.minimum } });
        let plan = world.admin(Method::PATCH, &path).json(&body).send().expect(200);
        assert_eq!(plan["limits"], json!(changed));
    }
    // A new plan gets the default of each limit that it does not state.
    let required = limits(10, &|limit| limit.default.is_none());
    let plan = create(&required);
    for limit in LIMITS {
        let expected = limit.default.map_or_else(|| required[limit.name].clone(), Value::from);
        assert_eq!(plan["limits"][limit.name], expected, "{}", limit.name);
    }
}

// S35
#[test]
fn daily_resource_is_limited_and_in_history() {
    let tenant = World::get().tenant();
    let key = tenant.api_key(&["usage:write"]);
    // Each request of this test is also a call.
    let is_reported_only = |resource: &DailyResource| *resource != DailyResource::ApiCalls;
    for resource in DailyResource::ALL.into_iter().filter(is_reported_only) {
        let name = resource.as_str();
        tenant.limit(&json!({ name: 3 }));
        let report = |amount: i64| {
            let body = json!({ "resource_type": name, "amount": amount });
            tenant.post("/api/v1/tenant/usage", &body).token(&key).send()
        };
        let counted = report(3);
        assert_eq!(counted.expect(200)["remaining"], 0);
        assert_eq!(counted.header("quota-warning"), format!("{name};usage=3;limit=3"));
        let problem = report(1).expect_problem(429, "quota_exceeded");
        assert_eq!((&problem["resource"], &problem["usage"]), (&json!(name), &json!(3)));
        assert_eq!(tenant.used(name)["current_usage"], 3);
        let history = tenant
            .get(&format!("/api/v1/tenant/usage/history?resource_type={name}"))
            .token(&tenant.admin.access_token)
            .send()
            .expect(200);
        assert_eq!((&history["total"], &history["items"][0]["amount"]), (&json!(1), &json!(3)));
    }
}
