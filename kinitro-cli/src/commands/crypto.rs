use kinitro_chain::published::{KeyPublished, backend_key, publish_backend_key};
use kinitro_core::crypto::{KeyDirectory, PrivateKey, load_private_key};
use kinitro_core::{DeploymentId, Hotkey, NetUid};

use crate::args::{
    FetchKeyArguments, GenerateArguments, OpenArguments, PrivateKeyArguments, PublishKeyArguments,
    SealArguments, SealingArguments,
};
use crate::chain::{connect, load_hotkey, opener, sealer};
use crate::failure::{Code, Failure};
use crate::output::{to_stderr, to_stdout};
use crate::session::run;

pub(crate) fn generate_keypair(arguments: &GenerateArguments) -> Result<(), Failure> {
    let directory = match &arguments.directory {
        Some(path) => KeyDirectory::new(path),
        None => KeyDirectory::standard()?,
    };
    let key = PrivateKey::generate()?;
    let files = directory.save(&arguments.name, &key, arguments.force)?;
    to_stderr(format_args!(
        "private key: {} (keep it secret, and a copy)",
        files.private.display()
    ));
    to_stderr(format_args!("public key:  {}", files.public.display()));
    to_stdout(key.public_key())
}

pub(crate) fn show_public_key(arguments: &PrivateKeyArguments) -> Result<(), Failure> {
    to_stdout(load_private_key(&arguments.private_key_file)?.public_key())
}

pub(crate) fn test_encryption(arguments: &PrivateKeyArguments) -> Result<(), Failure> {
    let key = load_private_key(&arguments.private_key_file)?;
    let endpoint = DeploymentId::from_bytes(*b"kinitro endpoint");
    let (netuid, hotkey) = (NetUid(1), Hotkey::from_account_id([1; 32]));
    for version in [1, 2] {
        let sealed = sealer(version, key.public_key(), netuid, hotkey).seal(&endpoint)?;
        let opened = opener(version, &key, netuid, hotkey).open(&sealed)?;
        if opened != endpoint {
            let failure = format_args!("version {version} opened as another endpoint");
            return Err(Failure::new(Code::Failed, failure));
        }
        to_stdout(format_args!("version {version}: sealed as {sealed}, opened again"))?;
    }
    Ok(())
}

pub(crate) fn seal(arguments: &SealArguments) -> Result<(), Failure> {
    let (version, netuid, hotkey) = binding(&arguments.sealing)?;
    let seal = sealer(version, arguments.backend_public_key, netuid, hotkey);
    to_stdout(seal.seal(&arguments.deployment_id)?)
}

pub(crate) fn open(arguments: &OpenArguments) -> Result<(), Failure> {
    let (version, netuid, hotkey) = binding(&arguments.sealing)?;
    let key = load_private_key(&arguments.key.private_key_file)?;
    to_stdout(opener(version, &key, netuid, hotkey).open(&arguments.sealed)?)
}

pub(crate) fn publish_public_key(arguments: &PublishKeyArguments) -> Result<(), Failure> {
    let key = load_private_key(&arguments.key.private_key_file)?.public_key();
    let signer = load_hotkey(&arguments.wallet)?;
    run(async {
        let chain = connect(&arguments.network).await?;
        match publish_backend_key(&chain, arguments.netuid, &signer, key).await? {
            KeyPublished::Now(inclusion) => {
                to_stderr(format_args!("published in block {}", inclusion.block.number));
            }
            _ => to_stderr("the key is published already"),
        }
        to_stdout(key)
    })
}

pub(crate) fn fetch_public_key(arguments: &FetchKeyArguments) -> Result<(), Failure> {
    run(async {
        let chain = connect(&arguments.network).await?;
        to_stdout(backend_key(&chain, arguments.netuid, arguments.backend_hotkey).await?)
    })
}

/// The version, and what version 2 is bound to; version 1 does not look at it.
fn binding(arguments: &SealingArguments) -> Result<(u8, NetUid, Hotkey), Failure> {
    match (arguments.seal_version, arguments.netuid, arguments.hotkey) {
        (1, _, _) => Ok((1, NetUid::ROOT, Hotkey::from_account_id([0; 32]))),
        (version, Some(netuid), Some(hotkey)) => Ok((version, netuid, hotkey)),
        _ => Err(Failure::usage("version 2 is bound to a miner: give --netuid and --hotkey")
            .hint("--seal-version 1 needs neither")),
    }
}
