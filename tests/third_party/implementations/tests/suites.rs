//! The published suites, run on what this crate implements.

use std::time::Duration;

use implementations::{Ledges, Metered, Proportional, Slow, Still, Threads, Walker};
use kinitro_eval::backend::storage;
use kinitro_eval::conformance::{self, SandboxCases};
use kinitro_eval::isolation::{EpisodeJob, EpisodeLimits};
use kinitro_eval::kinitro_core::scoring;
use kinitro_eval::kinitro_core::{EnvId, Outcome, Seed};
use kinitro_eval::{Evaluation, Policy, Registry};

fn registry() -> Registry {
    let mut registry = Registry::empty();
    registry.register(Ledges);
    registry
}

fn env_id() -> EnvId {
    "ledges/door-v0".parse().unwrap()
}

#[test]
fn the_environment_family_conforms() {
    conformance::environment_family(&Ledges);
}

#[test]
fn the_controller_conforms_and_solves_every_scenario() {
    conformance::controller(&Ledges, "door-v0");
    let experts = Evaluation::of_experts().registry(registry()).env("ledges/*").episodes(20);
    let report = experts.run_blocking().unwrap();
    assert_eq!(report.summary.environments[0].successes, 20);
}

#[tokio::test]
async fn the_policies_conform() {
    let policies: [&mut dyn Policy; 3] = [&mut Walker::default(), &mut Still, &mut Slow];
    for policy in policies {
        conformance::policy(policy, &registry(), &env_id()).await;
    }
}

#[test]
fn a_policy_that_cannot_be_cloned_is_evaluated() {
    let walkers = Evaluation::from_factory("walker", Walker::default);
    let report = walkers.registry(registry()).env("ledges/*").episodes(20).run_blocking().unwrap();
    assert!(report.episodes.iter().all(|episode| episode.outcome == Outcome::Success));
}

#[tokio::test]
async fn the_sandbox_conforms() {
    let limits = EpisodeLimits::default().with_action_timeout(Duration::from_secs(10));
    let job = |policy: &str| EpisodeJob::new(env_id(), Seed(3), policy).with_limits(limits.clone());
    let cases = SandboxCases::new(job("walker"), job("still"), job("broken"), job("slow"));
    conformance::sandbox(&Threads::new(registry()), &cases).await;
}

#[tokio::test]
async fn the_store_conforms() {
    let store = Metered::default();
    storage::conformance::store(&store, &store.clone()).await;
    assert!(store.completed() > 0);
}

#[test]
fn the_weighting_conforms() {
    for least in [0.0, 0.5, 2.0] {
        scoring::conformance::weighting(&Proportional { least }, &Proportional::rules());
    }
}
