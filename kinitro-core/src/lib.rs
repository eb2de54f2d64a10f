//! The domain of Kinitro: what a robot policy observes and does, how an episode ends, and how results
//! become numbers that can be compared.
//!
//! This crate is pure. It has no simulator, no network and no clock, and builds in seconds, so that
//! a policy server, a dashboard or a chain client can use Kinitro's formats without the rest. It touches
//! the machine in two places: [`crypto`] draws random numbers for new keys, and [`private_file`] and
//! [`atomic_file`] read and write files.
//!
//! ```
//! use kinitro_core::{Action, EnvId, stats};
//!
//! // Environments are named `family/task`, and a malformed name is refused where it enters.
//! let env: EnvId = "metaworld/reach-v3".parse()?;
//! assert_eq!(env.family(), "metaworld");
//!
//! // An action in the wire format of `docs/spec/wire.md`. Units are up to the environment.
//! let action = Action::new().with("ee_twist", [0.0, 0.5, -1.0, 0.0, 0.0, 0.0]).with("gripper", [1.0]);
//! assert_eq!(serde_json::to_value(&action)?["continuous"]["gripper"][0], 1.0);
//!
//! // 47 successes of 50 say this much about the true rate:
//! let interval = stats::wilson(47, 50, stats::Confidence::P95);
//! assert!(interval.low > 0.83 && interval.high < 0.98);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Contents
//! - [`id`]: names and numbers, parsed where they enter ([`EnvId`], [`Seed`], ...)
//! - [`observation`], [`action`], [`image`]: the robot interface, with serde in the wire format
//! - [`outcome`]: how an episode ended; one type from the simulator to the reports
//! - [`stats`]: confidence intervals for success rates and their differences
//! - [`scoring`]: from success rates to the weights of a subnet
//! - [`crypto`]: endpoints sealed for a backend, and the backend's keys
//! - [`Backoff`]: delays between retries
//! - [`private_file`]: files that hold secrets
//! - [`atomic_file`]: files written as a whole or not at all
//!
//! # Not here
//! `kinitro-eval` runs policies and environments; `kinitro-chain` reads commitments from a chain and
//! sets weights on it.

#![forbid(unsafe_code)]

pub mod action;
pub mod atomic_file;
mod backoff;
mod channels;
pub mod crypto;
pub mod id;
pub mod image;
pub mod observation;
pub mod outcome;
pub mod private_file;
pub mod scoring;
mod ss58;
pub mod stats;

pub use action::{Action, ActionError, ActionSpec, ChannelSpec, DiscreteChannelSpec};
pub use backoff::Backoff;
pub use channels::Channels;
pub use id::{
    BlockNumber, Coldkey, CycleId, DeploymentId, EnvId, Hotkey, IdError, MinerUid, NetUid, Seed,
    TaskId,
};
pub use image::{DepthImage, Image, ImageError};
pub use observation::{Observation, TaskConfig};
pub use outcome::{InfraFault, InfraFaultKind, Outcome, PolicyFault, PolicyFaultKind};
pub use ss58::Ss58Error;
