//! Schemas of types from `kinitro-core`, which does not depend on `utoipa`.

use utoipa::ToSchema;

/// Weights in the chain's units: two lists of equal length, in the same order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ChainWeights {
    /// The miners' slots.
    uids: Vec<u16>,
    /// Their weights in units of 1/65535, 0 to 65535.
    values: Vec<u16>,
}

/// The rule that the weights were computed by.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Method {
    /// The name of the rule.
    name: String,
    /// All options of the rule.
    #[schema(value_type = Object)]
    options: serde_json::Value,
}

/// How an episode ended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Outcome {
    /// `success`, `failure`, `policy_fault`, `infra_fault` or `cancelled`.
    outcome: String,
    /// For a `policy_fault`: `unreachable`, `timeout`, `bad_answer`, `bad_action` or `error`. For
    /// an `infra_fault`: `simulator`.
    kind: Option<String>,
    /// What happened; present for faults only.
    detail: Option<String>,
}
