//! The scripted expert as a policy behind HTTP.
//!
//! An expert needs the full state of its environment, which a policy behind HTTP does not receive.
//! But the policy does receive the seed, which determines the whole episode. So this one runs the
//! same episode in its own simulation and sends the actions that the expert takes there. This would
//! be impossible with a real robot.

use std::sync::mpsc;
use std::thread;

use async_trait::async_trait;
use kinitro_core::{Action, EnvId, Observation, PolicyFault, PolicyFaultKind, Seed};
use kinitro_eval::env::{Controller, Environment, SeededRng};
use kinitro_eval::{EpisodeStart, Policy, Registry};
use tokio::sync::oneshot;

/// The expert, with so much noise on the way of its hand.
#[derive(Debug)]
pub(super) struct Rehearsal {
    registry: Registry,
    name: &'static str,
    noise: f64,
    /// The simulation, on a thread of its own, which ends with this.
    stage: Option<mpsc::Sender<Cue>>,
}

impl Rehearsal {
    pub(super) fn new(registry: Registry, name: &'static str, noise: f64) -> Self {
        Self { registry, name, noise, stage: None }
    }

    async fn ask<T>(
        &mut self,
        cue: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Cue,
    ) -> Result<T, PolicyFault> {
        let (answer, answered) = oneshot::channel();
        let stage = self.stage.get_or_insert_with(|| {
            let (stage, cues) = mpsc::channel();
            let (registry, noise) = (self.registry.clone(), self.noise);
            thread::spawn(move || rehearse(&registry, noise, cues));
            stage
        });
        let gone = || PolicyFault::new(PolicyFaultKind::Error, "the rehearsal has ended");
        stage.send(cue(answer)).map_err(|_| gone())?;
        let answer = answered.await.map_err(|_| gone())?;
        answer.map_err(|error| PolicyFault::new(PolicyFaultKind::Error, error))
    }
}

impl Clone for Rehearsal {
    fn clone(&self) -> Self {
        Self::new(self.registry.clone(), self.name, self.noise)
    }
}

#[async_trait]
impl Policy for Rehearsal {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn uses_images(&self) -> bool {
        false
    }

    async fn reset(&mut self, start: &EpisodeStart) -> Result<(), PolicyFault> {
        let (env_id, seed) = (start.task.env_id.clone(), start.task.seed);
        self.ask(|answer| Cue::Begin { env_id, seed, answer }).await
    }

    async fn act(&mut self, _: &Observation) -> Result<Action, PolicyFault> {
        self.ask(|answer| Cue::Act { answer }).await
    }
}

/// What the simulation is asked for.
enum Cue {
    Begin { env_id: EnvId, seed: Seed, answer: oneshot::Sender<Result<(), String>> },
    Act { answer: oneshot::Sender<Result<Action, String>> },
}

struct Scene {
    env_id: EnvId,
    environment: Box<dyn Environment>,
    expert: Box<dyn Controller>,
    rng: SeededRng,
}

fn rehearse(registry: &Registry, noise: f64, cues: mpsc::Receiver<Cue>) {
    let mut scene: Option<Scene> = None;
    for cue in cues {
        // Who has asked may have given up waiting; that changes nothing for the next.
        match cue {
            Cue::Begin { env_id, seed, answer } => {
                let begun = begin(registry, scene.take(), env_id, seed);
                let _ = answer.send(begun.map(|begun| scene = Some(begun)));
            }
            Cue::Act { answer } => {
                let action = match &mut scene {
                    Some(scene) => scene.act(noise),
                    None => Err("there was no reset".to_owned()),
                };
                let _ = answer.send(action);
            }
        }
    }
}

fn begin(
    registry: &Registry,
    before: Option<Scene>,
    env_id: EnvId,
    seed: Seed,
) -> Result<Scene, String> {
    let told = |error: kinitro_eval::env::EnvironmentError| error.to_string();
    let rng = SeededRng::new("noisy-expert", &env_id, seed);
    let mut scene = match before {
        Some(scene) if scene.env_id == env_id => Scene { rng, ..scene },
        _ => Scene {
            environment: registry.make(&env_id).map_err(told)?,
            expert: registry.expert(&env_id).ok_or("there is no expert for it")?,
            env_id,
            rng,
        },
    };
    scene.expert.reset();
    let scenario = scene.environment.generate_scenario(seed).map_err(told)?;
    scene.environment.reset(&scenario).map_err(told)?;
    Ok(scene)
}

impl Scene {
    /// What is done there, and here.
    fn act(&mut self, noise: f64) -> Result<Action, String> {
        let state = self.environment.full_state().ok_or("there is no state to see")?;
        let mut action = self.expert.act(&state);
        if noise > 0.0
            && let Some(twist) = action.continuous.get("ee_twist")
        {
            let mut twist = twist.to_vec();
            for speed in twist.iter_mut().take(3) {
                *speed = (*speed + noise * self.rng.uniform(-1.0, 1.0)).clamp(-1.0, 1.0);
            }
            action = action.with("ee_twist", twist);
        }
        self.environment.step(&action).map_err(|error| error.to_string())?;
        Ok(action)
    }
}
