//! Faults between a client and the chain, which can be switched on.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use tokio::sync::watch;

/// When an arriving transaction cuts the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CutOnSubmit {
    /// Before the transaction is in the pool: it is lost.
    BeforePool,
    /// After the transaction is in the pool, but before the client hears of it.
    AfterPool,
}

/// The fault switches.
#[derive(Debug)]
pub(super) struct Faults {
    /// How many times all connections have been cut.
    cuts: watch::Sender<u64>,
    /// How long answers are delayed; `None` holds them back indefinitely.
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

    /// Arms the cut for the next transaction.
    pub(super) fn cut_on_submit(&self, when: CutOnSubmit) {
        *self.cut_on_submit.lock().unwrap_or_else(PoisonError::into_inner) = Some(when);
    }

    /// Disarms the cut, and returns when it was set to happen, if it was armed.
    pub(super) fn take_cut_on_submit(&self) -> Option<CutOnSubmit> {
        self.cut_on_submit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
