//! Databases.

use kinitro_eval::backend::storage::StoreError;

use super::{Hint, Hinted, from_library};

impl Hinted for StoreError {
    fn hint(&self) -> Hint {
        from_library(Self::hint(self))
    }
}
