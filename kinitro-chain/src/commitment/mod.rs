//! What miners and the backend publish on a chain.
//!
//! A miner publishes which policy it runs and where, in at most 128 bytes; the backend publishes the
//! key that miners seal their endpoints for.
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
//! With colons, which is written today: `REPO:REV8:DEPLOYMENT`, and for a sealed endpoint
//! `REPO:REV8:e:BASE85` (version 1) or `REPO:REV8:e2:BASE85` (version 2). As JSON, which older miners
//! have written: `{"m":REPO,"r":REVISION,"d":DEPLOYMENT}`, with `e` or `e2` in place of `d` for a
//! sealed endpoint. What else is in the JSON is not looked at; a key twice, or two endpoints, is an
//! error: two readers might see two different miners.
//!
//! Everything here may have been written by anyone. Reading it takes time in proportion to its
//! length and never panics, and errors show no more of it than a short excerpt, escaped.

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
