use kinitro_chain::commitment::{Endpoint, EndpointUrl, MinerCommitment, Published, Reading};
use kinitro_chain::published::{backend_key, published_by};
use kinitro_chain::{Chain, Inclusion, Signer as _};
use kinitro_core::{BlockNumber, DeploymentId, Hotkey};
use serde::Serialize;

use crate::args::{CommitArguments, ShowCommitmentArguments};
use crate::chain::{connect, hotkey_address, load_hotkey, sealer};
use crate::failure::{Code, Failure};
use crate::output::{json, to_stderr, to_stdout};
use crate::session::run;

#[derive(Serialize)]
struct Committed {
    hotkey: Hotkey,
    commitment: String,
    /// The block that the commitment counts from.
    block: BlockNumber,
    /// None if the same was published already.
    inclusion: Option<Inclusion>,
}

pub(crate) fn commit(arguments: &CommitArguments) -> Result<(), Failure> {
    if !arguments.revision.is_commit() {
        let message =
            format_args!("--revision {}: this is not a commit hash", arguments.revision.as_str());
        return Err(Failure::usage(message)
            .hint("give at least 8 digits of the commit hash: a branch or a tag can move"));
    }
    let signer = load_hotkey(&arguments.wallet)?;
    let (netuid, hotkey) = (arguments.netuid, signer.hotkey());
    run(async {
        let plain = plain_endpoint(&arguments.deployment_id)?;
        let needs_chain = !arguments.dry_run || arguments.backend_hotkey.is_some();
        let chain = match needs_chain {
            true => Some(connect(&arguments.network).await?),
            false => None,
        };
        let endpoint = match (&plain, arguments.encrypt) {
            (_, false) => plain.clone(),
            (Endpoint::Deployment(id), true) => {
                let backend = match (arguments.backend_public_key, arguments.backend_hotkey, &chain)
                {
                    (Some(key), _, _) => key,
                    (None, Some(backend), Some(chain)) => {
                        backend_key(chain, netuid, backend).await?
                    }
                    _ => {
                        return Err(Failure::usage("--encrypt needs the key of the backend")
                            .hint("give --backend-public-key or --backend-hotkey"));
                    }
                };
                Endpoint::seal(
                    id,
                    sealer(arguments.seal_version, backend, netuid, hotkey).as_ref(),
                )?
            }
            (_, true) => {
                return Err(Failure::usage("a URL cannot be sealed, only the id of a deployment"));
            }
        };
        let (repo, revision) = (arguments.repo.clone(), arguments.revision.clone());
        let commitment = MinerCommitment::new(repo, revision, endpoint);
        let data = if arguments.allow_long { commitment.long_data() } else { commitment.data() }?;
        let text = commitment.to_text();
        let Some(chain) = chain.filter(|_| !arguments.dry_run) else {
            return to_stdout(text);
        };
        let current = published_by(&chain, netuid, hotkey).await?;
        let committed = match current {
            Some(current) if says_the_same(&current, &commitment, arguments.encrypt) => {
                to_stderr("the same is published already, and counts from an earlier block");
                Committed { hotkey, commitment: text, block: current.block, inclusion: None }
            }
            _ => {
                let inclusion = chain.commit(netuid, &signer, &data).await?;
                let block = inclusion.block.number;
                to_stderr(format_args!("published in block {block}"));
                Committed { hotkey, commitment: text, block, inclusion: Some(inclusion) }
            }
        };
        if arguments.json { json(&committed) } else { to_stdout(&committed.commitment) }
    })
}

fn plain_endpoint(text: &str) -> Result<Endpoint, Failure> {
    if text.starts_with("http://") || text.starts_with("https://") {
        return text.parse::<EndpointUrl>().map(Endpoint::Url).map_err(Failure::usage);
    }
    let id = text.parse::<DeploymentId>().map_err(Failure::usage)?;
    Ok(Endpoint::Deployment(id))
}

/// Whether publishing would change nothing but the block. What is sealed anew is never the same.
fn says_the_same(current: &Reading, commitment: &MinerCommitment, sealed: bool) -> bool {
    let miner = current.published.as_ref().ok().and_then(Published::miner);
    !sealed && miner.is_some_and(|miner| miner.to_text() == commitment.to_text())
}

pub(crate) fn show_commitment(arguments: &ShowCommitmentArguments) -> Result<(), Failure> {
    let hotkey = match arguments.hotkey {
        Some(hotkey) => hotkey,
        None => hotkey_address(&arguments.wallet)?,
    };
    run(async {
        let chain = connect(&arguments.network).await?;
        let reading = published_by(&chain, arguments.netuid, hotkey).await?;
        let Some(reading) = reading else {
            let message =
                format_args!("{hotkey} has published nothing on subnet {}", arguments.netuid);
            return Err(Failure::new(Code::Failed, message));
        };
        if arguments.json {
            return json(&reading);
        }
        let uid =
            reading.uid.map_or_else(|| "not on the subnet".to_owned(), |uid| format!("uid {uid}"));
        to_stderr(format_args!("{hotkey} ({uid}), published in block {}", reading.block));
        match &reading.published {
            Ok(Published::Miner(miner)) => to_stdout(miner.to_text()),
            Ok(Published::BackendKey(key)) => to_stdout(key),
            Ok(_) => Err(Failure::new(
                Code::Failed,
                "this version does not know this kind of commitment",
            )),
            Err(error) => Err(Failure::new(Code::Failed, error)),
        }
    })
}
