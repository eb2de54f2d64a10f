//! The scheduler, on a chain in memory and a database in a file, with executors that need no
//! simulator.

mod interruptions;
mod meddled;
mod rules;
mod stage;
mod weighting;
