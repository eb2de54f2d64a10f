//! The local chain, as a client of a real one meets it: through subxt, which takes everything from
//! the metadata that is served. Whatever runs here runs on the chain's own runtime, and on that of
//! the main network where its metadata lies beside the project.

mod client;
mod faults;
mod memory;
mod pool;
mod reads;
mod refusals;
mod sealed;
