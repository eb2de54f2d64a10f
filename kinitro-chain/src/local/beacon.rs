//! The chain's own randomness beacon, which stands in for drand.

use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::calls::pending_rounds;
use super::execution::Execution;
use super::ledger::Ledger;
use super::runtime::Key;
use super::value::{Mismatch, Value};
use crate::timelock::{Beacon, BeaconKey};

const PALLET: &str = "Drand";

/// The Unix time of the first round, in seconds. Like the period, it is quicknet's, so that clients
/// that compute round numbers get them right.
const GENESIS: u32 = 1_692_803_367;
const PERIOD: u32 = 3;

/// How many pulses are kept.
const KEPT: u64 = 100;

/// The beacon and its secret key.
#[derive(Debug)]
pub(super) struct OwnBeacon {
    key: BeaconKey,
    beacon: Beacon,
}

impl OwnBeacon {
    pub(super) fn new(key: BeaconKey) -> Self {
        let beacon = Beacon {
            public_key: key.public_key(),
            genesis: Duration::from_secs(GENESIS.into()),
            period: Duration::from_secs(PERIOD.into()),
        };
        Self { key, beacon }
    }

    /// Stores the beacon's configuration on the chain.
    pub(super) fn configure(&self, ledger: &mut Ledger) -> Result<(), Mismatch> {
        let hash = Sha256::digest(self.beacon.public_key);
        let config = Value::record([
            ("public_key", self.beacon.public_key.into()),
            ("period", PERIOD.into()),
            ("genesis_time", GENESIS.into()),
            ("hash", hash[..].into()),
            ("group_hash", hash[..].into()),
            ("scheme_id", "bls-unchained-g1-rfc9380".into()),
            ("metadata", "kinitro-local".into()),
        ]);
        ledger.put(PALLET, "BeaconConfig", &[], config)
    }

    /// Publishes the rounds that are due at the start of a block. `now` is the actual time. `reach`
    /// is what the time would be had blocks made ahead of schedule taken their full block time;
    /// rounds that sealed weights wait for are published if they are due by then.
    pub(super) fn publish(
        &self,
        block: &mut Execution,
        now: Duration,
        reach: Duration,
    ) -> Result<(), Mismatch> {
        let last = block.ledger.number(PALLET, "LastStoredRound", &[]);
        let current = self.beacon.round_at(now);
        let mut rounds = Vec::new();
        if current > last {
            // After a long pause, publish only the latest rounds.
            rounds.extend((last + 1).max(current.saturating_sub(3))..=current);
            block.ledger.put(PALLET, "LastStoredRound", &[], current)?;
        }
        let reached = self.beacon.round_at(reach);
        let waited_for = pending_rounds(&block.ledger, block.number);
        let is_missing = |round: &u64| {
            *round <= reached
                && !rounds.contains(round)
                && block.ledger.get(PALLET, "Pulses", &[Key::Number(*round)]).is_none()
        };
        let early: Vec<u64> = waited_for.into_iter().filter(is_missing).collect();
        rounds.extend(early);
        for round in &rounds {
            let signature = self.key.sign(*round);
            let pulse = Value::record([
                ("round", (*round).into()),
                ("randomness", Sha256::digest(signature)[..].into()),
                ("signature", signature.into()),
            ]);
            block.ledger.put(PALLET, "Pulses", &[Key::Number(*round)], pulse)?;
        }
        if current > last {
            self.forget(block, current)?;
        }
        if !rounds.is_empty() {
            block.emit(PALLET, "NewPulse", Value::list(rounds))?;
        }
        Ok(())
    }

    fn forget(&self, block: &mut Execution, current: u64) -> Result<(), Mismatch> {
        let oldest = current.saturating_sub(KEPT);
        for (keys, _) in block.ledger.entries(PALLET, "Pulses", &[]) {
            let round = keys.first().and_then(Value::as_u64);
            if let Some(round) = round.filter(|round| *round < oldest) {
                block.ledger.remove(PALLET, "Pulses", &[Key::Number(round)]);
            }
        }
        block.ledger.put(PALLET, "OldestStoredRound", &[], oldest)
    }
}
