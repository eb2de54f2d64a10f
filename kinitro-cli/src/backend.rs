//! A backend in this process, on a chain in memory.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use indicatif::ProgressBar;
use kinitro_chain::commitment::{CommitmentData, MinerCommitment};
use kinitro_chain::wallet::Keypair;
use kinitro_chain::{Chain as _, MemoryChain, Signer as _};
use kinitro_core::stats::{Confidence, wilson};
use kinitro_core::{Coldkey, EnvId, MinerUid, NetUid};
use kinitro_eval::Registry;
use kinitro_eval::backend::scheduler::{CycleEnd, CycleReport, SchedulerSettings};
use kinitro_eval::backend::storage::{self, DatabaseUrl, Store};
use kinitro_eval::backend::up::{Up, UpSettings};
use kinitro_eval::isolation::{EpisodeLimits, InProcess};
use kinitro_eval::policy::http::Reach;

use crate::args::NamedPolicy;
use crate::database::{self, prepare};
use crate::failure::{Code, Failure};
use crate::output::{progress, table, to_stdout};

/// The only subnet there is.
pub(crate) const NETUID: NetUid = NetUid(1);

/// As many episodes as the machine has threads.
pub(crate) fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// What a backend in this process needs to be told.
pub(crate) struct Backend<'a> {
    pub(crate) settings: SchedulerSettings,
    pub(crate) limits: EpisodeLimits,
    pub(crate) concurrent: usize,
    /// One that is deleted at the end unless it is named.
    pub(crate) database: Option<&'a str>,
    pub(crate) at: (&'a str, u16),
}

impl Backend<'_> {
    /// A backend for these policies, its storage, and the folder that must outlive it.
    pub(crate) async fn open(
        mut self,
        registry: Registry,
        policies: &[NamedPolicy],
    ) -> Result<(Up, Arc<dyn Store>, tempfile::TempDir), Failure> {
        let folder = tempfile::tempdir().map_err(|error| {
            Failure::new(Code::Environment, format_args!("there is no room for files: {error}"))
        })?;
        let url = match self.database {
            Some(text) => text.parse()?,
            None => DatabaseUrl::sqlite(folder.path().join("kinitro.db")),
        };
        let store = database::open(&url).await?;
        prepare(&*store).await?;
        self.settings.netuid = NETUID;
        let mut settings = UpSettings::new(self.settings, folder.path().join("executor"));
        settings.host = self.at.0.to_owned();
        settings.port = self.at.1;
        settings.concurrent = self.concurrent;
        settings.limits = self.limits;
        // With a backend on a laptop, the policies usually run there too.
        let sandbox = InProcess::new(registry).with_reach(Reach::anywhere());
        let sandbox = Arc::new(sandbox.with_max_idle(self.concurrent));
        let chain = Arc::new(subnet(policies).await?);
        Ok((Up::open(settings, chain, Arc::clone(&store), sandbox).await?, store, folder))
    }
}

/// A chain on which these policies have been committed to, one after the other.
async fn subnet(policies: &[NamedPolicy]) -> Result<MemoryChain, Failure> {
    let chain = MemoryChain::new();
    chain.add_subnet(NETUID);
    for NamedPolicy { name, url } in policies {
        let no_miner = |error: &dyn std::fmt::Display| {
            Failure::usage(format_args!("the policy `{name}` cannot take part: {error}"))
        };
        let key = Keypair::from_uri(&format!("//{name}")).map_err(|error| no_miner(&error))?;
        let owner = Coldkey::from_account_id(*key.hotkey().account_id());
        let commitment = format!("local/{name}:00000000:{url}").parse::<MinerCommitment>();
        let commitment = commitment.map_err(|error| no_miner(&error))?;
        let data = commitment.data().or_else(|_| CommitmentData::long(commitment.to_text()));
        let data = data.map_err(|error| no_miner(&error))?;
        if chain.neurons(NETUID).await?.value.iter().any(|n| n.hotkey == key.hotkey()) {
            return Err(no_miner(&"another has the same name"));
        }
        chain.register(NETUID, key.hotkey(), owner)?;
        chain.commit(NETUID, &key, &data).await?;
    }
    Ok(chain)
}

