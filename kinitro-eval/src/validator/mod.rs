//! The validator: takes weights from the API of a backend to the chain.
//!
//! A validator trusts the backend with the scores and with nothing else. It does not submit weights
//! that are old or do not add up, nor the weight of a slot whose owner has changed since it was
//! judged. It submits nothing after an error, and remembers across restarts what it has submitted, so
//! that nothing is submitted twice or forgotten.
//!
//! It knows the backend by its API only, and needs no other part of it.

mod check;
mod ledger;
mod round;
mod source;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kinitro_chain::weights::{WeightVector, blocks_left, eligibility};
use kinitro_chain::{Chain, ChainError, ChainErrorKind, Signer, Subnet, WeightsState};
use kinitro_core::{Backoff, BlockNumber, Hotkey, NetUid};

pub use self::check::Rejection;
use self::check::check;
pub use self::ledger::LedgerError;
use self::ledger::{Ledger, Sending};
pub use self::round::Round;
pub use self::source::SourceError;
use self::source::{LatestWeights, Source};
use crate::CancellationToken;

/// How many blocks a transaction stays valid at most, and so may still be included after the run that
/// sent it was interrupted.
const LONGEST_MORTALITY: u64 = 64;

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
