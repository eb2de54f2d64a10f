//! The domain of Kinitro, and nothing else: what a robot policy sees and does, how an episode ends,
//! and how results become numbers to compare.
//!
//! This crate is pure. It has no simulator, no network and no clock, and builds in seconds, so that
//! a policy server, a dashboard or a chain client can speak Kinitro's formats without the rest. Only
//! [`crypto`] asks the machine for something: random numbers for new keys, and
//! [files](private_file) to keep them in.
//!
//! ```
//! use kinitro_core::{Action, EnvId, stats};
//!
//! // Environments are named `family/task`, and a malformed name is refused where it enters.
//! let env: EnvId = "metaworld/reach-v3".parse()?;
//! assert_eq!(env.family(), "metaworld");
//!
//! // An action in the wire format of `docs/spec/wire.md`: metres are the environment's business.
//! let action = Action::new().with("ee_twist", [0.0, 0.5, -1.0, 0.0, 0.0, 0.0]).with("gripper", [1.0]);
//! assert_eq!(serde_json::to_value(&action)?["continuous"]["gripper"][0], 1.0);
//!
//! // 47 successes of 50 say this much about the true rate:
//! let interval = stats::wilson(47, 50, stats::Confidence::P95);
//! assert!(interval.low > 0.83 && interval.high < 0.98);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is here
//! - [`id`]: names and numbers parsed at the edge ([`EnvId`], [`Seed`], ...)
//! - [`observation`], [`action`], [`image`]: the robot interface, with serde in the wire format
//! - [`outcome`]: how an episode ended; one type from the simulator to the reports
//! - [`stats`]: intervals for success rates and for their differences
//! - [`scoring`]: from success rates to the weights of a subnet
//! - [`crypto`]: endpoints that only the backend can read, and its keys
//! - [`Backoff`]: waits between tries
//! - [`private_file`]: files that hold secrets
//! - [`atomic_file`]: files written as a whole or not at all
//!
//! # What is not
//! Running a policy or an environment: that is `kinitro-eval`. Reading commitments or setting
//! weights on a chain: that is `kinitro-chain`.

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
