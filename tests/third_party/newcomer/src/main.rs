use kinitro_eval::{Evaluation, EvaluationError, RandomPolicy};

fn main() -> Result<(), EvaluationError> {
    let report = Evaluation::new(RandomPolicy::new())
        .env("metaworld/reach-v3")
        .episodes(2)
        .max_steps(20)
        .run_blocking()?;
    let reach = &report.summary.environments[0];
    let (of, steps, faults) = (reach.episodes, report.summary.steps, reach.faults.len());
    println!("{}: {of} episodes, {steps} steps, {faults} faults", reach.env_id);
    Ok(())
}