/// Shows how far the tasks are while something is done.
pub(crate) async fn with_progress<T>(store: &dyn Store, job: impl Future<Output = T>) -> T {
    let bar = progress::tasks_bar();
    let follow = async {
        loop {
            // Nothing but a bar depends on it.
            if let Ok(stats) = store.job_stats().await {
                bar.set_length(stats.total);
                bar.set_position(stats.completed + stats.failed);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    let result = tokio::select! {
        result = job => result,
        () = follow => unreachable!("it is followed for ever"),
    };
    ProgressBar::finish_and_clear(&bar);
    result
}

/// Prints what came of a cycle.
pub(crate) async fn show_end(
    end: &CycleEnd,
    store: &dyn Store,
    policies: &[NamedPolicy],
) -> Result<Outcome, Failure> {
    if let Some(reason) = &end.failure {
        return Err(Failure::new(Code::Failed, format_args!("cycle {}: {reason}", end.id)));
    }
    let result = Outcome::read(store, policies).await?;
    to_stdout(result.rates())?;
    to_stdout("")?;
    to_stdout(result.standings())?;
    Ok(result)
}

/// What came of the last completed cycle.
pub(crate) struct Outcome {
    names: BTreeMap<MinerUid, String>,
    scores: storage::CycleScores,
    weights: storage::PublishedWeights,
    report: CycleReport,
}

impl Outcome {
    async fn read(store: &dyn Store, policies: &[NamedPolicy]) -> Result<Self, Failure> {
        let missing = || Failure::new(Code::Failed, "the cycle has no result");
        let scores = store.scores(None).await?.ok_or_else(missing)?;
        let weights = store.weights(None).await?.ok_or_else(missing)?;
        let report = weights.cycle.report.clone().ok_or_else(missing)?;
        let report = serde_json::from_value(report)
            .map_err(|error| Failure::new(Code::Failed, format_args!("no report: {error}")))?;
        let uids = (0_u16..).map(MinerUid);
        let names = uids.zip(policies.iter().map(|policy| policy.name.clone())).collect();
        Ok(Self { names, scores, weights, report })
    }

    fn name(&self, uid: MinerUid) -> String {
        self.names.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// The points of a policy, by its name.
    pub(crate) fn points(&self, name: &str) -> Option<f64> {
        let (uid, _) = self.names.iter().find(|(_, known)| *known == name)?;
        self.report.scoring.subset_scores.get(uid).copied()
    }

    /// Success rates with their intervals.
    fn rates(&self) -> comfy_table::Table {
        let headings = ["policy", "environment", "success", "95 % interval", "return"];
        let mut table = table::with_headings(2, headings);
        for row in &self.scores.rows {
            let episodes = row.episodes_completed;
            let successes = (row.success_rate * f64::from(episodes)).round() as u64;
            let interval = wilson(successes, u64::from(episodes), Confidence::P95);
            table.add_row([
                self.name(row.uid),
                EnvId::to_string(&row.env_id),
                format!("{successes}/{episodes}"),
                format!("{} to {}", table::percent(interval.low), table::percent(interval.high)),
                table::number(Some(row.mean_reward), 1),
            ]);
        }
        table
    }

    /// Frontier, points and weights.
    fn standings(&self) -> comfy_table::Table {
        let headings = ["policy", "frontier", "success", "points", "weight", "u16"];
        let mut table = table::with_headings(2, headings);
        let weights = &self.weights.weights;
        for ((uid, share), value) in weights.uids.iter().zip(&weights.shares).zip(&weights.values) {
            let own = self.scores.rows.iter().filter(|row| row.uid == *uid);
            let rates: Vec<f64> = own.map(|row| row.success_rate).collect();
            let mean = rates.iter().sum::<f64>() / rates.len().max(1) as f64;
            let points = self.report.scoring.subset_scores.get(uid).copied();
            table.add_row([
                self.name(*uid),
                if self.weights.frontier.contains(uid) { "yes" } else { "-" }.to_owned(),
                table::percent(mean),
                table::number(points, 0),
                format!("{share:.4}"),
                value.to_string(),
            ]);
        }
        table
    }

    /// Whether the seeds of the cycle can be checked, and how.
    pub(crate) fn proof(&self) -> Option<String> {
        let cycle = &self.scores.cycle;
        let secret = cycle.seed_secret.as_ref()?.to_hex();
        let commitment = &cycle.seed_commitment;
        Some(format!("kinitro verify-seeds --commitment {commitment} --secret {secret}"))
    }
}
