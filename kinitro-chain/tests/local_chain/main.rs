//! The local chain, as a client of a real one meets it: through subxt, which takes everything from
//! the metadata that is served. Whatever runs here runs on the chain's own runtime, and on that of
//! the main network where its metadata lies beside the project.

#![cfg(all(feature = "local-chain", feature = "subtensor"))]
#![expect(
    clippy::unwrap_used,
    reason = "all of it is tests, whose helpers the lint takes for none"
)]

mod client;
mod faults;
mod memory;
mod pool;
mod reads;
mod refusals;
mod sealed;
