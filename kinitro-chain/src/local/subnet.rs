//! A subnet in the state: its neurons and its rules.

use super::Account;
use super::ledger::Ledger;
use super::runtime::Key;
use super::value::{Mismatch, Value};
use crate::epoch::EpochState;
use kinitro_core::NetUid;

/// The pallet that holds all of this.
pub(super) const PALLET: &str = "SubtensorModule";

/// A subnet, and the state to look it up in.
#[derive(Clone, Copy)]
pub(super) struct Subnet<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) netuid: NetUid,
}

/// The storage index under which a subnet's mechanism keeps its weights.
pub(super) fn storage_index(netuid: NetUid, mechanism: u8) -> u16 {
    u16::from(mechanism).wrapping_mul(4096).wrapping_add(netuid.0)
}

impl Subnet<'_> {
    fn key(&self) -> Key<'static> {
        Key::subnet(self.netuid)
    }

    /// A number stored for this subnet, such as `Tempo`.
    pub(super) fn number(&self, name: &str) -> u64 {
        self.ledger.number(PALLET, name, &[self.key()])
    }

    /// A boolean stored for this subnet.
    pub(super) fn flag(&self, name: &str) -> bool {
        let value = self.ledger.get(PALLET, name, &[self.key()]);
        value.and_then(|value| value.as_bool()).unwrap_or(false)
    }

    pub(super) fn exists(&self) -> bool {
        self.flag("NetworksAdded")
    }

    pub(super) fn size(&self) -> u16 {
        self.number("SubnetworkN") as u16
    }

    pub(super) fn uid(&self, hotkey: &Account) -> Option<u16> {
        self.ledger.get(PALLET, "Uids", &[self.key(), Key::Account(hotkey)])?.as_u16()
    }

    pub(super) fn hotkey(&self, uid: u16) -> Option<Account> {
        let keys = [self.key(), Key::Number(uid.into())];
        self.ledger.get(PALLET, "Keys", &keys)?.as_account()
    }

    pub(super) fn validator_permit(&self, uid: u16) -> bool {
        let permits = self.ledger.list(PALLET, "ValidatorPermit", &[self.key()]);
        permits.get(usize::from(uid)).and_then(Value::as_bool).unwrap_or(false)
    }

    pub(super) fn commit_reveal(&self) -> bool {
        self.flag("CommitRevealWeightsEnabled")
    }

    /// The alpha staked to a hotkey on this subnet.
    pub(super) fn alpha(&self, hotkey: &Account) -> u64 {
        self.ledger.number(PALLET, "TotalHotkeyAlpha", &[Key::Account(hotkey), self.key()])
    }

    /// A hotkey's stake weight: its alpha on this subnet plus a share of its stake on the root.
    pub(super) fn stake_weight(&self, hotkey: &Account) -> u64 {
        let root = Subnet { ledger: self.ledger, netuid: NetUid::ROOT }.alpha(hotkey);
        let share = self.ledger.number(PALLET, "TaoWeight", &[]);
        let counted = u128::from(root) * u128::from(share) / u128::from(u64::MAX);
        self.alpha(hotkey).saturating_add(u64::try_from(counted).unwrap_or(u64::MAX))
    }

    /// Whether a hotkey has enough stake to set weights.
    pub(super) fn has_stake_for_weights(&self, hotkey: &Account) -> bool {
        self.stake_weight(hotkey) >= self.ledger.number(PALLET, "StakeThreshold", &[])
    }

    /// The epoch schedule after `block`.
    pub(super) fn epoch_state(&self, block: u64) -> EpochState {
        EpochState {
            block,
            tempo: self.number("Tempo") as u16,
            last_epoch_block: self.number("LastEpochBlock"),
            pending_epoch_at: self.number("PendingEpochAt"),
            subnet_epoch_index: self.number("SubnetEpochIndex"),
            blocks_since_last_step: self.number("BlocksSinceLastStep"),
        }
    }

    /// The block in which a slot last set weights for a mechanism.
    pub(super) fn last_update(&self, index: u16, uid: u16) -> u64 {
        let updates = self.ledger.list(PALLET, "LastUpdate", &[Key::Number(index.into())]);
        updates.get(usize::from(uid)).and_then(Value::as_u64).unwrap_or(0)
    }
}

/// All subnets, including the root.
pub(super) fn all(ledger: &Ledger) -> Vec<NetUid> {
    let added = ledger.entries(PALLET, "NetworksAdded", &[]);
    let is_there = |value: &Value| value.as_bool() == Some(true);
    added
        .into_iter()
        .filter(|(_, value)| is_there(value))
        .filter_map(|(keys, _)| keys.first()?.as_netuid())
        .collect()
}

