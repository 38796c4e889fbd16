//! `POST /api/v1/tenant/usage`

use chrono::NaiveDate;
use http::{HeaderName, HeaderValue};
use serde::Serialize;
use tenancy::{
    Error, Result,
    input::{FromField, Text},
    quota::{self, Reported},
    resource::DailyResource,
    usage::stats::Usage,
};
use utoipa::ToSchema;
use web::{Member, Response};

tenancy::fields! {
    /// Consumption of the tenant's quota, reported by another service.
    #[derive(ToSchema)]
    #[schema(as = UsageReport)]
    struct Request {
        resource_type: DailyResource,
        #[schema(required = false, value_type = i64, minimum = 1, maximum = 1_000_000, default = 1)]
        amount: Amount = Amount(1),
        /// The idempotency key of the report. Reports with the same key are added only once. The header
        /// `Idempotency-Key` is equivalent.
        idempotency_key: Option<Key>,
    }
}

/// An amount from 1 to 1,000,000.
struct Amount(i64);

impl FromField for Amount {
    fn from_json(value: serde_json::Value) -> Result<Self, String> {
        match value.as_i64() {
            Some(amount @ 1..=1_000_000) => Ok(Self(amount)),
            _ => Err("must be a whole number from 1 to 1000000".to_owned()),
        }
    }
}

/// An idempotency key of 1 to 255 characters, without control characters.
#[derive(ToSchema)]
#[schema(as = IdempotencyKey, value_type = String, min_length = 1, max_length = 255)]
struct Key(String);

impl Text for Key {
    fn parse(text: &str) -> Result<Self, String> {
        if (1..=255).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err("must have 1 to 255 characters and no control characters".to_owned())
        }
    }
}

/// The result of a usage report.
#[derive(Serialize, ToSchema)]
#[schema(as = ReportedUsage)]
struct Counted {
    #[serde(flatten)]
    usage: Usage,
    /// The amount that this report added.
    amount: i64,
    /// The day of the usage, in UTC.
    day: NaiveDate,
}

web::endpoint! {
    /// Adds consumption to the tenant's usage.
    ///
    /// The whole amount is counted, or none of it if it exceeds the limit. Reports with the same idempotency key are
    /// added only once, even after failures. Keys are stored for one day.
    ENDPOINT: POST "/api/v1/tenant/usage" => handler,
    access: Member(UsageWrite),
    operation_id: "reportUsage",
    problems: [(422, &["idempotency_key_reused"])],
    headers: ["Idempotency-Replayed"],
    openapi: (
        tag = "Other services",
        params(("Idempotency-Key" = Option<String>, Header, max_length = 255,
                description = "The idempotency key of the report.")),
        request_body = Request,
        responses((status = 200, description = "The usage is counted.", body = Counted)),
    ),
}

async fn handler(mut member: Member) -> Result<Response> {
    let header = member.call().idempotency_key()?;
    let Request { resource_type, amount: Amount(amount), idempotency_key } =
        member.call().json().await?;
    let key = match (header, idempotency_key) {
        (Some(header), Some(Key(field))) if header != field => {
            let message = "differs from the `Idempotency-Key` header";
            return Err(Error::invalid_field("idempotency_key", message));
        }
        (header, field) => header.or(field.map(|key| key.0)),
    };
    let (context, tenant, actor) = (member.context(), member.tenant(), member.actor());
    let reported = match &key {
        Some(key) => quota::report(context, tenant, resource_type, amount, key, &actor).await?,
        None => {
            let used = quota::consume(context, tenant, resource_type, amount, &actor).await?;
            let usage = used
                .ok_or_else(|| Error::unavailable("Redis, which counts usage, is unavailable"))?;
            let day = context.platform.clock.now().date_naive();
            Reported { day, usage, is_replay: false }
        }
    };
    let resource = resource_type.resource();
    let limit = tenant.limits.of(resource);
    member.used(resource, reported.usage, limit);
    let counted =
        Counted { usage: Usage::new(resource, reported.usage, limit), amount, day: reported.day };
    let mut response = Response::ok(&counted);
    if reported.is_replay {
        response = response.with_header(
            HeaderName::from_static("idempotency-replayed"),
            HeaderValue::from_static("true"),
        );
    }
    Ok(response)
}
