use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kinitro_chain::commitment::{Published, Reading, read_all};
use kinitro_chain::reveal::follow_reveal;
use kinitro_chain::weights::{WeightVector, WeightsReceipt, eligibility};
use kinitro_chain::{
    Block, Chain, ChainError, Hyperparameters, NeuronWeights, Signer as _, Subtensor, WeightsState,
};
use kinitro_core::scoring::ChainWeights;
use kinitro_core::{BlockNumber, MinerUid, NetUid};
use serde::{Deserialize as _, Serialize};
use serde_json::Value;

use crate::args::{ChainInfoArguments, SetWeightsArguments, SubnetArguments, WeightsArguments};
use crate::chain::{connect, load_hotkey};
use crate::failure::{Code, Failure};
use crate::output::{json, table, to_stderr, to_stdout};
use crate::session::run;

#[derive(Serialize)]
struct Info {
    network: String,
    address: String,
    genesis: String,
    best: Block,
    time: String,
    finalized: Block,
    #[serde(skip_serializing_if = "Option::is_none")]
    subnet: Option<SubnetInfo>,
}

#[derive(Serialize)]
struct SubnetInfo {
    netuid: NetUid,
    neurons: usize,
    commitments: usize,
    hyperparameters: Hyperparameters,
}

pub(crate) fn info(arguments: &ChainInfoArguments) -> Result<(), Failure> {
    run(async {
        let chain = connect(&arguments.network).await?;
        let head = chain.head().await?;
        let subnet = match arguments.netuid {
            Some(netuid) => {
                let subnet = chain.subnet(netuid).await?.value;
                Some(SubnetInfo {
                    netuid,
                    neurons: subnet.neurons.len(),
                    commitments: subnet.commitments.len(),
                    hyperparameters: subnet.hyperparameters,
                })
            }
            None => None,
        };
        let info = Info {
            network: chain.network().to_string(),
            address: chain.network().endpoint().to_owned(),
            genesis: chain.genesis().to_string(),
            best: head.best,
            time: rfc3339(head.time),
            finalized: head.finalized,
            subnet,
        };
        if arguments.json { json(&info) } else { print_info(&info) }
    })
}

fn print_info(info: &Info) -> Result<(), Failure> {
    to_stdout(format_args!("network      {} ({})", info.network, info.address))?;
    to_stdout(format_args!("genesis      {}", info.genesis))?;
    to_stdout(format_args!(
        "best block   {} {} ({})",
        info.best.number, info.best.hash, info.time
    ))?;
    to_stdout(format_args!("final block  {} {}", info.finalized.number, info.finalized.hash))?;
    let Some(subnet) = &info.subnet else { return Ok(()) };
    let parameters = &subnet.hyperparameters;
    to_stdout(format_args!("subnet {}", subnet.netuid))?;
    let rows = [
        ("neurons", subnet.neurons.to_string()),
        ("commitments", subnet.commitments.to_string()),
        ("tempo", format!("{} blocks", parameters.tempo)),
        ("commit-reveal", commit_reveal(parameters)),
        ("weights version", parameters.weights_version.to_string()),
        ("weights rate limit", format!("{} blocks", parameters.weights_rate_limit)),
        ("min allowed weights", parameters.min_allowed_weights.to_string()),
        ("max weight limit", parameters.max_weight_limit.to_string()),
        ("stake threshold", parameters.stake_threshold.to_string()),
    ];
    rows.iter().try_for_each(|(name, value)| to_stdout(format_args!("  {name:<19}  {value}")))
}

fn commit_reveal(parameters: &Hyperparameters) -> String {
    if !parameters.commit_reveal {
        return "off".to_owned();
    }
    let Hyperparameters { commit_reveal_version: version, reveal_period_epochs: period, .. } =
        parameters;
    format!("on (version {version}, opened after {period} epochs)")
}

fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_millis(time).to_string()
}

pub(crate) fn neurons(arguments: &SubnetArguments) -> Result<(), Failure> {
    run(async {
        let chain = connect(&arguments.network).await?;
        let read = chain.neurons(arguments.netuid).await?;
        if arguments.json {
            return json(&read);
        }
        let headings = ["hotkey", "coldkey", "uid", "stake", "permit", "last update"];
        let mut table = table::with_headings(2, headings);
        for neuron in &read.value {
            table.add_row([
                neuron.hotkey.to_string(),
                neuron.coldkey.to_string(),
                neuron.uid.to_string(),
                neuron.stake.to_string(),
                if neuron.validator_permit { "yes" } else { "no" }.to_owned(),
                neuron.last_update.to_string(),
            ]);
        }
        say_block(&chain, arguments.netuid, read.block);
        to_stdout(table)
    })
}

pub(crate) fn commitments(arguments: &SubnetArguments) -> Result<(), Failure> {
    run(async {
        let chain = connect(&arguments.network).await?;
        let read = chain.commitments(arguments.netuid).await?.map(|all| read_all(&all));
        if arguments.json {
            return json(&read);
        }
        let mut table =
            table::with_headings(4, ["hotkey", "policy", "endpoint", "problem", "uid", "block"]);
        for reading in &read.value {
            let [policy, endpoint, error] = words(reading);
            let uid = reading.uid.map_or_else(|| "-".to_owned(), |uid| uid.to_string());
            let (hotkey, block) = (reading.hotkey.to_string(), reading.block.to_string());
            table.add_row([hotkey, policy, endpoint, error, uid, block]);
        }
        say_block(&chain, arguments.netuid, read.block);
        to_stdout(table)
    })
}

