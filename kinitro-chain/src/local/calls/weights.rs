//! Weights: set in plain form, or sealed until the chain opens them when their beacon round is out.
//!
//! The checks are the runtime's, in the same order (docs/spec/chain.md, section 3).

use std::collections::BTreeSet;

use parity_scale_codec::{Decode as _, Encode as _};
use sp_crypto_hashing::blake2_256;

use super::unsupported;
use super::{Account, Call, DispatchError, Execution, Invalid, Ledger, Mismatch, argument};
use crate::local::runtime::Key;
use crate::local::subnet::{self, PALLET, Subnet, set_in_list, storage_index};
use crate::local::value::Value;
use crate::timelock::{WeightsPayload, open};
use kinitro_core::NetUid;

/// The maximum number of sealed weights that one hotkey may have waiting in an epoch.
const MOST_COMMITS: usize = 10;

fn refuse(name: &'static str) -> DispatchError {
    DispatchError::Module(PALLET, name)
}

/// Weights as given in a call or a sealed payload.
struct Weights {
    netuid: NetUid,
    mechanism: u8,
    uids: Vec<u16>,
    values: Vec<u16>,
    version_key: u64,
}

/// Sealed weights as given in a call.
struct Sealed {
    netuid: NetUid,
    mechanism: u8,
    commit: Vec<u8>,
    round: u64,
    version: u64,
}

/// A call that sets or commits weights.
enum WeightsCall {
    Plain(Weights),
    Sealed(Sealed),
}

impl WeightsCall {
    /// Reads a call; `None` if it is not about weights.
    fn read(call: &Call) -> Result<Option<Self>, Mismatch> {
        let mechanism = || match call.argument("mecid") {
            Some(mechanism) => {
                mechanism.as_u64().map_or(Err(Mismatch::new("mecid")), |m| Ok(m as u8))
            }
            None => Ok(0),
        };
        let netuid = || argument(call, "netuid", Value::as_netuid);
        Ok(Some(match call.name.as_str() {
            "set_weights" | "set_mechanism_weights" => Self::Plain(Weights {
                netuid: netuid()?,
                mechanism: mechanism()?,
                uids: argument(call, "dests", Value::as_u16s)?,
                values: argument(call, "weights", Value::as_u16s)?,
                version_key: argument(call, "version_key", Value::as_u64)?,
            }),
            "commit_timelocked_weights" | "commit_timelocked_mechanism_weights" => {
                Self::Sealed(Sealed {
                    netuid: netuid()?,
                    mechanism: mechanism()?,
                    commit: argument(call, "commit", Value::as_bytes)?.to_vec(),
                    round: argument(call, "reveal_round", Value::as_u64)?,
                    version: argument(call, "commit_reveal_version", Value::as_u64)?,
                })
            }
            _ => return Ok(None),
        }))
    }
}

/// The runtime's checks before a call about weights enters the pool.
pub(super) fn validate(ledger: &Ledger, signer: &Account, call: &Call) -> Result<(), Invalid> {
    let weights = WeightsCall::read(call).map_err(|_| Invalid::Custom(255))?;
    let (netuid, custom) = match weights {
        None => return Ok(()),
        Some(WeightsCall::Plain(weights)) => {
            (weights.netuid, (weights.uids.len() != weights.values.len()).then_some(18))
        }
        Some(WeightsCall::Sealed(sealed)) => {
            let last = ledger.number("Drand", "LastStoredRound", &[]);
            (sealed.netuid, (sealed.round < last).then_some(15))
        }
    };
    if !(Subnet { ledger, netuid }).has_stake_for_weights(signer) {
        return Err(Invalid::Custom(1));
    }
    custom.map_or(Ok(()), |number| Err(Invalid::Custom(number)))
}

pub(super) fn dispatch(
    block: &mut Execution,
    signer: &Account,
    call: &Call,
) -> Result<(), DispatchError> {
    match WeightsCall::read(call)? {
        None => Err(unsupported()),
        Some(WeightsCall::Plain(weights)) => {
            let subnet = Subnet { ledger: &block.ledger, netuid: weights.netuid };
            if subnet.commit_reveal() {
                return Err(refuse("CommitRevealEnabled"));
            }
            set(block, signer, &weights)
        }
        Some(WeightsCall::Sealed(sealed)) => commit(block, signer, sealed),
    }
}

