//! The leases of this executor's running jobs.
//!
//! A lease lasts as long as the API says, measured by this process's clock from before the request
//! was sent. So clocks of different machines are never compared, and a lease that appears valid
//! here is valid.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::{info, warn};

use super::client::{Api, CallError};
use crate::CancellationToken;
use crate::wire::{Lease, TaskBody};

/// How long a lease lasts if the API does not say.
pub(super) const DEFAULT_LEASE: Duration = Duration::from_secs(300);
/// The shortest pause between two requests.
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// The most leases that the API renews at a time.
const MAX_RENEWED: usize = 1000;

/// How long a lease lasts, given the seconds that the API named.
pub(super) fn duration(seconds: Option<f64>) -> Duration {
    let named = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    named.map_or(DEFAULT_LEASE, |named| named.min(Duration::from_secs(24 * 3600)))
}

/// The lease of a running job.
struct Held {
    lease: Lease,
    lasts: Duration,
    /// When it was requested or last renewed, by this process's clock.
    since: Instant,
    /// Stops the episode.
    halt: CancellationToken,
    is_lost: bool,
}

/// The leases of this executor's running jobs.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<BTreeMap<u64, Held>>,
    news: Notify,
}

/// Keeps renewing the lease of a running job until dropped.
pub(super) struct LeaseGuard {
    leases: Arc<Leases>,
    number: u64,
    halt: CancellationToken,
}

impl Leases {
    /// Starts to renew the lease of a job that was requested at `since`.
    pub(super) fn keep(
        self: &Arc<Self>,
        task: &TaskBody,
        since: Instant,
        lasts: Duration,
    ) -> LeaseGuard {
        let halt = CancellationToken::new();
        let lease = Lease::new(&task.task_uuid, &task.lease_token);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let number = held.last_key_value().map_or(0, |(last, _)| last + 1);
        held.insert(number, Held { lease, lasts, since, halt: halt.clone(), is_lost: false });
        self.news.notify_one();
        LeaseGuard { leases: Arc::clone(self), number, halt }
    }

    /// Stops all running episodes.
    pub(super) fn halt_all(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().for_each(|held| held.halt.cancel());
    }

    /// Renews each lease when a third of its time has passed, and stops the episodes whose leases are
    /// lost. Runs until it is dropped.
    pub(super) async fn renew(&self, api: &Api) {
        let mut has_failed = false;
        loop {
            let Some(next) = self.next_renewal() else {
                self.news.notified().await;
                continue;
            };
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.news.notified() => continue,
            }
            let asked = Instant::now();
            let due = self.due(asked);
            match api.renew(due.iter().map(|(_, lease)| lease.clone()).collect()).await {
                Ok(answer) => {
                    if std::mem::take(&mut has_failed) {
                        info!("leases are renewed again");
                    }
                    let numbers = due.iter().map(|(number, _)| *number);
                    self.renewed(numbers, asked, answer.lease_seconds, &answer.lost);
                }
                Err(error) => {
                    if !std::mem::replace(&mut has_failed, true) {
                        warn!(%error, leases = due.len(), "leases are not renewed");
                    }
                    if let CallError::Unauthorized | CallError::Refused { .. } = error {
                        // Not logged: fetching and sending fail in the same way and report it.
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
            tokio::time::sleep(SHORTEST_PAUSE).await;
        }
    }

    /// When the next lease is due.
    fn next_renewal(&self) -> Option<Instant> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.values().filter(|held| !held.is_lost).map(|held| held.since + held.lasts / 3).min()
    }

    /// The leases that are due, and those that will be soon.
    fn due(&self, now: Instant) -> Vec<(u64, Lease)> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let due =
            held.iter().filter(|(_, held)| !held.is_lost && held.since + held.lasts / 4 <= now);
        due.map(|(number, held)| (*number, held.lease.clone())).take(MAX_RENEWED).collect()
    }

