//! The resources and the limits in the OpenAPI document.

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{KnownFormat, ObjectBuilder, RefOr, Schema, SchemaFormat, Type, schema::SchemaType},
};

use super::{DailyResource, LIMITS, LimitDeclaration, Limits, MOST, Resource, Unit};

impl PartialSchema for Resource {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A resource that a tenant's plan limits."))
            .enum_values(Some(Self::ALL.map(Self::as_str)))
            .into()
    }
}

impl ToSchema for Resource {}

impl PartialSchema for DailyResource {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .description(Some("A resource that is limited per UTC day."))
            .enum_values(Some(Self::ALL.map(Self::as_str)))
            .into()
    }
}

impl ToSchema for DailyResource {}

impl PartialSchema for Limits {
    fn schema() -> RefOr<Schema> {
        let mut limits = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("The maximum usage of each resource."));
        for limit in LIMITS {
            let member = limit.schema(Type::Integer).description(Some(limit.description));
            limits = limits.property(limit.name, member);
            if limit.default.is_none() {
                limits = limits.required(limit.name);
            }
        }
        limits.into()
    }
}

impl ToSchema for Limits {}

impl LimitDeclaration {
    /// Returns the schema of a value, without its description.
    fn schema(&self, of_type: impl Into<SchemaType>) -> ObjectBuilder {
        ObjectBuilder::new()
            .schema_type(of_type)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(self.minimum))
            .maximum(Some(MOST))
    }

    /// Returns the schema of a value in an update. The name of a count says all, so a count has no description.
    pub(crate) fn update_schema(&self) -> ObjectBuilder {
        let schema = self.schema(SchemaType::from_iter([Type::Integer, Type::Null]));
        let default = self.default.map(|default| match self.unit {
            Unit::Bytes => format!(" The default for a new plan is {} MiB.", default >> 20),
            Unit::Count => format!(" The default for a new plan is {default}."),
        });
        match (self.unit, default) {
            (Unit::Count, None) => schema,
            (_, default) => {
                let default = default.unwrap_or_default();
                schema.description(Some(format!("{}{default}", self.description)))
            }
        }
    }
}
