//! Keys, sealed endpoints and scores.

use kinitro_core::crypto::{CryptoError, KeyError, KeyFileError};
use kinitro_core::scoring::{ScoringError, WeightingError};

use super::{Hint, Hinted, fixed};

impl Hinted for KeyError {
    fn hint(&self) -> Hint {
        None
    }
}

impl Hinted for CryptoError {
    fn hint(&self) -> Hint {
        None
    }
}

impl Hinted for KeyFileError {
    fn hint(&self) -> Hint {
        match self {
            Self::Exists(_) => {
                fixed("--force overwrites it; what was sealed for it can never be opened again")
            }
            _ => None,
        }
    }
}

impl Hinted for ScoringError {
    fn hint(&self) -> Hint {
        None
    }
}

impl Hinted for WeightingError {
    fn hint(&self) -> Hint {
        match self {
            Self::Unknown { known, .. } => {
                Some(format!("the rules are: {}", known.join(", ")).into())
            }
            _ => None,
        }
    }
}
