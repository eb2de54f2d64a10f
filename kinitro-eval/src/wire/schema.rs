//! Schemas of types from `kinitro-core`, which does not depend on `utoipa`.

use utoipa::ToSchema;

/// Weights in the unit of the chain: two lists of the same length and order.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct ChainWeights {
    /// The miners.
    uids: Vec<u16>,
    /// Their weights, in units of 1/65535.
    values: Vec<u16>,
}

/// The rule that made weights.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Method {
    /// The name of the rule.
    name: String,
    /// All its options.
    #[schema(value_type = Object)]
    options: serde_json::Value,
}

/// How an episode ended.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Outcome {
    /// `success`, `failure`, `policy_fault`, `infra_fault` or `cancelled`.
    outcome: String,
    /// Of a policy's fault: `unreachable`, `timeout`, `bad_answer`, `bad_action` or `error`; of
    /// one of the infrastructure: `simulator`, `container` or `database`.
    kind: Option<String>,
    /// What happened. There for faults only.
    detail: Option<String>,
}
