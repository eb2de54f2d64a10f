//! What can be done about an error.

use std::fmt;

/// What can be done about an error, as a kind.
///
/// A program that has its own way of naming a network, a subnet or a key decides on the kind and
/// words it for its users. Its [`Display`](fmt::Display) is for everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// The node cannot be reached: its address may be wrong, or it may be down.
    CheckNode,
    /// The node belongs to another chain than the one that was meant.
    OtherNetwork,
    /// The subnet is not on this chain: its number or the network may be wrong.
    CheckSubnet,
    /// The subnet is not on this chain: its number may be wrong.
    CheckNetuid,
    /// The hotkey has no slot on the subnet, or another subnet, network or hotkey was meant.
    RegisterHotkey,
    /// The hotkey needs more stake.
    AddStake,
    /// The hotkey cannot pay the fee of a transaction.
    FundHotkey,
    /// The hotkey has no validator permit, which stake earns at the end of an epoch.
    EarnPermit,
    /// The rate limit of the subnet has to pass.
    WaitForRateLimit,
    /// The next epoch of the subnet has to begin.
    WaitForEpoch,
    /// Some of the hotkey's sealed weights have to be opened first.
    WaitForReveal,
    /// A parameter of the subnet changed while the weights were on their way.
    TryAgain(Changed),
    /// Nothing was changed, so it is safe to try again.
    SafeToRetry,
    /// It is not known whether the transaction is in a block: look before trying again.
    LookBeforeRetry,
    /// The subnet has changed since the weights were made.
    ReadSubnetAgain,
    /// The subnet requires weights for more neurons.
    WeighMoreNeurons,
    /// Another program uses the same hotkey.
    CheckOtherPrograms,
    /// The clock of this machine may be wrong.
    CheckClock,
    /// The chain is newer than this library.
    UpdateProgram,
    /// Others can read the key file.
    RestrictKeyFile,
    /// The key file is of no use: make it again from its mnemonic.
    RegenerateKey,
    /// The key file mixes two keys: make it again from the mnemonic of the registered one.
    RegenerateRegisteredKey,
    /// The key is of another type than hotkeys are.
    MakeSr25519Hotkey,
    /// The key is encrypted in an outdated way.
    EncryptAgain,
}

/// What changed on a subnet while weights were on their way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Changed {
    /// The version that weights must have.
    WeightsVersion,
    /// Sealing was switched on.
    SealingOn,
    /// Sealing was switched off.
    SealingOff,
}

impl Remedy {
    /// Advice that names no flags or settings of any program. It has neither a capital letter at its
    /// start nor a full stop at its end.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CheckNode => "check the address and that the node is up",
            Self::OtherNetwork => "another chain answers at that address: use a node of this one",
            Self::CheckSubnet => "check the number of the subnet and the network",
            Self::CheckNetuid => "check the number of the subnet",
            Self::RegisterHotkey => {
                "register the hotkey on the subnet, or check subnet, network and hotkey"
            }
            Self::AddStake => "add stake to the hotkey until it is over the threshold",
            Self::FundHotkey => "send the hotkey some TAO",
            Self::EarnPermit => {
                "permits go to the neurons with the most stake, at the end of an epoch"
            }
            Self::WaitForRateLimit => "wait until the rate limit of the subnet has passed",
            Self::WaitForEpoch => "wait for the next epoch of the subnet",
            Self::WaitForReveal => "wait until some are revealed",
            Self::TryAgain(Changed::WeightsVersion) => {
                "the version was changed while the weights were sent: try again"
            }
            Self::TryAgain(Changed::SealingOn) => {
                "it was switched on while the weights were sent: try again"
            }
            Self::TryAgain(Changed::SealingOff) => {
                "it was switched off while the weights were sent: try again"
            }
            Self::SafeToRetry => "nothing was changed: it is safe to try again",
            Self::LookBeforeRetry => {
                "look at the neurons and commitments of the subnet before you try again"
            }
            Self::ReadSubnetAgain => {
                "the subnet has changed since the weights were made: read it again"
            }
            Self::WeighMoreNeurons => "give more neurons a weight, if only 0",
            Self::CheckOtherPrograms => {
                "another program uses the same hotkey: see what it did, then try again"
            }
            Self::CheckClock => "check the clock of this machine, then try again",
            Self::UpdateProgram => "the chain is newer than this program: update it",
            Self::RestrictKeyFile => {
                "run `chmod 600` on it, and move to a new hotkey if someone may have read it"
            }
            Self::RegenerateKey => {
                "make the file again from the mnemonic: btcli wallet regen-hotkey"
            }
            Self::RegenerateRegisteredKey => {
                "make the file again from the mnemonic of the key that is registered"
            }
            Self::MakeSr25519Hotkey => "make a hotkey of type sr25519",
            Self::EncryptAgain => {
                "bittensor-wallet can encrypt it anew: \
                 Keyfile(path=...).check_and_update_encryption() in Python; or make it again from \
                 the mnemonic: btcli wallet regen-hotkey"
            }
        }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
