//! The types that follow from the declaration of the resources.

/// A limit of plans and tenants.
#[derive(Debug, Clone, Copy)]
pub struct LimitDeclaration {
    /// The name in requests and responses. The limit of a resource has the name of the resource.
    pub name: &'static str,
    /// The description in the OpenAPI document.
    pub description: &'static str,
    /// The column of `plans`, and the member of `tenants.limit_overrides`.
    pub plan_column: &'static str,
    /// The unit.
    pub unit: Unit,
    /// The limit of a new plan that does not state it: the default of the column. `None` if a new plan must state it.
    pub default: Option<i64>,
    /// The minimum.
    pub minimum: i64,
}

/// The unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A number of things.
    Count,
    /// Bytes.
    Bytes,
}

/// Declares the resources and the limits.
///
/// A resource has a variant of [`Resource`](super::Resource) and a limit, which has the name of the resource. Limits
/// appear in requests and responses in the order of the declaration, and resources in lists in the order of `place`,
/// which starts from 1.
macro_rules! resources {
    (
        quantities { $(
            $quantity:ident: $quantity_name:ident {
                description: $quantity_description:literal,
                plan_column: $quantity_column:literal,
                unit: $quantity_unit:expr,
                default: $quantity_default:expr,
                place: $quantity_place:literal,
            }
        )+ }
        daily { $(
            $daily:ident: $daily_name:ident {
                description: $daily_description:literal,
                plan_column: $daily_column:literal,
                unit: $daily_unit:expr,
                default: $daily_default:expr,
                place: $daily_place:literal,
            }
        )+ }
        other_limits { $(
            $other_name:ident {
                description: $other_description:literal,
                plan_column: $other_column:literal,
                unit: $other_unit:expr,
                default: $other_default:expr,
                minimum: $other_minimum:literal,
            }
        )+ }
    ) => {
        /// A resource that a tenant's plan limits.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Resource {
            $(#[doc = $quantity_description] $quantity,)+
            $(#[doc = $daily_description] $daily,)+
        }

        impl Resource {
            /// Lists every resource.
            pub const ALL: [Self; Quantity::ALL.len() + DailyResource::ALL.len()] = {
                let placed = [
                    $((Self::$quantity, $quantity_place),)+
                    $((Self::$daily, $daily_place),)+
                ];
                let mut all = [placed[0].0; Quantity::ALL.len() + DailyResource::ALL.len()];
                let mut index = 0;
                while index < placed.len() {
                    let (resource, place) = placed[index];
                    all[place - 1] = resource;
                    index += 1;
                }
                all
            };

            /// Returns the name of the resource.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$quantity => stringify!($quantity_name),)+
                    $(Self::$daily => stringify!($daily_name),)+
                }
            }

            /// Returns the kind of the resource.
            pub const fn kind(self) -> Kind {
                match self {
                    $(Self::$quantity => Kind::Quantity(Quantity::$quantity),)+
                    $(Self::$daily => Kind::Daily(DailyResource::$daily),)+
                }
            }

            /// Returns the unit of the resource.
            pub const fn unit(self) -> Unit {
                match self {
                    $(Self::$quantity => $quantity_unit,)+
                    $(Self::$daily => $daily_unit,)+
                }
            }
        }

        /// A resource that exists at one time.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Quantity {
            $(#[doc = $quantity_description] $quantity,)+
        }

        impl Quantity {
            /// Lists every quantity.
            pub const ALL: [Self; [$(stringify!($quantity),)+].len()] = [$(Self::$quantity,)+];
        }

        /// A resource that is limited per UTC day.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum DailyResource {
            $(#[doc = $daily_description] $daily,)+
        }

        impl DailyResource {
            /// Lists every daily resource, in the order of the variants.
            pub const ALL: [Self; [$(stringify!($daily),)+].len()] = [$(Self::$daily,)+];

            /// Converts the daily resource to a resource.
            pub const fn resource(self) -> Resource {
                match self {
                    $(Self::$daily => Resource::$daily,)+
                }
            }
        }

        /// The maximum usage of each resource.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Limits {
            $(#[doc = $quantity_description] pub $quantity_name: i64,)+
            $(#[doc = $daily_description] pub $daily_name: i64,)+
            $(#[doc = $other_description] pub $other_name: i64,)+
        }

        impl Limits {
            /// Returns the limit of a resource.
            pub const fn of(&self, resource: Resource) -> i64 {
                match resource {
                    $(Resource::$quantity => self.$quantity_name,)+
                    $(Resource::$daily => self.$daily_name,)+
                }
            }

            /// Creates the limits from the values of the columns of `plans`.
            pub(crate) fn from_plan<E>(
                mut value: impl FnMut(&'static str) -> Result<i64, E>,
            ) -> Result<Self, E> {
                Ok(Self {
                    $($quantity_name: value($quantity_column)?,)+
                    $($daily_name: value($daily_column)?,)+
                    $($other_name: value($other_column)?,)+
                })
            }
        }

        /// The declarations of all limits, in the order of the members of [`Limits`].
        pub const LIMITS: &[LimitDeclaration] = &[
            $(LimitDeclaration {
                name: stringify!($quantity_name),
                description: $quantity_description,
                plan_column: $quantity_column,
                unit: $quantity_unit,
                default: $quantity_default,
                minimum: 0,
            },)+
            $(LimitDeclaration {
                name: stringify!($daily_name),
                description: $daily_description,
                plan_column: $daily_column,
                unit: $daily_unit,
                default: $daily_default,
                minimum: 0,
            },)+
            $(LimitDeclaration {
                name: stringify!($other_name),
                description: $other_description,
                plan_column: $other_column,
                unit: $other_unit,
                default: $other_default,
                minimum: $other_minimum,
            },)+
        ];

        /// Amounts of each resource.
        #[derive(Debug, Clone, Serialize, ToSchema)]
        pub struct Amounts {
            $($quantity_name: i64,)+
            $($daily_name: i64,)+
        }

        impl Amounts {
            /// Creates the amounts of all resources.
            pub(crate) fn new(amount: impl Fn(Resource) -> i64) -> Self {
                Self {
                    $($quantity_name: amount(Resource::$quantity),)+
                    $($daily_name: amount(Resource::$daily),)+
                }
            }
        }
    };
}
pub(super) use resources;
