//! When the epochs of a subnet fire, and when weights that are sealed now come into force.
//!
//! The schedule is stateful: it depends on what the chain has stored, not only on the block number (docs/spec/chain.md, section 5, step 3). All of [`EpochState`] must be read at one block.

use std::time::Duration;

/// The most blocks between two epochs of a subnet, whatever its tempo.
const LONGEST_WAIT: u64 = 50_400;

/// Sealed weights are opened this many blocks later than they could be, so that the chain is sure to
/// have the beacon's round by then.
const MARGIN: u64 = 3;

/// The state of a subnet's epoch schedule after a block. Fields are named after the chain's storage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct EpochState {
    /// The block that the other fields were read at.
    pub block: u64,
    /// `Tempo`: the blocks between two epochs; 0 if there are no epochs.
    pub tempo: u16,
    /// `LastEpochBlock`: the block in which the last epoch fired.
    pub last_epoch_block: u64,
    /// `PendingEpochAt`: the block from which an epoch is requested; 0 if none is.
    pub pending_epoch_at: u64,
    /// `SubnetEpochIndex`: how many epochs have fired.
    pub subnet_epoch_index: u64,
    /// `BlocksSinceLastStep`: the blocks since the last epoch.
    pub blocks_since_last_step: u64,
}

/// When weights that are included in the next block come into force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reveal {
    /// The epoch under which the chain files them.
    pub commit_epoch: u64,
    /// The first block in which the chain may open them.
    pub block: u64,
    /// The block by whose time the beacon has published the round that opens them.
    pub target_block: u64,
}

impl Reveal {
    /// The round to seal the weights for: the beacon's round at the time of the target block.
    ///
    /// `head` is the newest block, made at `time`, which like the beacon's `genesis` counts from 1970.
    /// Blocks follow every `block_time`, and rounds every `period`.
    pub fn round(
        &self,
        head: u64,
        time: Duration,
        block_time: Duration,
        genesis: Duration,
        period: Duration,
    ) -> u64 {
        let blocks = u128::from(self.target_block.saturating_sub(head));
        let target = time.as_millis() + blocks * block_time.as_millis();
        let rounds = target.saturating_sub(genesis.as_millis()) / period.as_millis().max(1);
        u64::try_from(rounds).unwrap_or(u64::MAX)
    }
}

impl EpochState {
    /// The schedule at `block` of a subnet with that tempo on which no epoch has fired. Set the other
    /// fields to what the chain stores.
    pub fn new(block: u64, tempo: u16) -> Self {
        Self {
            block,
            tempo,
            last_epoch_block: 0,
            pending_epoch_at: 0,
            subnet_epoch_index: 0,
            blocks_since_last_step: 0,
        }
    }

    /// Whether the epoch fires in the next block.
    pub fn fires_next(&self) -> bool {
        self.next_firing() == Some(self.block + 1)
    }

    /// The block in which the next epoch fires, unless one is requested in the meantime; `None` if
    /// there are no epochs.
    pub fn next_firing(&self) -> Option<u64> {
        if self.tempo == 0 {
            return None;
        }
        let next = self.block + 1;
        let regular = self.last_epoch_block.saturating_add(u64::from(self.tempo));
        let overdue = next + (LONGEST_WAIT + 1).saturating_sub(self.blocks_since_last_step);
        let asked = match self.pending_epoch_at {
            0 => u64::MAX,
            block => block,
        };
        Some(regular.min(overdue).min(asked).max(next))
    }

    /// The schedule after the next block.
    #[must_use]
    pub fn advance(self) -> Self {
        if self.fires_next() {
            return self.fired(self.block + 1);
        }
        Self {
            block: self.block + 1,
            blocks_since_last_step: self.blocks_since_last_step.saturating_add(1),
            ..self
        }
    }

    /// The epoch that a transaction in the next block belongs to.
    pub fn epoch_of_next(&self) -> u64 {
        self.subnet_epoch_index + u64::from(self.fires_next())
    }

