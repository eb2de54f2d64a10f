//! The scheduler, on a chain in memory and a database in a file, with executors that need no
//! simulator.

#![cfg(feature = "backend")]
#![allow(clippy::unwrap_used)]

mod scheduler {
    mod interruptions;
    mod meddled;
    mod rules;
    mod stage;
}
