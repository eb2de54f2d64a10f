//! The validator: takes weights from the API of a backend to the chain.
//!
//! A validator trusts the backend with the scores and with nothing else. It does not submit weights
//! that are old or do not add up, nor the weight of a slot whose owner has changed since it was
//! judged. It submits nothing after an error, and remembers across restarts what it has submitted, so
//! that nothing is submitted twice or forgotten.
//!
//! It knows the backend by its API only, and needs no other part of it.

mod ledger;
mod source;

use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kinitro_chain::weights::{WeightVector, WeightsReceipt, blocks_left, eligibility};
use kinitro_chain::{Chain, ChainError, ChainErrorKind, Refusal, Signer, Subnet, WeightsState};
use kinitro_core::{Backoff, BlockNumber, Hotkey, MinerUid, NetUid};
use serde::Serialize;

pub use self::ledger::LedgerError;
use self::ledger::{Ledger, Sending};
pub use self::source::SourceError;
use self::source::{LatestWeights, Source};
use crate::CancellationToken;

/// How many blocks a transaction stays valid at most, and so may still be included after the run that
/// sent it was interrupted.
const LONGEST_MORTALITY: u64 = 64;

/// How far the time of weights may be ahead of the chain's clock, which stands still between blocks.
const CLOCK_SLACK: Duration = Duration::from_secs(120);

/// How long to wait after the first round that failed.
const FIRST_WAIT: Duration = Duration::from_secs(5);

/// Which weights a validator submits, and when.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ValidatorSettings {
    /// The URL of the backend's API, such as `https://backend.example`.
    pub backend_url: String,
    /// The subnet.
    pub netuid: NetUid,
    /// How long to wait between two rounds. 5 minutes.
    pub poll_interval: Duration,
    /// The greatest age of weights that are submitted, by the clock of the chain. 12 hours.
    pub max_age: Duration,
    /// After how many blocks unchanged weights are submitted again, since the chain counts a validator
    /// as inactive that has set none for a long time. `None` for one epoch of the subnet.
    pub refresh_blocks: Option<u64>,
    /// The file that records what was submitted.
    pub ledger: PathBuf,
    /// Whether to do everything except submit. No.
    pub dry_run: bool,
}

impl ValidatorSettings {
    /// The usual ledger of a hotkey on a subnet, in the folder of the user's data. `None` if the user
    /// has no such folder.
    pub fn standard_ledger(netuid: NetUid, hotkey: &Hotkey) -> Option<PathBuf> {
        Some(crate::data_folder()?.join("validator").join(format!("{netuid}-{hotkey}.json")))
    }

    /// The defaults, for the backend at this URL, a subnet and a ledger.
    pub fn new(backend_url: impl Into<String>, netuid: NetUid, ledger: impl Into<PathBuf>) -> Self {
        Self {
            backend_url: backend_url.into(),
            netuid,
            poll_interval: Duration::from_secs(300),
            max_age: Duration::from_secs(12 * 3600),
            refresh_blocks: None,
            ledger: ledger.into(),
            dry_run: false,
        }
    }
}

/// How a round ended.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "round", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Round {
    /// The weights were submitted.
    Submitted {
        /// The block that they are in, and what they are.
        receipt: WeightsReceipt,
    },
    /// The weights would have been submitted without `dry_run`.
    WouldSubmit {
        /// The weights.
        weights: WeightVector,
    },
    /// The same weights were submitted before, and need not be submitted again yet.
    Unchanged {
        /// Their state on the chain, if it is known.
        state: Option<WeightsState>,
    },
    /// The backend has no weights yet.
    NothingYet,
    /// The weights are too old.
    Stale {
        /// Their age by the clock of the chain, in seconds.
        age_seconds: u64,
    },
    /// The rate limit of the subnet does not allow new weights yet.
    TooSoon {
        /// Blocks until it does.
        blocks_left: u64,
    },
    /// An earlier transaction may still be included in a block, so nothing new is submitted.
    InDoubt {
        /// Blocks until it no longer can be.
        blocks_left: u64,
    },
    /// The weights are not valid for this subnet.
    Rejected {
        /// What is wrong with them, in words.
        reason: String,
    },
    /// The chain does not accept the weights from this hotkey.
    Refused {
        /// The reason of the chain.
        refusal: Refusal,
    },
}

impl fmt::Display for Round {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Submitted { receipt } => {
                let block = receipt.inclusion.block.number;
                write!(f, "submitted {} weights in block {block}", receipt.weights.uids().len())?;
                match receipt.timelock {
                    Some(lock) => write!(f, ", sealed until about block {}", lock.reveal_block),
                    None => Ok(()),
                }
            }
            Self::WouldSubmit { weights } => {
                write!(f, "would submit {} weights", weights.uids().len())
            }
            Self::Unchanged { state: Some(WeightsState::Sealed { blocks_left }) } => {
                write!(f, "unchanged, and sealed for {blocks_left} more blocks")
            }
            Self::Unchanged { state: Some(WeightsState::InForce) } => {
                f.write_str("unchanged, and in force")
            }
            Self::Unchanged { .. } => f.write_str("unchanged"),
            Self::NothingYet => f.write_str("the backend has no weights yet"),
            Self::Stale { age_seconds } => {
                let age = humantime::format_duration(Duration::from_secs(*age_seconds));
                write!(f, "not submitted: the weights are {age} old")
            }
            Self::TooSoon { blocks_left } => {
                write!(f, "not yet: the rate limit lasts {blocks_left} more blocks")
            }
            Self::InDoubt { blocks_left } => write!(
                f,
                "not yet: an earlier transaction may still be included for {blocks_left} blocks"
            ),
            Self::Rejected { reason } => write!(f, "not submitted: {reason}"),
            Self::Refused { refusal } => write!(f, "not submitted: {refusal}"),
        }
    }
}

