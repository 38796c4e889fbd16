//! Lists of users, for operators and for tenants.

use tenancy::{access::Role, metadata::MetadataFilter, user::repo::Filter};

use crate::PageQuery;

tenancy::fields! {
    /// The users to return.
    #[derive(utoipa::IntoParams)]
    #[into_params(parameter_in = Query)]
    pub struct Selection {
        /// Restricts the list to users with this built-in role.
        role: Option<Role>,
        /// Restricts the list to active or to deactivated users.
        is_active: Option<bool>,
        /// Restricts the list to users with this text in their e-mail address or one of their names.
        search: Option<String>,
        /// Restricts the list to users whose public metadata contain this JSON object, such as `{"team": "sales"}`.
        #[param(value_type = Option<String>, max_length = 1024)]
        public_metadata: Option<MetadataFilter>,
    }
}

impl Selection {
    /// Returns the filter for a page of these users.
    pub fn on(self, page: &PageQuery) -> Filter {
        let Self { role, is_active, search, public_metadata } = self;
        Filter {
            offset: page.offset,
            limit: page.limit.get(),
            role,
            is_active,
            search: search.filter(|text| !text.is_empty()),
            public_metadata,
            ..Filter::default()
        }
    }
}
