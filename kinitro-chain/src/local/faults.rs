//! What can go wrong between a client and the chain, at the turn of a switch.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;

/// When the connections are cut, if a transaction is what cuts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutOnSubmit {
    /// It is lost with them.
    BeforePool,
    /// It is in the pool, and nobody is told.
    AfterPool,
}

/// The switches.
#[derive(Debug)]
pub(super) struct Faults {
    /// Counts up each time all connections are cut.
    cuts: watch::Sender<u64>,
    /// For how long answers are held back; none for ever.
    delay: watch::Sender<Option<Duration>>,
    cut_on_submit: Mutex<Option<CutOnSubmit>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self {
            cuts: watch::Sender::new(0),
            delay: watch::Sender::new(Some(Duration::ZERO)),
            cut_on_submit: Mutex::new(None),
        }
    }
}

impl Faults {
    pub(super) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    pub(super) fn cuts(&self) -> watch::Receiver<u64> {
        self.cuts.subscribe()
    }

    pub(super) fn set_delay(&self, delay: Option<Duration>) {
        self.delay.send_replace(delay);
    }

    pub(super) fn delay(&self) -> watch::Receiver<Option<Duration>> {
        self.delay.subscribe()
    }

    /// Arms the cut that the next transaction sets off.
    pub(super) fn cut_on_submit(&self, when: CutOnSubmit) {
        *self.cut_on_submit.lock().unwrap_or_else(PoisonError::into_inner) = Some(when);
    }

    /// Disarms it, and says whether it was armed.
    pub(super) fn take_cut_on_submit(&self) -> Option<CutOnSubmit> {
        self.cut_on_submit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
