//! Judge robot policies.

#![cfg_attr(not(feature = "mujoco"), forbid(unsafe_code))]

pub mod env;
pub mod policy;
