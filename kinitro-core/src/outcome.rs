//! How an episode ended. One type from the simulator to the database and the reports.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How an episode ended, which decides whether it counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// The robot solved the scenario. Counts as 1.
    Success,
    /// The robot did not solve it: it failed on the way, or its steps were used up. Counts as 0.
    Failure,
    /// The policy could not be reached or broke the protocol. Counts as 0.
    PolicyFault(PolicyFault),
    /// Something on our side failed, such as the simulator. Retried, never counted.
    InfraFault(InfraFault),
    /// Stopped from outside before the end. Never counted.
    Cancelled,
}

impl Outcome {
    /// What the episode counts for: `Some(1.0)` or `Some(0.0)`; `None` for an infrastructure fault or
    /// a cancelled episode, which say nothing about the policy.
    pub fn score(&self) -> Option<f64> {
        match self {
            Self::Success => Some(1.0),
            Self::Failure | Self::PolicyFault(_) => Some(0.0),
            Self::InfraFault(_) | Self::Cancelled => None,
        }
    }

    /// A short name that groups faults by kind: `success`, `failure`, `policy_fault:timeout`, ...
    pub fn label(&self) -> String {
        match self {
            Self::Success => "success".to_owned(),
            Self::Failure => "failure".to_owned(),
            Self::PolicyFault(fault) => format!("policy_fault:{}", fault.kind.as_str()),
            Self::InfraFault(fault) => format!("infra_fault:{}", fault.kind.as_str()),
            Self::Cancelled => "cancelled".to_owned(),
        }
    }
}

macro_rules! fault {
    (
        $(#[$struct_doc:meta])* struct $name:ident;
        $(#[$enum_doc:meta])* enum $kind:ident {
            $($(#[$doc:meta])* $variant:ident = $text:literal,)*
        }
    ) => {
        $(#[$enum_doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        #[non_exhaustive]
        pub enum $kind {
            $($(#[$doc])* $variant,)*
        }

        impl $kind {
            /// The name that reports and databases use.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        $(#[$struct_doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
        #[error("{detail}")]
        pub struct $name {
            /// What kind of fault it is.
            pub kind: $kind,
            /// What happened, for people to read. Whatever a stranger's server sent is truncated and
            /// escaped before it gets here.
            pub detail: String,
        }

        impl $name {
            /// A fault of that kind.
            pub fn new(kind: $kind, detail: impl fmt::Display) -> Self {
                Self { kind, detail: detail.to_string() }
            }
        }

        impl From<$name> for Outcome {
            fn from(fault: $name) -> Self {
                Self::$name(fault)
            }
        }
    };
}

fault! {
    /// The policy's fault: the episode counts as 0.
    struct PolicyFault;
    /// The ways in which a policy fails to answer.
    enum PolicyFaultKind {
        /// No answer at its address, or the connection broke.
        Unreachable = "unreachable",
        /// It exceeded its time limit.
        Timeout = "timeout",
        /// Its answer breaks the protocol: a wrong status, HTML, too many bytes, not JSON.
        BadAnswer = "bad_answer",
        /// Its action cannot be used: NaN, too few numbers, an unknown channel.
        BadAction = "bad_action",
        /// A policy in this process returned an error.
        Error = "error",
    }
}

fault! {
    /// Our fault: the episode is run again and never counts.
    struct InfraFault;
    /// The part on our side that failed.
    enum InfraFaultKind {
        /// The simulator: an unstable state, a model that does not load, a renderer that fails.
        Simulator = "simulator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_policy_did_counts() {
        let fault = PolicyFault::new(PolicyFaultKind::Timeout, "no answer within 500 ms");
        let infra = InfraFault::new(InfraFaultKind::Simulator, "unstable");
        assert_eq!(Outcome::Success.score(), Some(1.0));
        assert_eq!(Outcome::Failure.score(), Some(0.0));
        assert_eq!(Outcome::from(fault).score(), Some(0.0));
        assert_eq!(Outcome::from(infra).score(), None);
        assert_eq!(Outcome::Cancelled.score(), None);
    }

    #[test]
    fn the_format_of_reports_and_databases_does_not_drift() {
        let outcome = Outcome::from(PolicyFault::new(PolicyFaultKind::BadAction, "NaN"));
        let json = serde_json::to_string(&outcome).unwrap();
        assert_eq!(json, r#"{"outcome":"policy_fault","kind":"bad_action","detail":"NaN"}"#);
        assert_eq!(serde_json::from_str::<Outcome>(&json).unwrap(), outcome);
        assert_eq!(outcome.label(), "policy_fault:bad_action");
        assert_eq!(serde_json::to_string(&Outcome::Success).unwrap(), r#"{"outcome":"success"}"#);
    }
}
