//! What the crate promises, from outside it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

mod crypto;
mod scoring_laws;
mod scoring_vectors;
mod seeds;
mod shared_vectors;