/// Whether a slot may set weights again, because the subnet's rate limit has passed since the last
/// time.
fn may_set_again(subnet: Subnet<'_>, index: u16, uid: u16, block: u64) -> bool {
    let last = subnet.last_update(index, uid);
    last == 0 || block.saturating_sub(last) >= subnet.number("WeightsSetRateLimit")
}

fn mechanism_exists(subnet: Subnet<'_>, mechanism: u8) -> bool {
    subnet.exists() && u64::from(mechanism) < subnet.number("MechanismCountCurrent").max(1)
}

fn set(block: &mut Execution, signer: &Account, weights: &Weights) -> Result<(), DispatchError> {
    let Weights { netuid, mechanism, uids, values, version_key } = weights;
    let subnet = Subnet { ledger: &block.ledger, netuid: *netuid };
    let index = storage_index(*netuid, *mechanism);
    if *netuid == NetUid::ROOT {
        return Err(refuse("CanNotSetRootNetworkWeights"));
    }
    if uids.len() != values.len() {
        return Err(refuse("WeightVecNotEqualSize"));
    }
    if !mechanism_exists(subnet, *mechanism) {
        return Err(refuse("MechanismDoesNotExist"));
    }
    let size = subnet.size();
    if uids.len() > usize::from(size) {
        return Err(refuse("UidsLengthExceedUidsInSubNet"));
    }
    let uid = subnet.uid(signer).ok_or(refuse("HotKeyNotRegisteredInSubNet"))?;
    if !subnet.has_stake_for_weights(signer) {
        return Err(refuse("NotEnoughStakeToSetWeights"));
    }
    let wanted = subnet.number("WeightsVersionKey");
    if wanted != 0 && *version_key < wanted {
        return Err(refuse("IncorrectWeightVersionKey"));
    }
    let sealed = subnet.commit_reveal();
    if !sealed && !may_set_again(subnet, index, uid, block.number) {
        return Err(refuse("SettingWeightsTooFast"));
    }
    let alone = uids[..] == [uid];
    let owner = subnet.ledger.get(PALLET, "SubnetOwnerHotkey", &[Key::subnet(*netuid)]);
    let is_owner = owner.and_then(|owner| owner.as_account()).as_ref() == Some(signer);
    if !alone && !is_owner && !subnet.validator_permit(uid) {
        return Err(refuse("NeuronNoValidatorPermit"));
    }
    if uids.iter().collect::<BTreeSet<_>>().len() != uids.len() {
        return Err(refuse("DuplicateUids"));
    }
    if uids.iter().any(|uid| *uid >= size) {
        return Err(refuse("UidVecContainInvalidOne"));
    }
    if !alone && uids.len() < least_weights(subnet) {
        return Err(refuse("WeightVecLengthIsLow"));
    }
    let upscaled = max_upscaled(values);
    if !alone && exceeds(&upscaled, subnet.number("MaxWeightsLimit")) {
        return Err(refuse("MaxWeightExceeded"));
    }

    let stored = uids.iter().zip(upscaled);
    let stored = stored.map(|(uid, value)| Value::tuple([(*uid).into(), value.into()]));
    let keys = [Key::Number(index.into()), Key::Number(uid.into())];
    block.ledger.put(PALLET, "Weights", &keys, Value::list(stored))?;
    if !sealed {
        set_in_list(&mut block.ledger, "LastUpdate", index, uid, block.number)?;
    }
    Ok(block.emit(PALLET, "WeightsSet", Value::tuple([index.into(), uid.into()]))?)
}

/// The minimum number of weights that a subnet requires.
fn least_weights(subnet: Subnet<'_>) -> usize {
    subnet.number("MinAllowedWeights").min(subnet.size().into()) as usize
}

