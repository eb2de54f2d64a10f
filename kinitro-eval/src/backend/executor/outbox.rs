//! The results on their way to the API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tracing::{error, info, warn};

use super::ExecutorError;
use super::client::{Api, CallError};
use super::spool::{Spool, SpoolError, key};
use crate::wire::TaskResult;

/// The most results to send in one request.
const BATCH: usize = 50;
/// How long to wait after the first failure to send.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// A result that the API has not accepted yet.
struct Unsent {
    result: TaskResult,
    is_on_disk: bool,
}

/// The results that the API has not accepted yet: all of them in memory, and on disk unless the disk
/// fails.
pub(super) struct Outbox {
    spool: Arc<Spool>,
    unsent: Mutex<BTreeMap<String, Unsent>>,
    news: Notify,
    /// Whether results can currently be sent and written to disk.
    flows: watch::Sender<bool>,
}

impl Outbox {
    /// An outbox with the results that an earlier run left in the spool.
    pub(super) fn open(spool: Spool) -> Result<Self, SpoolError> {
        let (results, damaged) = spool.read()?;
        for path in damaged {
            warn!(path = %path.display(), "a file of the spool is damaged, and left alone");
        }
        if !results.is_empty() {
            info!(results = results.len(), "an earlier run has left results: they are sent now");
        }
        let unsent = results
            .into_iter()
            .map(|result| (key(&result), Unsent { result, is_on_disk: true }))
            .collect();
        Ok(Self {
            spool: Arc::new(spool),
            unsent: Mutex::new(unsent),
            news: Notify::new(),
            flows: watch::Sender::new(true),
        })
    }

    /// How many results are unsent.
    pub(super) fn len(&self) -> usize {
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// How many unsent results are in memory only.
    pub(super) fn not_on_disk(&self) -> usize {
        let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.values().filter(|unsent| !unsent.is_on_disk).count()
    }

    /// Accepts a result and writes it to disk, before it is sent.
    pub(super) async fn put(&self, result: TaskResult) {
        let is_on_disk = self.write(result.clone()).await;
        let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.insert(key(&result), Unsent { result, is_on_disk });
        self.news.notify_one();
    }

    /// Waits until results can be delivered. Until then there is no point in producing more.
    pub(super) async fn flows(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.flows.subscribe().wait_for(|flows| *flows).await;
    }

    /// Sends results until `is_last` is cancelled, after which no more are added, and the last one
    /// is sent.
    ///
    /// # Errors
    /// When the API rejects the key. Unsent results stay on disk.
    pub(super) async fn deliver(
        &self,
        api: &Api,
        is_last: &crate::CancellationToken,
    ) -> Result<(), ExecutorError> {
        let mut backoff = super::backoff(FIRST_WAIT);
        loop {
            let batch = self.batch();
            if batch.is_empty() {
                self.flows.send_replace(true);
                tokio::select! {
                    biased;
                    () = self.news.notified() => continue,
                    () = is_last.cancelled() => return Ok(()),
                }
            }
            match self.send(api, &batch).await {
                Ok(()) => {
                    if backoff.failures() > 0 {
                        info!("results get through to the API again");
                    }
                    backoff.reset();
                    self.flows.send_replace(self.not_on_disk() == 0);
                }
                Err(CallError::Unauthorized) => return Err(ExecutorError::Unauthorized),
                Err(error) => {
                    self.flows.send_replace(false);
                    if backoff.failures() == 0 {
                        let unsent = self.len();
                        warn!(%error, unsent, "results are not sent, and kept until they can be");
                    }
                    self.write_again().await;
                    let wait = backoff.fail();
                    if is_last.is_cancelled() {
                        // Little time is left.
                        tokio::time::sleep(FIRST_WAIT).await;
                    } else {
                        is_last.run_until_cancelled(tokio::time::sleep(wait)).await;
                    }
                }
            }
        }
    }

    fn batch(&self) -> Vec<TaskResult> {
        let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
        unsent.values().take(BATCH).map(|unsent| unsent.result.clone()).collect()
    }

    /// Sends a batch. If the API cannot read it, sends the results one by one, so that one
    /// unreadable result does not hold up the others.
    async fn send(&self, api: &Api, batch: &[TaskResult]) -> Result<(), CallError> {
        match api.submit(batch.to_vec()).await {
            Ok(answer) => {
                for result in batch {
                    self.settle(result, reason(&answer.errors, &result.task_uuid)).await;
                }
                Ok(())
            }
            Err(CallError::Refused { .. }) if batch.len() > 1 => {
                for result in batch {
                    Box::pin(self.send(api, std::slice::from_ref(result))).await?;
                }
                Ok(())
            }
            Err(CallError::Refused { status, detail }) => {
                for result in batch {
                    self.settle(result, Some(&format!("status {status}: {detail}"))).await;
                }
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a result that the API has accepted or rejected.
    async fn settle(&self, result: &TaskResult, refusal: Option<&str>) {
        if let Some(reason) = refusal {
            let reason = crate::quote::quote(reason.as_bytes());
            let task = crate::quote::quote(result.task_uuid.as_bytes());
            warn!(task, reason, "the API refuses a result, which is dropped");
        }
        self.unsent.lock().unwrap_or_else(PoisonError::into_inner).remove(&key(result));
        let (spool, result) = (Arc::clone(&self.spool), result.clone());
        let removed = tokio::task::spawn_blocking(move || spool.remove(&result)).await;
        if let Ok(Err(error)) = removed {
            // It is sent again after a restart, which is harmless.
            warn!(%error, "a result that was sent stays in the spool");
        }
    }

    /// Writes a result to disk. Returns whether that succeeded.
    async fn write(&self, result: TaskResult) -> bool {
        let spool = Arc::clone(&self.spool);
        match tokio::task::spawn_blocking(move || spool.write(&result)).await {
            Ok(Ok(())) => true,
            Ok(Err(error)) => {
                error!(%error, "a result cannot be kept on the disk, and is kept in memory only");
                false
            }
            Err(_) => false,
        }
    }

    /// Retries writing the results that are in memory only.
    async fn write_again(&self) {
        let missing: Vec<TaskResult> = {
            let unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
            let missing = unsent.values().filter(|unsent| !unsent.is_on_disk);
            missing.map(|unsent| unsent.result.clone()).collect()
        };
        for result in missing {
            let key = key(&result);
            if !self.write(result).await {
                return;
            }
            let mut unsent = self.unsent.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(unsent) = unsent.get_mut(&key) {
                unsent.is_on_disk = true;
            }
        }
    }
}

/// Why the API rejected the result of a job. Its errors begin with the uuid.
fn reason<'a>(errors: &'a [String], task_uuid: &str) -> Option<&'a str> {
    let of_task = |error: &'a String| error.strip_prefix(task_uuid)?.strip_prefix(": ");
    errors.iter().find_map(of_task)
}
