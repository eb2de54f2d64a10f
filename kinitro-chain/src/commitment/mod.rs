//! What miners and backends publish on a chain.
//!
//! A miner publishes which policy it runs and where, in at most 128 bytes. A backend publishes the key
//! that miners seal their endpoints for.
//!
//! ```
//! use kinitro_chain::commitment::{Endpoint, MinerCommitment};
//!
//! let commitment: MinerCommitment =
//!     "alice/reach:0123abcd:380208a9-ad45-f23d-3b1a-11df587fd280".parse()?;
//! assert_eq!(commitment.repo.as_str(), "alice/reach");
//! assert!(matches!(commitment.endpoint, Endpoint::Deployment(_)));
//! assert_eq!(commitment.data()?.as_bytes(), commitment.to_text().as_bytes());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Forms
//! - With colons, which is the form to write: `REPO:REV8:DEPLOYMENT`. A sealed endpoint is
//!   `REPO:REV8:e:BASE85` (version 1) or `REPO:REV8:e2:BASE85` (version 2).
//! - As JSON, which older miners have written: `{"m":REPO,"r":REVISION,"d":DEPLOYMENT}`, with `e` or
//!   `e2` instead of `d` for a sealed endpoint. Unknown keys are ignored. A repeated key or a second
//!   endpoint is an error, because two readers might see two different miners.
//!
//! The full rules are in docs/spec/commitments.md.
//!
//! Anyone can publish anything. Reading a commitment takes time in proportion to its length and never
//! panics, and errors show only a short, escaped excerpt of it.

mod data;
mod endpoint;
mod error;
mod field;
mod miner;
mod parts;
mod reading;

pub use data::{CommitmentData, TooLong, TooLongPart};
pub use endpoint::Endpoint;
pub use error::CommitmentError;
pub use field::Field;
pub use miner::MinerCommitment;
pub use parts::{EndpointUrl, Repository, Revision};
pub use reading::{Published, Reading, read_all};

#[cfg(test)]
mod tests;