/// The weights as the chain stores them, scaled so that the largest is 65535.
fn max_upscaled(values: &[u16]) -> Vec<u16> {
    let max = u64::from(values.iter().copied().max().unwrap_or(0));
    if max == 0 {
        return values.to_vec();
    }
    let full = u64::from(u16::MAX);
    values.iter().map(|value| ((u64::from(*value) * full + max / 2) / max) as u16).collect()
}

/// Whether the largest weight's share of the total exceeds `limit`, in units of 1/65535.
fn exceeds(values: &[u16], limit: u64) -> bool {
    let sum: u64 = values.iter().map(|value| u64::from(*value)).sum();
    let max = values.iter().copied().max().unwrap_or(0);
    let full = u64::from(u16::MAX);
    limit < full && sum > 0 && u64::from(max) * full > limit * sum
}

fn commit(block: &mut Execution, signer: &Account, sealed: Sealed) -> Result<(), DispatchError> {
    let Sealed { netuid, mechanism, commit, round, version } = sealed;
    let subnet = Subnet { ledger: &block.ledger, netuid };
    let index = storage_index(netuid, mechanism);
    if !mechanism_exists(subnet, mechanism) {
        return Err(refuse("MechanismDoesNotExist"));
    }
    if !subnet.commit_reveal() {
        return Err(refuse("CommitRevealDisabled"));
    }
    if version != subnet.ledger.number(PALLET, "CommitRevealWeightsVersion", &[]) {
        return Err(refuse("IncorrectCommitRevealVersion"));
    }
    let uid = subnet.uid(signer).ok_or(refuse("HotKeyNotRegisteredInSubNet"))?;
    if !may_set_again(subnet, index, uid, block.number) {
        return Err(refuse("CommittingWeightsTooFast"));
    }
    let epoch = subnet.epoch_state(block.number - 1).epoch_of_next();
    let keys = [Key::Number(index.into()), Key::Number(epoch)];
    let mut waiting = subnet.ledger.list(PALLET, "TimelockedWeightCommits", &keys);
    let own = |entry: &&Value| commit_of(entry).is_some_and(|own| own.who == *signer);
    if waiting.iter().filter(own).count() >= MOST_COMMITS {
        return Err(refuse("TooManyUnrevealedCommits"));
    }
    let hash = blake2_256(&commit.encode());
    waiting.push(Value::tuple([
        (*signer).into(),
        block.number.into(),
        Value::Bytes(commit),
        round.into(),
    ]));
    block.ledger.put(PALLET, "TimelockedWeightCommits", &keys, Value::List(waiting))?;
    set_in_list(&mut block.ledger, "LastUpdate", index, uid, block.number)?;
    let event = Value::tuple([(*signer).into(), index.into(), hash.into(), round.into()]);
    Ok(block.emit(PALLET, "TimelockedWeightsCommitted", event)?)
}

/// Sealed weights as stored.
struct Commit<'a> {
    who: Account,
    ciphertext: &'a [u8],
    round: u64,
}

fn commit_of(entry: &Value) -> Option<Commit<'_>> {
    let [who, _, ciphertext, round] = entry.as_list()? else { return None };
    Some(Commit {
        who: who.as_account()?,
        ciphertext: ciphertext.as_bytes()?,
        round: round.as_u64()?,
    })
}

/// The mechanisms of all subnets, as (netuid, mechanism).
fn mechanisms(ledger: &Ledger) -> Vec<(NetUid, u8)> {
    let of_subnet = |netuid| {
        let count = Subnet { ledger, netuid }.number("MechanismCountCurrent").clamp(1, 15);
        (0..count as u8).map(move |mechanism| (netuid, mechanism))
    };
    subnet::all(ledger).into_iter().flat_map(of_subnet).collect()
}

/// The epoch whose sealed weights a subnet opens in block `number`.
fn reveal_epoch(ledger: &Ledger, netuid: NetUid, number: u64) -> Option<u64> {
    let subnet = Subnet { ledger, netuid };
    let epoch = subnet.epoch_state(number - 1).epoch_of_next();
    epoch.checked_sub(subnet.number("RevealPeriodEpochs"))
}

