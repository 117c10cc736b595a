//! The table of rules.

mod constants;
mod deciding;
mod enabled;
mod functions;
mod grants;
mod indexes;
mod keys;
mod metadata;
mod moved;
mod per_row;
mod permissive;
mod platform;
mod privilege;
mod recursion;
mod triggers;
mod views;

use super::{Category, Facts, Hit, Level, Object, Rule, facts};

/// Every rule, by code. The advisor's 0012 and 0026 to 0027 are here where their service is on.
pub static ALL: &[Rule] = &[
    keys::UNINDEXED_FOREIGN_KEYS,
    views::AUTH_USERS_EXPOSED,
    per_row::AUTH_RLS_INITPLAN,
    keys::NO_PRIMARY_KEY,
    indexes::UNUSED_INDEX,
    permissive::MULTIPLE_PERMISSIVE_POLICIES,
    enabled::POLICY_EXISTS_RLS_DISABLED,
    enabled::RLS_ENABLED_NO_POLICY,
    indexes::DUPLICATE_INDEX,
    views::SECURITY_DEFINER_VIEW,
    functions::FUNCTION_SEARCH_PATH_MUTABLE,
    platform::AUTH_ALLOW_ANONYMOUS_SIGN_INS,
    enabled::RLS_DISABLED_IN_PUBLIC,
    platform::EXTENSION_IN_PUBLIC,
    metadata::RLS_REFERENCES_USER_METADATA,
    views::MATERIALIZED_VIEW_IN_API,
    views::FOREIGN_TABLE_IN_API,
    platform::UNSUPPORTED_REG_TYPES,
    enabled::INSECURE_QUEUE_EXPOSED_IN_API,
    indexes::TABLE_BLOAT,
    keys::FKEY_TO_AUTH_UNIQUE,
    platform::EXTENSION_VERSIONS_OUTDATED,
    grants::SENSITIVE_COLUMNS_EXPOSED,
    constants::RLS_POLICY_ALWAYS_TRUE,
    platform::PUBLIC_BUCKET_ALLOWS_LISTING,
    platform::PG_GRAPHQL_ANON_TABLE_EXPOSED,
    platform::PG_GRAPHQL_AUTHENTICATED_TABLE_EXPOSED,
    functions::ANON_SECURITY_DEFINER_FUNCTION_EXECUTABLE,
    functions::AUTHENTICATED_SECURITY_DEFINER_FUNCTION_EXECUTABLE,
    recursion::POLICY_RECURSION,
    privilege::PRIVILEGED_COLUMN_WRITABLE,
    deciding::POLICY_DECIDES_BY_WRITABLE_COLUMN,
    moved::ROW_CAN_BE_GIVEN_AWAY,
    moved::OWNER_NOT_CHECKED,
    moved::REFERENCE_NOT_CHECKED,
    moved::UPDATE_WITHOUT_CHECK,
    permissive::POLICIES_OR_INTO_A_LEAK,
    constants::POLICY_ALWAYS_TRUE_BRANCH,
    constants::POLICY_LETS_STRANGERS_IN,
    constants::POLICY_NEVER_TRUE,
    constants::POLICY_COMPARES_NULL,
    grants::POLICY_FOR_PUBLIC,
    grants::PERSONAL_COLUMNS_PUBLIC,
    grants::TRUNCATE_GRANTED,
    metadata::POLICY_FUNCTION_READS_USER_METADATA,
    metadata::POLICY_TRUSTS_UNCONFIRMED_EMAIL,
    enabled::ONLY_RESTRICTIVE_POLICIES,
    enabled::FORCE_RLS_MISSING,
    platform::ROLE_BYPASSES_RLS,
    functions::DEFINER_SEARCH_PATH_SHADOWED,
    functions::FUNCTION_CALLABLE_BY_PUBLIC,
    functions::LEAKPROOF_FUNCTION,
    functions::FUNCTION_DOES_NOT_COMPILE,
    triggers::TRIGGER_WRITES_PAST_RLS,
    indexes::UNINDEXED_POLICY_COLUMN,
    per_row::VOLATILE_FUNCTION_IN_POLICY,
];

/// The base of a rule; what differs is said at the rule.
const fn rule(
    name: &'static str,
    code: &'static str,
    level: Level,
    category: Category,
    check: fn(&Facts<'_>) -> Vec<Hit>,
) -> Rule {
    Rule { name, code, title: "", level, category, why: "", remedy: "", check }
}