    fn renewed(
        &self,
        numbers: impl Iterator<Item = u64>,
        asked: Instant,
        seconds: Option<f64>,
        lost: &[String],
    ) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        for number in numbers {
            // Its episode may be over by now.
            let Some(held) = held.get_mut(&number) else { continue };
            held.since = asked;
            if let Some(seconds) = seconds {
                held.lasts = duration(Some(seconds));
            }
            if lost.contains(&held.lease.task_uuid) {
                held.is_lost = true;
                held.halt.cancel();
            }
        }
    }
}

impl LeaseGuard {
    /// Stops the episode when the lease is lost or the executor stops.
    pub(super) fn halt(&self) -> &CancellationToken {
        &self.halt
    }

    /// Whether the API has said that the lease is lost.
    pub(super) fn is_lost(&self) -> bool {
        let held = self.leases.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.get(&self.number).is_some_and(|held| held.is_lost)
    }
}

impl Drop for LeaseGuard {
    fn drop(&mut self) {
        self.leases.held.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use kinitro_core::{CycleId, Hotkey, MinerUid, Seed};

    use super::*;
    use crate::wire::{TaskStatus, Timestamp};

    fn task(name: &str) -> TaskBody {
        TaskBody {
            task_uuid: name.to_owned(),
            cycle_id: CycleId(1),
            miner_uid: MinerUid(1),
            miner_hotkey: Hotkey::from_account_id([1; 32]),
            miner_endpoint: String::new(),
            miner_repo: String::new(),
            miner_revision: String::new(),
            env_id: "toy/point-v0".parse().unwrap(),
            seed: Seed(1),
            status: TaskStatus::Assigned,
            created_at: Timestamp::from_millis(0),
            episode: 0,
            attempt: 1,
            lease_token: format!("token of {name}"),
            lease_expires_at: Timestamp::from_millis(0),
        }
    }

    #[tokio::test]
    async fn leases_are_due_after_a_third_of_their_time_and_again_after_the_next() {
        let (leases, start) = (Arc::new(Leases::default()), Instant::now());
        let long = leases.keep(&task("long"), start, Duration::from_secs(300));
        let short = leases.keep(&task("short"), start, Duration::from_secs(30));
        assert_eq!(leases.next_renewal(), Some(start + Duration::from_secs(10)));
        let names = |due: Vec<(u64, Lease)>| {
            due.into_iter().map(|(_, lease)| lease.task_uuid).collect::<Vec<_>>()
        };
        let asked = start + Duration::from_secs(10);
        assert_eq!(names(leases.due(asked)), ["short"]);
        leases.renewed([1].into_iter(), asked, Some(60.0), &[]);
        assert_eq!(leases.next_renewal(), Some(start + Duration::from_secs(30)));
        // One request for both, though the longer lease is not due for another 20 s.
        assert_eq!(names(leases.due(start + Duration::from_secs(80))), ["long", "short"]);
        drop(short);
        assert_eq!(leases.next_renewal(), Some(start + Duration::from_secs(100)));
        drop(long);
        assert_eq!(leases.next_renewal(), None);
    }

    #[tokio::test]
    async fn a_lost_lease_stops_its_episode_and_no_other() {
        let (leases, now) = (Arc::new(Leases::default()), Instant::now());
        let [lost, kept] =
            ["lost", "kept"].map(|name| leases.keep(&task(name), now, DEFAULT_LEASE));
        leases.renewed([0, 1].into_iter(), now, None, &["lost".to_owned()]);
        assert!(lost.is_lost() && lost.halt().is_cancelled());
        assert!(!kept.is_lost() && !kept.halt().is_cancelled());
        assert_eq!(leases.due(now + DEFAULT_LEASE).len(), 1, "what is lost is not renewed");
        leases.halt_all();
        assert!(kept.halt().is_cancelled() && !kept.is_lost());
    }

    #[test]
    fn a_lease_lasts_as_long_as_the_api_says_within_reason() {
        assert_eq!(duration(Some(12.5)), Duration::from_millis(12_500));
        for odd in [None, Some(f64::NAN), Some(-1.0)] {
            assert_eq!(duration(odd), DEFAULT_LEASE);
        }
        assert_eq!(duration(Some(1e12)), Duration::from_secs(24 * 3600));
    }
}