/// The rounds for which sealed weights that are due in block `number` are waiting.
pub(in crate::local) fn pending_rounds(ledger: &Ledger, number: u64) -> BTreeSet<u64> {
    let mut rounds = BTreeSet::new();
    for (netuid, mechanism) in mechanisms(ledger) {
        let Some(epoch) = reveal_epoch(ledger, netuid, number) else { continue };
        let keys = [Key::Number(storage_index(netuid, mechanism).into()), Key::Number(epoch)];
        let waiting = ledger.list(PALLET, "TimelockedWeightCommits", &keys);
        rounds.extend(waiting.iter().filter_map(commit_of).map(|commit| commit.round));
    }
    rounds
}

/// Opens the sealed weights that are due, at the start of a block. Those whose round is not out yet
/// wait for a later block of the same epoch. Those that cannot be opened, or are refused once
/// opened, are discarded.
pub(in crate::local) fn open_commits(block: &mut Execution) -> Result<(), Mismatch> {
    for (netuid, mechanism) in mechanisms(&block.ledger) {
        let index = storage_index(netuid, mechanism);
        let Some(due) = reveal_epoch(&block.ledger, netuid, block.number) else { continue };
        let of_mechanism = [Key::Number(index.into())];
        let waiting = block.ledger.entries(PALLET, "TimelockedWeightCommits", &of_mechanism);
        for (keys, entries) in waiting {
            let Some(epoch) = keys.get(1).and_then(Value::as_u64) else { continue };
            let keys = [Key::Number(index.into()), Key::Number(epoch)];
            if epoch > due {
                continue;
            }
            block.ledger.remove(PALLET, "TimelockedWeightCommits", &keys);
            if epoch < due {
                // Too late: they may no longer be opened.
                continue;
            }
            let mut unopened = Vec::new();
            for entry in entries.as_list().unwrap_or_default() {
                let Some(commit) = commit_of(entry) else { continue };
                let round = [Key::Number(commit.round)];
                let Some(pulse) = block.ledger.get("Drand", "Pulses", &round) else {
                    unopened.push(entry.clone());
                    continue;
                };
                let signature = pulse.field("signature").and_then(Value::as_bytes);
                reveal(block, netuid, mechanism, &commit, signature.unwrap_or_default())?;
            }
            if !unopened.is_empty() {
                let unopened = Value::List(unopened);
                block.ledger.put(PALLET, "TimelockedWeightCommits", &keys, unopened)?;
            }
        }
    }
    Ok(())
}

fn reveal(
    block: &mut Execution,
    netuid: NetUid,
    mechanism: u8,
    commit: &Commit<'_>,
    signature: &[u8],
) -> Result<(), Mismatch> {
    let Ok(message) = open(commit.ciphertext, signature) else { return Ok(()) };
    let Ok(payload) = WeightsPayload::decode(&mut &message[..]) else { return Ok(()) };
    if payload.hotkey != commit.who {
        return Ok(());
    }
    let WeightsPayload { uids, values, version_key, .. } = payload;
    let weights = Weights { netuid, mechanism, uids, values, version_key };
    match block.transactional(|block| set(block, &commit.who, &weights)) {
        Ok(()) => {
            let index = storage_index(netuid, mechanism);
            let event = Value::tuple([index.into(), commit.who.into()]);
            block.emit(PALLET, "TimelockedWeightsRevealed", event)
        }
        Err(DispatchError::Mismatch(error)) => Err(error),
        Err(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_kept_with_the_largest_at_the_top() {
        assert_eq!(max_upscaled(&[1, 2, 4]), [16_384, 32_768, 65_535]);
        assert_eq!(max_upscaled(&[0, 0]), [0, 0]);
    }

    #[test]
    fn a_limit_is_one_of_shares() {
        assert!(!exceeds(&[65_535, 65_535], 32_768));
        assert!(exceeds(&[65_535, 65_535], 32_767));
        assert!(!exceeds(&[65_535], 65_535));
        assert!(!exceeds(&[0, 0], 0));
    }
}
