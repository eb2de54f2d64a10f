//! A pool's thread, with the environments of its slots.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender};

use kinitro_core::{EnvId, Observation, Seed};

use crate::env::{
    CameraSpec, Environment, EnvironmentError, EnvironmentSpec, EpisodeStatus, Registry,
};
use crate::panic_text;

/// The work to do in a slot.
#[derive(Debug, Clone, Copy)]
pub(super) enum Order {
    Reset(Seed),
    Step,
}

/// The message between the pool and a slot's thread: an order on the way there, its result on the
/// way back. Each slot reuses its own, so that steps allocate nothing.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) slot: usize,
    pub(super) order: Order,
    /// Whether it was sent as part of a group that the pool waits for.
    pub(super) awaited: bool,
    pub(super) action: Vec<f64>,
    pub(super) observation: Vec<f64>,
    /// The pictures, one per camera.
    pub(super) pictures: Vec<Vec<u8>>,
    pub(super) reward: f64,
    pub(super) status: EpisodeStatus,
    /// How the environment broke down, if it did.
    pub(super) failure: Option<String>,
}

impl Job {
    pub(super) fn new(slot: usize, spec: &EnvironmentSpec, cameras: &[CameraSpec]) -> Self {
        let numbers = spec.observation.iter().map(|channel| channel.len).sum();
        let bytes = |camera: &CameraSpec| Vec::with_capacity(camera.height * camera.width * 3);
        Self {
            slot,
            order: Order::Step,
            awaited: false,
            action: Vec::new(),
            observation: Vec::with_capacity(numbers),
            pictures: cameras.iter().map(bytes).collect(),
            reward: 0.0,
            status: EpisodeStatus::Running,
            failure: None,
        }
    }
}

type Environments = BTreeMap<usize, Box<dyn Environment>>;

/// The body of a thread: makes its environments, reports whether that succeeded, and then serves
/// jobs until the pool is dropped.
pub(super) fn run(
    registry: &Registry,
    slots: Vec<(usize, EnvId)>,
    spec: &EnvironmentSpec,
    cameras: &[String],
    made: Sender<Result<(), EnvironmentError>>,
    work: &Receiver<Vec<Job>>,
    finished: &Sender<Vec<Job>>,
) {
    let ids: BTreeMap<usize, EnvId> = slots.into_iter().collect();
    let mut environments = Environments::new();
    for (&slot, id) in &ids {
        match guarded(|| registry.make(id)) {
            Ok(environment) => {
                environments.insert(slot, environment);
            }
            Err(error) => {
                // The pool's constructor fails then.
                let _ = made.send(Err(error));
                return;
            }
        }
    }
    // The pool stops waiting for reports once all of these senders are dropped.
    let _ = made.send(Ok(()));
    drop(made);
    while let Ok(mut jobs) = work.recv() {
        for job in &mut jobs {
            let slot = job.slot;
            let worked = guarded(|| {
                let environment = match environments.remove(&slot) {
                    Some(environment) => environment,
                    None => registry.make(&ids[&slot])?,
                };
                // An environment that fails or panics is not put back: the next reset makes a new
                // one.
                environments.insert(slot, obey(environment, job, spec, cameras)?);
                Ok(())
            });
            job.failure = worked.err().map(|error| error.to_string());
        }
        if finished.send(jobs).is_err() {
            return;
        }
    }
}

fn obey(
    mut environment: Box<dyn Environment>,
    job: &mut Job,
    spec: &EnvironmentSpec,
    cameras: &[String],
) -> Result<Box<dyn Environment>, EnvironmentError> {
    let observation = match job.order {
        Order::Reset(seed) => {
            let scenario = environment.generate_scenario(seed)?;
            environment.reset(&scenario)?
        }
        Order::Step => {
            let transition = environment.step(&super::action(spec, &job.action))?;
            (job.reward, job.status) = (transition.reward, transition.status);
            transition.observation
        }
    };
    flatten(spec, &observation, &mut job.observation)?;
    for (camera, bytes) in cameras.iter().zip(&mut job.pictures) {
        let picture = environment.render(camera)?;
        bytes.clear();
        bytes.extend_from_slice(picture.as_bytes());
    }
    Ok(environment)
}

/// The concatenated channels of an observation.
fn flatten(
    spec: &EnvironmentSpec,
    observation: &Observation,
    numbers: &mut Vec<f64>,
) -> Result<(), EnvironmentError> {
    numbers.clear();
    for channel in &spec.observation {
        let values = observation.proprio.get(&channel.name);
        let values = values.filter(|values| values.len() == channel.len).ok_or_else(|| {
            let name = &channel.name;
            EnvironmentError::Simulation(format!("it observed no `{name}` of the specified length"))
        })?;
        numbers.extend(values);
    }
    Ok(())
}

/// Turns a panic of an environment into an error of that environment only.
fn guarded<T>(work: impl FnOnce() -> Result<T, EnvironmentError>) -> Result<T, EnvironmentError> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let text = panic_text(panic.as_ref());
        Err(EnvironmentError::Simulation(format!("the environment panicked: {text}")))
    })
}
