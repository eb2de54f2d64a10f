//! A block under construction: the state it works on and the events it emits.

use parity_scale_codec::Encode as _;

use super::ledger::Ledger;
use super::runtime::encoded_list;
use super::value::{Mismatch, Value};

/// Why a call failed. Nothing of it remains except its fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DispatchError {
    /// A pallet's error: the names of the pallet and of the error.
    Module(&'static str, &'static str),
    /// The sender is not allowed to make this call.
    BadOrigin,
    /// The metadata gives something a different type than this node expects.
    Mismatch(Mismatch),
}

impl From<Mismatch> for DispatchError {
    fn from(error: Mismatch) -> Self {
        Self::Mismatch(error)
    }
}

/// Whether the sender of a call pays for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pays {
    Yes,
    No,
}

/// The point in a block at which something happens.
#[derive(Debug, Clone, Copy)]
pub(super) enum Phase {
    Extrinsic(u32),
    Initialization,
}

/// A block under construction.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) ledger: Ledger,
    pub(super) number: u64,
    pub(super) phase: Phase,
    events: Vec<Vec<u8>>,
}

impl Execution {
    pub(super) fn new(ledger: Ledger, number: u64) -> Self {
        Self { ledger, number, phase: Phase::Initialization, events: Vec::new() }
    }

    /// Records an event, if the runtime knows it.
    pub(super) fn emit(
        &mut self,
        pallet: &str,
        name: &str,
        fields: impl Into<Value>,
    ) -> Result<(), Mismatch> {
        let Some(event) = self.ledger.runtime.event(pallet, name, &fields.into())? else {
            return Ok(());
        };
        let mut record = match self.phase {
            Phase::Extrinsic(index) => (0_u8, index).encode(),
            Phase::Initialization => vec![2],
        };
        record.extend(event);
        // The event has no topics.
        record.push(0);
        self.events.push(record);
        Ok(())
    }

    /// Runs an action so that it takes effect completely or, if it fails, not at all.
    pub(super) fn transactional<T>(
        &mut self,
        action: impl FnOnce(&mut Self) -> Result<T, DispatchError>,
    ) -> Result<T, DispatchError> {
        let (ledger, events) = (self.ledger.clone(), self.events.len());
        action(self).inspect_err(|_| {
            self.ledger = ledger;
            self.events.truncate(events);
        })
    }

    /// Records the event that reports the outcome of a transaction.
    pub(super) fn conclude(
        &mut self,
        result: &Result<(), DispatchError>,
        pays: Pays,
        class: &str,
    ) -> Result<(), Mismatch> {
        let info = Value::record([
            (
                "weight",
                Value::record([("ref_time", 100_000_000_u64.into()), ("proof_size", 0_u8.into())]),
            ),
            ("class", Value::variant(class, Value::nothing())),
            (
                "pays_fee",
                Value::variant(if pays == Pays::Yes { "Yes" } else { "No" }, Value::nothing()),
            ),
        ]);
        match result {
            Ok(()) => {
                self.emit("System", "ExtrinsicSuccess", Value::record([("dispatch_info", info)]))
            }
            Err(error) => {
                let error = self.dispatch_error(error);
                let fields = [("dispatch_error", error), ("dispatch_info", info)];
                self.emit("System", "ExtrinsicFailed", Value::record(fields))
            }
        }
    }

    fn dispatch_error(&self, error: &DispatchError) -> Value {
        let plain = |name| Value::variant(name, Value::nothing());
        match error {
            DispatchError::BadOrigin => plain("BadOrigin"),
            DispatchError::Mismatch(_) => plain("Other"),
            DispatchError::Module(pallet, name) => match self.ledger.runtime.error(pallet, name) {
                Some((index, error)) => Value::variant(
                    "Module",
                    Value::record([("index", index.into()), ("error", [error, 0, 0, 0].into())]),
                ),
                // This version of the runtime has no such error.
                None => plain("Other"),
            },
        }
    }

    /// Writes the events into the state, which completes it.
    pub(super) fn finish(mut self) -> Result<Ledger, Mismatch> {
        self.ledger.put_encoded("System", "Events", encoded_list(&self.events));
        self.ledger.put("System", "EventCount", &[], self.events.len() as u64)?;
        Ok(self.ledger)
    }
}
