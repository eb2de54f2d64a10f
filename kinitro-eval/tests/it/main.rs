//! What the crate promises, from outside it. One program, since linking each file's own would take
//! longer than running most of them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

mod conformance;
mod evaluation;
#[cfg(all(feature = "backend", feature = "serve"))]
mod executor;
#[cfg(feature = "serve")]
mod http_policy;
#[cfg(feature = "mujoco")]
mod metaworld;
mod plank;
mod pool;
#[cfg(feature = "serve")]
mod sandbox;
#[cfg(feature = "backend")]
mod scheduler;
#[cfg(feature = "backend")]
mod storage;
#[cfg(feature = "backend")]
mod up;
#[cfg(feature = "backend")]
mod validator;
