//! Three policies in real simulation: one behind HTTP that sees what any policy sees, the scripted
//! expert that sees everything, and one that acts at random.

use async_trait::async_trait;
use kinitro_core::{Action, Observation, PolicyFault, PolicyFaultKind, TaskConfig};
use kinitro_eval::policy::serve::PolicyServer;
use kinitro_eval::report::Summary;
use kinitro_eval::{Evaluation, ExpertPolicy, HttpPolicy, Policy, RandomPolicy, Registry};

use crate::args::DemoArguments;
use crate::commands::eval::{runtime, watch};
use crate::failure::{Code, Failure};
use crate::output::{table, to_stdout};

const ENVIRONMENTS: [&str; 3] =
    ["metaworld/reach-v3", "metaworld/push-v3", "metaworld/pick-place-v3"];

pub(crate) fn run(arguments: &DemoArguments) -> Result<(), Failure> {
    let summaries = runtime()?.block_on(judge_all(arguments.episodes))?;
    let mut table =
        table::with_headings(2, ["policy", "environment", "success", "95 % interval", "return"]);
    for summary in &summaries {
        for environment in &summary.environments {
            table.add_row([
                summary.policy.clone(),
                environment.env_id.to_string(),
                format!("{}/{}", environment.successes, environment.episodes),
                format!(
                    "{} to {}",
                    table::percent(environment.interval.low),
                    table::percent(environment.interval.high)
                ),
                table::number(environment.mean_return, 1),
            ]);
        }
    }
    to_stdout(table)?;
    for Summary { policy, mean_success_rate, .. } in &summaries {
        let mean = mean_success_rate.map_or_else(|| "-".to_owned(), table::percent);
        to_stdout(format_args!("{policy}: {mean} on average"))?;
    }
    to_stdout(
        "\nA sweep of the arm finds most goals in the air without looking, and that is all it can \
         do:\nonly a policy that is good at everything gets far here. Try your own with\n  \
         kinitro eval --policy http://HOST:PORT --env 'metaworld/*'",
    )
}

async fn judge_all(episodes: u32) -> Result<Vec<Summary>, Failure> {
    let no_server = |error: std::io::Error| {
        Failure::new(Code::Environment, format_args!("no policy server can be started: {error}"))
    };
    let server = PolicyServer::bind("127.0.0.1:0").await.map_err(no_server)?;
    let url = format!("http://{}", server.local_addr());
    let serving = tokio::spawn(server.serve(Sweep::default(), std::future::pending()));
    let registry = Registry::builtin();
    let contenders = [
        Evaluation::new(HttpPolicy::new(&url).map_err(Failure::usage)?),
        Evaluation::new(ExpertPolicy::new(registry.clone())),
        Evaluation::new(RandomPolicy::new(registry.clone())),
    ];
    let mut summaries = Vec::new();
    for evaluation in contenders {
        let evaluation = evaluation.registry(registry.clone()).max_steps(MAX_STEPS);
        let evaluation = evaluation.episodes(episodes).images(true);
        let report = watch(ENVIRONMENTS.into_iter().fold(evaluation, Evaluation::env)).await?;
        if report.stopped {
            return Err(Failure::new(Code::Interrupted, "stopped"));
        }
        summaries.push(report.summary);
    }
    serving.abort();
    Ok(summaries)
}

/// Steps of an episode: half of what MetaWorld gives, and enough for the sweep to be done.
const MAX_STEPS: u32 = 250;

/// Combs with the fingertips through the place where goals in the air are, lane by lane, without
/// looking.
#[derive(Debug, Clone, Default)]
struct Sweep {
    lane_ends: usize,
}

/// The lanes run along x, from -10 cm to 10 cm, at these y and z of the hand, m. They are so close
/// that no goal is farther than 5 cm from all of them.
const LANES: [(f64, f64); 6] =
    [(0.825, 0.14), (0.875, 0.14), (0.875, 0.225), (0.825, 0.225), (0.825, 0.31), (0.875, 0.31)];

impl Sweep {
    /// Where the hand is to go next: one end of a lane after the other, to and fro.
    fn target(&self) -> [f64; 3] {
        let (lane, end) = ((self.lane_ends / 2) % LANES.len(), self.lane_ends % 2);
        let x = if lane % 2 == end { -0.1 } else { 0.1 };
        [x, LANES[lane].0, LANES[lane].1]
    }
}

#[async_trait]
impl Policy for Sweep {
    fn name(&self) -> String {
        "sweep".to_owned()
    }

    async fn reset(&mut self, _: &TaskConfig) -> Result<(), PolicyFault> {
        self.lane_ends = 0;
        Ok(())
    }

    async fn act(&mut self, observation: &Observation) -> Result<Action, PolicyFault> {
        let hand = observation.proprio.get("ee_pos").filter(|hand| hand.len() == 3);
        let hand = hand.ok_or_else(|| PolicyFault::new(PolicyFaultKind::Error, "no ee_pos"))?;
        let way = |target: [f64; 3]| [0, 1, 2].map(|axis| target[axis] - hand[axis]);
        if way(self.target()).iter().all(|metres| metres.abs() < 0.01) {
            self.lane_ends += 1;
        }
        let [x, y, z] = way(self.target()).map(|metres| (20.0 * metres).clamp(-1.0, 1.0));
        Ok(Action::new().with("ee_twist", [x, y, z, 0.0, 0.0, 0.0]).with("gripper", [0.0]))
    }
}