/// Replaces one item of a list with one item per slot.
pub(super) fn set_in_list(
    ledger: &mut Ledger,
    name: &str,
    index: u16,
    uid: u16,
    value: impl Into<Value>,
) -> Result<(), Mismatch> {
    let key = [Key::Number(index.into())];
    let mut values = ledger.list(PALLET, name, &key);
    if let Some(own) = values.get_mut(usize::from(uid)) {
        *own = value.into();
        ledger.put(PALLET, name, &key, Value::List(values))?;
    }
    Ok(())
}

/// Creates a subnet that accepts neurons and weights, with the parameters of a new one on a real
/// chain.
pub(super) fn create(ledger: &mut Ledger, netuid: NetUid, owner: &Account) -> Result<(), Mismatch> {
    let key = [Key::subnet(netuid)];
    ledger.put(PALLET, "NetworksAdded", &key, true)?;
    let networks = ledger.number(PALLET, "TotalNetworks", &[]) + 1;
    ledger.put(PALLET, "TotalNetworks", &[], networks)?;
    if netuid == NetUid::ROOT {
        // The root accepts no weights, sealed or plain.
        return ledger.put(PALLET, "CommitRevealWeightsEnabled", &key, false);
    }
    ledger.put(PALLET, "SubnetOwner", &key, *owner)?;
    ledger.put(PALLET, "SubnetOwnerHotkey", &key, *owner)?;
    ledger.put(PALLET, "MinAllowedWeights", &key, 1_u16)?;
    ledger.put(PALLET, "SubtokenEnabled", &key, true)?;
    ledger.put(PALLET, "FirstEmissionBlockNumber", &key, 1_u64)?;
    ledger.put(PALLET, "SubnetMechanism", &key, 1_u16)?;
    ledger.put(PALLET, "TokenSymbol", &key, "κ")?;
    ledger.put(
        PALLET,
        "SubnetIdentitiesV3",
        &key,
        Value::record([("subnet_name", "kinitro".into())]),
    )
}

/// Gives a hotkey the next free slot.
pub(super) fn append(
    ledger: &mut Ledger,
    netuid: NetUid,
    hotkey: &Account,
    coldkey: &Account,
    block: u64,
) -> Result<u16, Mismatch> {
    let key = Key::subnet(netuid);
    let uid = Subnet { ledger, netuid }.size();
    ledger.put(PALLET, "SubnetworkN", &[key], uid + 1)?;
    let mut push = |name: &str, value: Value| {
        let mut values = ledger.list(PALLET, name, &[key]);
        values.push(value);
        ledger.put(PALLET, name, &[key], Value::List(values))
    };
    push("Active", true.into())?;
    push("ValidatorPermit", false.into())?;
    // As on a real chain, a new neuron has to wait for the rate limit to pass.
    push("LastUpdate", block.into())?;
    for name in ["Consensus", "Incentive", "Dividends", "Emission", "ValidatorTrust"] {
        push(name, 0_u8.into())?;
    }
    let slot = [key, Key::Number(uid.into())];
    ledger.put(PALLET, "Keys", &slot, *hotkey)?;
    ledger.put(PALLET, "BlockAtRegistration", &slot, block)?;
    ledger.put(PALLET, "Uids", &[key, Key::Account(hotkey)], uid)?;
    ledger.put(PALLET, "IsNetworkMember", &[Key::Account(hotkey), key], true)?;
    ledger.put(PALLET, "Owner", &[Key::Account(hotkey)], *coldkey)?;
    let mut owned = ledger.list(PALLET, "OwnedHotkeys", &[Key::Account(coldkey)]);
    if !owned.iter().any(|own| own.as_account().as_ref() == Some(hotkey)) {
        owned.push((*hotkey).into());
        ledger.put(PALLET, "OwnedHotkeys", &[Key::Account(coldkey)], Value::List(owned))?;
    }
    Ok(uid)
}

/// Sets the alpha that a hotkey's owner has staked to the hotkey.
pub(super) fn set_stake(
    ledger: &mut Ledger,
    netuid: NetUid,
    hotkey: &Account,
    rao: u64,
) -> Result<(), Mismatch> {
    let key = Key::subnet(netuid);
    let owner = ledger.get(PALLET, "Owner", &[Key::Account(hotkey)]);
    let owner = owner.and_then(|owner| owner.as_account()).unwrap_or(*hotkey);
    // All of it belongs to one owner, so the shares equal the amount.
    let shares = Value::record([("mantissa", rao.into()), ("exponent", 0_u8.into())]);
    let of_pool = [Key::Account(hotkey), key];
    let of_owner = [Key::Account(hotkey), Key::Account(&owner), key];
    ledger.put(PALLET, "TotalHotkeyAlpha", &of_pool, rao)?;
    ledger.put(PALLET, "TotalHotkeySharesV2", &of_pool, shares.clone())?;
    ledger.put(PALLET, "AlphaV2", &of_owner, shares)
}
