//! Waiting until sealed weights are opened.

use std::time::Duration;

use crate::chain::Chain;
use crate::error::ChainError;
use crate::weights::{WeightsReceipt, WeightsState};

/// How many blocks late the chain may be in opening weights before [`follow_reveal`] gives up.
const GRACE: u64 = 20;

/// Waits until sealed weights are in force or gone, looks every `poll`, and calls `progress` after
/// each look. Returns [`WeightsState::Sealed`] with 0 blocks left if the chain is more than 20 blocks
/// late in opening them.
///
/// # Errors
/// [`ChainError`] when the chain cannot be read.
pub async fn follow_reveal(
    chain: &dyn Chain,
    receipt: &WeightsReceipt,
    poll: Duration,
    mut progress: impl FnMut(WeightsState),
) -> Result<WeightsState, ChainError> {
    loop {
        let state = chain.weights_state(receipt).await?;
        progress(state);
        let late = match receipt.timelock {
            Some(timelock) => chain.head().await?.best.number.0 > timelock.reveal_block.0 + GRACE,
            None => true,
        };
        if late || !matches!(state, WeightsState::Sealed { .. }) {
            return Ok(state);
        }
        tokio::time::sleep(poll).await;
    }
}