    /// When weights that are included in the next block come into force, if they stay sealed for
    /// `reveal_period` epochs; `None` if the subnet has no epochs.
    ///
    /// This is a forecast: a change of the tempo or a requested epoch moves it.
    pub fn reveal_of_next(&self, reveal_period: u64) -> Option<Reveal> {
        let commit_epoch = self.epoch_of_next();
        let wanted = commit_epoch.checked_add(reveal_period)?;
        let mut state = self.advance();
        while state.subnet_epoch_index < wanted {
            state = state.fired(state.next_firing()?);
        }
        let block = state.block;
        Some(Reveal { commit_epoch, block, target_block: block.checked_add(MARGIN)? })
    }

    /// The schedule after `block`, in which an epoch fired.
    fn fired(self, block: u64) -> Self {
        Self {
            block,
            last_epoch_block: block,
            pending_epoch_at: 0,
            subnet_epoch_index: self.subnet_epoch_index.saturating_add(1),
            blocks_since_last_step: 0,
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The rule as the runtime has it, looked at block by block.
    fn fires(state: &EpochState) -> bool {
        let block = state.block + 1;
        state.tempo != 0
            && ((state.pending_epoch_at > 0 && block >= state.pending_epoch_at)
                || state.blocks_since_last_step > LONGEST_WAIT
                || block.saturating_sub(state.last_epoch_block) >= u64::from(state.tempo))
    }

    fn states() -> impl Strategy<Value = EpochState> {
        let tempo = prop_oneof![Just(0_u16), 1..20_u16, Just(360), Just(u16::MAX)];
        let waited = prop_oneof![0..400_u64, 50_300..50_500_u64];
        let pending = prop_oneof![Just(0_u64), 900_000..1_100_000_u64];
        (1_000_000..1_000_100_u64, tempo, 0..200_u64, pending, 0..1000_u64, waited).prop_map(
            |(block, tempo, ago, pending_epoch_at, subnet_epoch_index, blocks_since_last_step)| {
                EpochState {
                    block,
                    tempo,
                    last_epoch_block: block - ago,
                    pending_epoch_at,
                    subnet_epoch_index,
                    blocks_since_last_step,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn every_block_fires_as_the_rule_says(mut state in states()) {
            for _ in 0..500 {
                prop_assert_eq!(state.fires_next(), fires(&state));
                let next = state.advance();
                prop_assert_eq!(next.subnet_epoch_index, state.epoch_of_next());
                prop_assert_eq!(next.blocks_since_last_step == 0, fires(&state));
                state = next;
            }
        }

        #[test]
        fn weights_are_revealed_in_the_first_block_of_their_epoch(
            start in states(),
            reveal_period in 0..4_u64,
        ) {
            let reveal = start.reveal_of_next(reveal_period);
            if start.tempo == 0 {
                // The schedule stands still: only weights that need no further epoch are opened.
                prop_assert_eq!(reveal.is_some(), reveal_period == 0);
                return Ok(());
            }
            let reveal = reveal.expect("an epoch fires at the latest after 50400 blocks");
            let commit_epoch = start.subnet_epoch_index + u64::from(fires(&start));
            prop_assert_eq!(reveal.commit_epoch, commit_epoch);
            let mut state = start;
            while state.subnet_epoch_index + u64::from(fires(&state)) < commit_epoch + reveal_period
            {
                state = state.advance();
            }
            prop_assert_eq!(reveal.block, state.block + 1);
            prop_assert_eq!(reveal.target_block, reveal.block + 3);
        }
    }

    #[test]
    fn a_round_follows_from_the_time_of_the_target_block() {
        let reveal = Reveal { commit_epoch: 1, block: 107, target_block: 110 };
        let second = Duration::from_secs;
        let genesis = second(1_692_803_367);
        let head_time = genesis + second(600);
        // 600 s and 10 blocks of 12 s are 720 s: 240 rounds of 3 s.
        assert_eq!(reveal.round(100, head_time, second(12), genesis, second(3)), 240);
        assert_eq!(reveal.round(100, second(0), second(0), genesis, second(3)), 0);
        assert_eq!(reveal.round(0, head_time, second(0), genesis, second(0)), 600_000);
    }
}
