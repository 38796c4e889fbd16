//! Usage and limits.

use serde_json::{Value, json};

use super::{Tenant, today};
use crate::{
    api::{Api, expect, refused},
    ledger::Ledger,
};

/// The limits of a day.
const REQUESTS: u64 = 12;
const CALLS: u64 = 9;

/// A tenant that has used its limits except for one unit.
pub struct Quota {
    tenant: Tenant,
    /// An API key with a limit of calls for a day.
    key: String,
}

impl Quota {
    pub fn create(api: &Api, ledger: &Ledger) -> Self {
        let tenant = Tenant::create(api, ledger, "quota");
        let limits = json!({ "limits": { "ai_requests": REQUESTS } });
        let path = format!("/admin/tenants/{}", tenant.id);
        expect(api.operator(http::Method::PATCH, &path).json(&limits), 200);
        for number in 1..REQUESTS {
            assert_eq!(expect(report(api, &tenant, number), 200)["current_usage"], number);
        }
        let body =
            json!({ "name": "Limited", "scopes": ["files:read"], "max_requests_per_day": CALLS });
        let created = tenant.create_key(api, ledger, &body);
        let key = created["api_key"].as_str().unwrap().to_owned();
        for _ in 1..CALLS {
            expect(api.get("/api/v1/auth/verify").token(&key), 200);
        }
        Self { tenant, key }
    }

    /// The calls of an API key continue only if Redis keeps its counters (`has_same_counters`).
    pub fn check(&self, api: &Api, has_same_counters: bool) {
        let day = &self.tenant.created_on;
        assert_eq!(*day, today(), "limits of a day end at midnight (UTC): run the test again");
        // A repeated report has no effect. The response is that of the first time.
        let repeated = expect(report(api, &self.tenant, 1), 200);
        assert_eq!(repeated["current_usage"], 1, "{repeated}");
        let last = expect(report(api, &self.tenant, REQUESTS), 200);
        assert_eq!(last["current_usage"], REQUESTS, "{last}");
        refused(report(api, &self.tenant, REQUESTS + 1), 429, "quota_exceeded");
        let path =
            format!("/api/v1/tenant/usage/history?resource_type=ai_requests&from={day}&to={day}");
        let history = expect(api.get(&path).token(&self.tenant.key), 200);
        assert_eq!(amount(&history), REQUESTS, "{history}");
        let call = || api.get("/api/v1/auth/verify").token(&self.key);
        expect(call(), 200);
        if has_same_counters {
            refused(call(), 429, "rate_limited");
        }
    }
}

/// Returns a report of one request.
fn report(api: &Api, tenant: &Tenant, number: u64) -> e2e::Call {
    let body = json!({ "resource_type": "ai_requests", "amount": 1, "idempotency_key": number.to_string() });
    api.post("/api/v1/tenant/usage", &body).token(&tenant.key)
}

/// Returns the sum of a history.
fn amount(history: &Value) -> u64 {
    let items = history["items"].as_array().unwrap().iter();
    items.filter_map(|item| item["amount"].as_u64()).sum()
}
