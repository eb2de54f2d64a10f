use std::sync::Arc;

use kinitro_chain::{Chain as _, Signer as _};
use kinitro_eval::validator::{Round, Validator, ValidatorError, ValidatorSettings};
use serde::Serialize;

use crate::args::ValidateArguments;
use crate::chain::{connect, load_hotkey};
use crate::failure::{Code, Failure};
use crate::output::{to_stderr, to_stdout};
use crate::session::{runtime, stop_when_interrupted};

pub(crate) fn run(arguments: &ValidateArguments) -> Result<(), Failure> {
    let signer = load_hotkey(&arguments.wallet)?;
    let (netuid, hotkey) = (arguments.netuid, signer.hotkey());
    let ledger =
        arguments.ledger.clone().or_else(|| ValidatorSettings::standard_ledger(netuid, &hotkey));
    let ledger = ledger.ok_or_else(|| {
        Failure::new(Code::Environment, "there is no home folder to keep the ledger in")
            .hint("name a file with --ledger")
    })?;
    let mut settings = ValidatorSettings::new(&*arguments.backend_url, netuid, ledger);
    settings.poll_interval = arguments.poll_interval;
    settings.max_age = arguments.max_age;
    settings.refresh_blocks = arguments.refresh_blocks;
    settings.dry_run = arguments.dry_run;
    runtime()?.block_on(async {
        let chain = connect(&arguments.network()).await?;
        to_stderr(format_args!("validating subnet {netuid} of {} as {hotkey}", chain.network()));
        let mut validator = Validator::new(settings, Arc::new(chain), Arc::new(signer))?;
        if arguments.once {
            let round = validator.round().await;
            say(&round, arguments.json)?;
            return settled(&round?);
        }
        let stop = stop_when_interrupted(Some("stopping when this round is over"));
        let mut failed = None;
        validator
            .run(&stop, |round| {
                if let Err(failure) = say(round, arguments.json) {
                    // Nobody reads any more: there is no point in going on.
                    failed = Some(failure);
                    stop.cancel();
                }
            })
            .await;
        failed.map_or(Ok(()), Err)
    })
}

#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Round(&'a Round),
    Error { round: &'static str, error: String },
}

fn say(round: &Result<Round, ValidatorError>, json: bool) -> Result<(), Failure> {
    if json {
        let line = match round {
            Ok(round) => Line::Round(round),
            Err(error) => Line::Error { round: "error", error: error.to_string() },
        };
        let text =
            serde_json::to_string(&line).map_err(|error| Failure::new(Code::Failed, error))?;
        return to_stdout(text);
    }
    match round {
        Ok(round) => to_stdout(round),
        Err(error) => {
            to_stderr(format_args!("error: {error}"));
            Ok(())
        }
    }
}

/// Whether a single round came to what it was for.
fn settled(round: &Round) -> Result<(), Failure> {
    match round {
        Round::Submitted { .. } | Round::WouldSubmit { .. } | Round::Unchanged { .. } => Ok(()),
        round => Err(Failure::new(Code::Failed, round)),
    }
}