/// What was published: policy, endpoint, or what is wrong with it.
fn words(reading: &Reading) -> [String; 3] {
    match &reading.published {
        Ok(Published::Miner(miner)) => {
            let policy = format!("{}:{}", miner.repo.as_str(), miner.revision.as_str());
            let endpoint = miner.endpoint.url().unwrap_or_else(|| "sealed".to_owned());
            [policy, endpoint, String::new()]
        }
        Ok(Published::BackendKey(key)) => {
            ["(a backend's key)".into(), key.to_string(), String::new()]
        }
        Ok(_) => ["(unknown)".to_owned(), String::new(), String::new()],
        Err(error) => ["-".to_owned(), "-".to_owned(), error.to_string()],
    }
}

pub(crate) fn weights(arguments: &WeightsArguments) -> Result<(), Failure> {
    let subnet = &arguments.subnet;
    run(async {
        let chain = connect(&subnet.network).await?;
        let mut read = chain.weights(subnet.netuid).await?;
        read.value.retain(|neuron| arguments.uid.is_none_or(|uid| neuron.uid == uid));
        if subnet.json {
            return json(&read);
        }
        let mut table = table::with_headings(0, ["set by", "for", "weight", "share"]);
        for NeuronWeights { uid: by, weights, .. } in &read.value {
            let sum: f64 = weights.iter().map(|(_, weight)| f64::from(*weight)).sum();
            for (uid, weight) in weights {
                let share = table::percent(f64::from(*weight) / sum.max(1.0));
                table.add_row([by.to_string(), uid.to_string(), weight.to_string(), share]);
            }
        }
        say_block(&chain, subnet.netuid, read.block);
        to_stdout(table)
    })
}

fn say_block(chain: &Subtensor, netuid: NetUid, block: Block) {
    let network = chain.network();
    to_stderr(format_args!("subnet {netuid} of {network} at block {}", block.number));
}

fn read_weights(path: &Path) -> Result<WeightVector, Failure> {
    let failed = |error: &dyn std::fmt::Display| {
        Failure::new(Code::Environment, format_args!("{}: {error}", path.display()))
    };
    let mut text = String::new();
    if path == Path::new("-") {
        std::io::stdin().read_to_string(&mut text).map_err(|error| failed(&error))?;
    } else {
        text = std::fs::read_to_string(path).map_err(|error| failed(&error))?;
    }
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::usage(format_args!("{}: these are not weights: {error}", path.display()))
            .hint("give {\"0\": 0.25, \"5\": 0.75}, or what `kinitro score --json` prints")
    };
    let value: Value = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
    if let Some(weights) = value.get("weights_u16") {
        let weights = ChainWeights::deserialize(weights).map_err(|error| wrong(&error))?;
        return WeightVector::try_from(weights)
            .map_err(|_| wrong(&"uids and values are not equally many"));
    }
    let shares: BTreeMap<MinerUid, f64> =
        serde_json::from_value(value).map_err(|error| wrong(&error))?;
    WeightVector::from_shares(&shares).map_err(|error| wrong(&error))
}

#[derive(Serialize)]
struct WeightsOutcome {
    #[serde(flatten)]
    receipt: WeightsReceipt,
    #[serde(flatten)]
    state: WeightsState,
}

pub(crate) fn set_weights(arguments: &SetWeightsArguments) -> Result<(), Failure> {
    let vector = read_weights(&arguments.weights)?;
    let signer = load_hotkey(&arguments.wallet)?;
    let netuid = arguments.netuid;
    run(async {
        let chain = connect(&arguments.network).await?;
        if arguments.dry_run {
            let parameters = chain.hyperparameters(netuid).await?;
            let next = BlockNumber(parameters.block.number.0 + 1);
            let neurons = chain.neurons(netuid).await?.value;
            eligibility(&parameters.value, &neurons, &signer.hotkey(), next, &vector)
                .map_err(ChainError::from)?;
            to_stderr(format_args!("subnet {netuid} would take these weights"));
            return to_stdout(commit_reveal(&parameters.value));
        }
        let receipt = chain.set_weights(netuid, &signer, &vector).await?;
        let block = receipt.inclusion.block.number;
        let mut state = chain.weights_state(&receipt).await?;
        match receipt.timelock {
            None => to_stderr(format_args!("set in block {block}")),
            Some(timelock) => to_stderr(format_args!(
                "sealed in block {block} until round {} of the beacon, about block {}",
                timelock.round, timelock.reveal_block
            )),
        }
        if arguments.wait {
            let poll = Duration::from_secs(2);
            state = follow_reveal(&chain, &receipt, poll, |_| {}).await?;
        }
        if arguments.json {
            json(&WeightsOutcome { receipt, state })?;
        } else {
            to_stdout(match state {
                WeightsState::InForce => "in force".to_owned(),
                WeightsState::Sealed { blocks_left } => {
                    format!("sealed, {blocks_left} blocks left")
                }
                WeightsState::Gone => "gone".to_owned(),
                _ => "in a state that this program is too old for".to_owned(),
            })?;
        }
        match state {
            WeightsState::Gone => {
                let failure = Failure::new(Code::Failed, "the weights are not in force");
                Err(failure.hint("the chain could not open them, or later weights replaced them"))
            }
            WeightsState::Sealed { blocks_left: 0 } if arguments.wait => {
                Err(Failure::new(Code::Failed, "the chain is late in opening the weights"))
            }
            _ => Ok(()),
        }
    })
}
