//! What every error is answered with.

use serde::{Deserialize, Serialize};

/// Any error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "api", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub struct ErrorBody {
    /// What is wrong.
    pub detail: String,
}