/// Why a round failed. The next one tries again.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ValidatorError {
    /// The backend gave no weights.
    #[error(transparent)]
    Backend(#[from] SourceError),
    /// The chain did not answer, or not as expected.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The ledger cannot be used, so nothing is submitted.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Takes the weights of a backend to the chain, round by round.
pub struct Validator {
    settings: ValidatorSettings,
    chain: Arc<dyn Chain>,
    signer: Arc<dyn Signer>,
    source: Source,
    ledger: Ledger,
}

impl Validator {
    /// A validator that signs with `signer`. Only one validator at a time can use a ledger.
    ///
    /// # Errors
    /// [`ValidatorError::Backend`] when `backend_url` is not an HTTP URL, [`ValidatorError::Ledger`]
    /// when the file is in use, damaged, or another hotkey's.
    pub fn new(
        settings: ValidatorSettings,
        chain: Arc<dyn Chain>,
        signer: Arc<dyn Signer>,
    ) -> Result<Self, ValidatorError> {
        let source = Source::new(&settings.backend_url)?;
        let ledger = Ledger::open(&settings.ledger, settings.netuid, signer.hotkey())?;
        Ok(Self { settings, chain, signer, source, ledger })
    }

    /// Runs round after round until it is stopped. A failed round is repeated sooner than usual, and
    /// after a longer wait each time it fails again.
    pub async fn run(
        &mut self,
        stop: &CancellationToken,
        mut on_round: impl FnMut(&Result<Round, ValidatorError>),
    ) {
        let interval = self.settings.poll_interval;
        let mut backoff = Backoff::new(FIRST_WAIT, interval);
        while !stop.is_cancelled() {
            let round = self.round().await;
            let pause = if round.is_err() {
                backoff.fail()
            } else {
                backoff.reset();
                interval
            };
            on_round(&round);
            stop.run_until_cancelled(tokio::time::sleep(pause)).await;
        }
    }

    /// Runs one round. Once a transaction is sent, the round waits for its outcome.
    ///
    /// # Errors
    /// [`ValidatorError`].
    pub async fn round(&mut self) -> Result<Round, ValidatorError> {
        let Some(latest) = self.source.latest().await? else { return Ok(Round::NothingYet) };
        let head = self.chain.head().await?;
        let now = head.time;
        if let Some(age_seconds) = self.staleness(&latest, now) {
            return Ok(Round::Stale { age_seconds });
        }
        let subnet = self.chain.subnet(self.settings.netuid).await?.value;
        let weights = match check(&latest, now, head.best.number, &subnet) {
            Ok(weights) => weights,
            Err(reason) => return Ok(Round::Rejected { reason }),
        };
        if let Some(round) = self.settle_doubt(head.best.number, &subnet)? {
            return Ok(round);
        }
        if let Some(round) = self.unchanged(&weights, head.best.number, &subnet).await? {
            return Ok(round);
        }
        let next = BlockNumber(head.best.number.0 + 1);
        let hotkey = self.signer.hotkey();
        let left = subnet
            .neuron(&hotkey)
            .map_or(0, |neuron| blocks_left(&subnet.hyperparameters, neuron, next));
        if left > 0 {
            return Ok(Round::TooSoon { blocks_left: left });
        }
        let eligible =
            eligibility(&subnet.hyperparameters, &subnet.neurons, &hotkey, next, &weights);
        if let Err(refusal) = eligible {
            return Ok(Round::Refused { refusal });
        }
        if self.settings.dry_run {
            return Ok(Round::WouldSubmit { weights });
        }
        self.submit(weights, head.best.number).await
    }

    fn staleness(&self, latest: &LatestWeights, now: SystemTime) -> Option<u64> {
        let age = now.duration_since(latest.created_at).unwrap_or_default();
        (age > self.settings.max_age).then_some(age.as_secs())
    }

    /// Finds out whether the transaction of an interrupted run was included.
    fn settle_doubt(
        &mut self,
        best: BlockNumber,
        subnet: &Subnet,
    ) -> Result<Option<Round>, ValidatorError> {
        let Some(sending) = self.ledger.sending() else { return Ok(None) };
        let neuron = subnet.neuron(&self.signer.hotkey());
        if neuron.is_some_and(|neuron| neuron.last_update > sending.on_block) {
            self.ledger.was_included()?;
            return Ok(None);
        }
        let last = sending.on_block.0 + LONGEST_MORTALITY;
        match last.saturating_sub(best.0) {
            0 => {
                self.ledger.was_lost()?;
                Ok(None)
            }
            blocks_left => Ok(Some(Round::InDoubt { blocks_left })),
        }
    }

    /// Whether these weights were submitted before, and need not be submitted again yet.
    async fn unchanged(
        &self,
        weights: &WeightVector,
        best: BlockNumber,
        subnet: &Subnet,
    ) -> Result<Option<Round>, ValidatorError> {
        let Some(sent) = self.ledger.sent().filter(|sent| sent.weights == *weights) else {
            return Ok(None);
        };
        let refresh = self
            .settings
            .refresh_blocks
            .unwrap_or_else(|| u64::from(subnet.hyperparameters.tempo))
            .max(subnet.hyperparameters.weights_rate_limit);
        let state = match &sent.receipt {
            Some(receipt) => Some(self.chain.weights_state(receipt).await?),
            None => None,
        };
        let is_due = best.0.saturating_sub(sent.on_block.0) >= refresh
            && !matches!(state, Some(WeightsState::Sealed { .. }));
        let is_gone = state == Some(WeightsState::Gone);
        Ok((!is_due && !is_gone).then_some(Round::Unchanged { state }))
    }

    async fn submit(
        &mut self,
        weights: WeightVector,
        on_block: BlockNumber,
    ) -> Result<Round, ValidatorError> {
        self.ledger.begin(Sending { weights: weights.clone(), on_block })?;
        let netuid = self.settings.netuid;
        match self.chain.set_weights(netuid, self.signer.as_ref(), &weights).await {
            Ok(receipt) => {
                self.ledger.done(receipt.clone())?;
                Ok(Round::Submitted { receipt })
            }
            Err(error) if *error.kind() == ChainErrorKind::Undetermined => Err(error.into()),
            Err(error) => {
                self.ledger.was_lost()?;
                match error.refusal() {
                    Some(refusal) => Ok(Round::Refused { refusal: refusal.clone() }),
                    None => Err(error.into()),
                }
            }
        }
    }
}

impl fmt::Debug for Validator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Validator").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The weights, if they are valid for this subnet.
fn check(
    latest: &LatestWeights,
    now: SystemTime,
    best: BlockNumber,
    subnet: &Subnet,
) -> Result<WeightVector, String> {
    if latest.created_at > now + CLOCK_SLACK {
        let ahead = latest.created_at.duration_since(now).unwrap_or_default().as_secs();
        return Err(format!("the weights were made {ahead} s after the newest block"));
    }
    if latest.block > best {
        return Err(format!("the weights are for block {}, the newest is {best}", latest.block));
    }
    let sum: f64 = latest.shares.values().sum();
    if latest.shares.values().any(|share| !(0.0..=1.0 + 1e-6).contains(share)) {
        return Err("a weight is no number from 0 to 1".to_owned());
    }
    if !latest.shares.is_empty() && (sum - 1.0).abs() > 1e-3 {
        return Err(format!("the weights have the sum {sum} instead of 1"));
    }
    let weights = match &latest.integers {
        Some(integers) => agree(latest, integers)?,
        None => WeightVector::from_shares(&latest.shares).map_err(|error| error.to_string())?,
    };
    let neurons: BTreeSet<MinerUid> = subnet.neurons.iter().map(|neuron| neuron.uid).collect();
    for &uid in weights.uids() {
        if !neurons.contains(&MinerUid(uid)) {
            return Err(format!("there is a weight for uid {uid}, which is not on the subnet"));
        }
    }
    // A slot may have a new owner since its miner was judged.
    let has_same_owner = |uid: u16| {
        let neuron = subnet.neurons.iter().find(|neuron| neuron.uid.0 == uid);
        let judged = latest.hotkeys.get(&MinerUid(uid));
        judged.is_none_or(|judged| neuron.is_some_and(|neuron| neuron.hotkey == *judged))
    };
    let kept = weights.uids().iter().zip(weights.values()).filter(|(uid, _)| has_same_owner(**uid));
    let kept = WeightVector::from_integers(kept.map(|(&uid, &value)| (MinerUid(uid), value)));
    if kept.is_empty() {
        return Err("no miner with a weight is on the subnet any more".to_owned());
    }
    Ok(kept)
}

/// The integers, if they agree with the shares.
fn agree(latest: &LatestWeights, integers: &WeightVector) -> Result<WeightVector, String> {
    let sum: u32 = integers.values().iter().map(|&value| u32::from(value)).sum();
    if sum == 0 {
        return Err("all weights are 0".to_owned());
    }
    for (&uid, &value) in integers.uids().iter().zip(integers.values()) {
        let integer = f64::from(value) / f64::from(sum);
        let share = latest.shares.get(&MinerUid(uid)).copied().unwrap_or_default();
        if !latest.shares.is_empty() && (integer - share).abs() > 1e-2 {
            return Err(format!(
                "uid {uid} has the weight {share} and the integer {value} of {sum}"
            ));
        }
    }
    Ok(integers.clone())
}
