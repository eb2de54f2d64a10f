//! A chain in memory, for development and tests.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use kinitro_core::{BlockNumber, Coldkey, Hotkey, MinerUid, NetUid};
use sha2::{Digest, Sha256};

use crate::block::{At, Block, Hash256, Head, Inclusion};
use crate::chain::Chain;
use crate::commitment::CommitmentData;
use crate::error::{ChainError, ChainErrorKind};
use crate::network::Network;
use crate::refusal::Refusal;
use crate::signer::Signer;
use crate::subnet::{Commitment, Hyperparameters, Neuron, NeuronWeights, Subnet};
use crate::wallet::verify;
use crate::weights::{Timelock, WeightVector, WeightsReceipt, WeightsState, eligibility};

/// The time between two blocks, as on Bittensor.
const BLOCK_TIME: Duration = Duration::from_secs(12);

/// A chain that lives in this process. Every write makes a block that is final at once, and time passes
/// only with blocks.
///
/// ```
/// use kinitro_chain::commitment::CommitmentData;
/// use kinitro_chain::wallet::Keypair;
/// use kinitro_chain::{Chain, MemoryChain, Signer};
/// use kinitro_core::{Coldkey, NetUid};
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let (chain, netuid) = (MemoryChain::new(), NetUid(26));
/// chain.add_subnet(netuid);
/// let miner = Keypair::from_uri("//Alice")?;
/// let owner = Coldkey::from_account_id([1; 32]);
/// let uid = chain.register(netuid, miner.hotkey(), owner)?;
/// chain.commit(netuid, &miner, &CommitmentData::new("hello")?).await?;
///
/// let published = chain.commitments(netuid).await?.value;
/// assert_eq!(published[0].uid, Some(uid));
/// assert_eq!(published[0].data.as_deref(), Some(b"hello".as_slice()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct MemoryChain {
    network: Network,
    began: SystemTime,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    height: u64,
    subnets: BTreeMap<NetUid, MemorySubnet>,
}

#[derive(Default)]
struct MemorySubnet {
    hyperparameters: Hyperparameters,
    neurons: Vec<Neuron>,
    commitments: BTreeMap<Hotkey, (BlockNumber, Vec<u8>)>,
    weights: BTreeMap<MinerUid, WeightVector>,
    sealed: Vec<Sealed>,
}

struct Sealed {
    uid: MinerUid,
    hotkey: Hotkey,
    weights: WeightVector,
    opens: u64,
}

impl Default for MemoryChain {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryChain {
    /// A chain without subnets. Its first block is made now.
    pub fn new() -> Self {
        Self {
            network: Network::Memory,
            began: SystemTime::now(),
            state: Mutex::new(State::default()),
        }
    }

    /// Adds an empty subnet, unless the chain has one of that number.
    pub fn add_subnet(&self, netuid: NetUid) {
        self.state().subnets.entry(netuid).or_default();
    }

    /// Registers a hotkey and returns its slot. If it is registered already, nothing changes.
    ///
    /// # Errors
    /// [`ChainErrorKind::UnknownSubnet`].
    pub fn register(
        &self,
        netuid: NetUid,
        hotkey: Hotkey,
        coldkey: Coldkey,
    ) -> Result<MinerUid, ChainError> {
        let mut state = self.state();
        let subnet = state.subnet_mut(netuid)?;
        if let Some(neuron) = subnet.neurons.iter().find(|neuron| neuron.hotkey == hotkey) {
            return Ok(neuron.uid);
        }
        let uid = MinerUid(subnet.hyperparameters.neurons);
        subnet.hyperparameters.neurons += 1;
        subnet.neurons.push(Neuron::new(uid, hotkey, coldkey));
        state.height += 1;
        Ok(uid)
    }

    /// Changes a neuron, for instance its stake or its permit.
    ///
    /// # Errors
    /// [`ChainErrorKind::UnknownSubnet`], [`ChainErrorKind::Invalid`] if no neuron has that uid.
    pub fn change_neuron(
        &self,
        netuid: NetUid,
        uid: MinerUid,
        change: impl FnOnce(&mut Neuron),
    ) -> Result<(), ChainError> {
        let mut state = self.state();
        let neurons = &mut state.subnet_mut(netuid)?.neurons;
        let neuron = neurons.iter_mut().find(|neuron| neuron.uid == uid).ok_or_else(|| {
            ChainError::new(
                ChainErrorKind::Invalid,
                format_args!("subnet {netuid} has no uid {uid}"),
            )
        })?;
        change(neuron);
        Ok(())
    }

    /// Changes the parameters of a subnet.
    ///
    /// # Errors
    /// [`ChainErrorKind::UnknownSubnet`].
    pub fn change_hyperparameters(
        &self,
        netuid: NetUid,
        change: impl FnOnce(&mut Hyperparameters),
    ) -> Result<(), ChainError> {
        change(&mut self.state().subnet_mut(netuid)?.hyperparameters);
        Ok(())
    }

    /// Makes that many blocks, and opens weights that were sealed until one of them.
    pub fn advance(&self, blocks: u64) {
        let mut state = self.state();
        state.height += blocks;
        state.open_sealed();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Fails as a chain would if the signature is not the account's.
    fn check_signature(signer: &dyn Signer, message: &[u8]) -> Result<(), ChainError> {
        match verify(&signer.hotkey(), message, &signer.sign(message)) {
            true => Ok(()),
            false => Err(Refusal::new("", "BadSignature").into()),
        }
    }
}

impl State {
    fn subnet(&self, netuid: NetUid) -> Result<&MemorySubnet, ChainError> {
        self.subnets.get(&netuid).ok_or_else(|| unknown(netuid))
    }

    fn subnet_mut(&mut self, netuid: NetUid) -> Result<&mut MemorySubnet, ChainError> {
        self.subnets.get_mut(&netuid).ok_or_else(|| unknown(netuid))
    }

    fn block(&self) -> Block {
        Block {
            number: BlockNumber(self.height),
            hash: digest(b"block", &self.height.to_le_bytes()),
        }
    }

    fn at<T>(&self, value: T) -> At<T> {
        At { block: self.block(), value }
    }

    fn include(&mut self, message: &[u8]) -> Inclusion {
        self.height += 1;
        self.open_sealed();
        Inclusion {
            transaction: digest(&self.height.to_le_bytes(), message),
            block: self.block(),
            finalized: true,
        }
    }

    fn open_sealed(&mut self) {
        let height = self.height;
        for subnet in self.subnets.values_mut() {
            for sealed in subnet.sealed.extract_if(.., |sealed| sealed.opens <= height) {
                subnet.weights.insert(sealed.uid, sealed.weights);
            }
        }
    }
}

impl MemorySubnet {
    fn commitments(&self) -> Vec<Commitment> {
        let uid = |hotkey: &Hotkey| {
            self.neurons.iter().find(|neuron| neuron.hotkey == *hotkey).map(|neuron| neuron.uid)
        };
        self.commitments
            .iter()
            .map(|(hotkey, (block, data))| Commitment {
                hotkey: *hotkey,
                uid: uid(hotkey),
                block: *block,
                data: Some(data.clone()),
            })
            .collect()
    }
}

fn unknown(netuid: NetUid) -> ChainError {
    ChainError::new(ChainErrorKind::UnknownSubnet, format_args!("there is no subnet {netuid}"))
}

fn digest(what: &[u8], of: &[u8]) -> Hash256 {
    Hash256(Sha256::new().chain_update(what).chain_update(of).finalize().into())
}

#[async_trait]
impl Chain for MemoryChain {
    fn network(&self) -> &Network {
        &self.network
    }

    async fn head(&self) -> Result<Head, ChainError> {
        let block = self.state().block();
        let blocks = u32::try_from(block.number.0).unwrap_or(u32::MAX);
        let time = self.began + BLOCK_TIME.saturating_mul(blocks);
        Ok(Head { best: block, time, finalized: block })
    }

    async fn subnet(&self, netuid: NetUid) -> Result<At<Subnet>, ChainError> {
        let state = self.state();
        let subnet = state.subnet(netuid)?;
        Ok(state.at(Subnet {
            neurons: subnet.neurons.clone(),
            commitments: subnet.commitments(),
            hyperparameters: subnet.hyperparameters.clone(),
        }))
    }

    async fn neurons(&self, netuid: NetUid) -> Result<At<Vec<Neuron>>, ChainError> {
        let state = self.state();
        Ok(state.at(state.subnet(netuid)?.neurons.clone()))
    }

    async fn commitments(&self, netuid: NetUid) -> Result<At<Vec<Commitment>>, ChainError> {
        let state = self.state();
        Ok(state.at(state.subnet(netuid)?.commitments()))
    }

    async fn hyperparameters(&self, netuid: NetUid) -> Result<At<Hyperparameters>, ChainError> {
        let state = self.state();
        Ok(state.at(state.subnet(netuid)?.hyperparameters.clone()))
    }

    async fn weights(&self, netuid: NetUid) -> Result<At<Vec<NeuronWeights>>, ChainError> {
        let state = self.state();
        let weights = state.subnet(netuid)?.weights.iter().map(|(uid, vector)| {
            let uids = vector.uids().iter().map(|uid| MinerUid(*uid));
            NeuronWeights { uid: *uid, weights: uids.zip(vector.as_stored()).collect() }
        });
        Ok(state.at(weights.collect()))
    }

    async fn commit(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        data: &CommitmentData,
    ) -> Result<Inclusion, ChainError> {
        let hotkey = signer.hotkey();
        let message = [&netuid.0.to_le_bytes(), data.as_bytes()].concat();
        Self::check_signature(signer, &message)?;
        let mut state = self.state();
        if state.subnet(netuid)?.neurons.iter().all(|neuron| neuron.hotkey != hotkey) {
            let refusal = Refusal::new("Commitments", "AccountNotAllowedCommit");
            return Err(refusal.with_detail(hotkey).into());
        }
        let inclusion = state.include(&message);
        let published = (inclusion.block.number, data.as_bytes().to_vec());
        state.subnet_mut(netuid)?.commitments.insert(hotkey, published);
        Ok(inclusion)
    }

    async fn set_weights(
        &self,
        netuid: NetUid,
        signer: &dyn Signer,
        weights: &WeightVector,
    ) -> Result<WeightsReceipt, ChainError> {
        if weights.is_empty() {
            return Err(ChainError::new(ChainErrorKind::Invalid, "there are no weights to set"));
        }
        let hotkey = signer.hotkey();
        let numbers = weights.uids().iter().chain(weights.values());
        let message: Vec<u8> = numbers.flat_map(|number| number.to_le_bytes()).collect();
        Self::check_signature(signer, &message)?;
        let mut state = self.state();
        let next = BlockNumber(state.height + 1);
        let subnet = state.subnet(netuid)?;
        eligibility(&subnet.hyperparameters, &subnet.neurons, &hotkey, next, weights)?;
        let inclusion = state.include(&message);
        let now = inclusion.block.number;
        let subnet = state.subnet_mut(netuid)?;
        let Some(neuron) = subnet.neurons.iter_mut().find(|neuron| neuron.hotkey == hotkey) else {
            return Err(Refusal::new("SubtensorModule", "HotKeyNotRegisteredInSubNet").into());
        };
        neuron.last_update = now;
        let uid = neuron.uid;
        let parameters = &subnet.hyperparameters;
        let timelock = parameters.commit_reveal.then(|| {
            let wait = (u64::from(parameters.tempo) + 1) * parameters.reveal_period_epochs;
            Timelock { round: 0, reveal_block: BlockNumber(now.0 + wait.max(1)) }
        });
        match timelock {
            Some(Timelock { reveal_block, .. }) => {
                let weights = weights.clone();
                subnet.sealed.push(Sealed { uid, hotkey, weights, opens: reveal_block.0 });
            }
            None => {
                subnet.weights.insert(uid, weights.clone());
            }
        }
        Ok(WeightsReceipt { netuid, hotkey, weights: weights.clone(), inclusion, timelock })
    }

    async fn weights_state(&self, receipt: &WeightsReceipt) -> Result<WeightsState, ChainError> {
        let state = self.state();
        let subnet = state.subnet(receipt.netuid)?;
        let is_this = |sealed: &&Sealed| {
            sealed.hotkey == receipt.hotkey
                && Some(BlockNumber(sealed.opens)) == receipt.timelock.map(|lock| lock.reveal_block)
        };
        if let Some(sealed) = subnet.sealed.iter().find(is_this) {
            return Ok(WeightsState::Sealed { blocks_left: sealed.opens - state.height });
        }
        let neuron = subnet.neurons.iter().find(|neuron| neuron.hotkey == receipt.hotkey);
        let in_force = neuron.and_then(|neuron| subnet.weights.get(&neuron.uid));
        Ok(match in_force == Some(&receipt.weights) {
            true => WeightsState::InForce,
            false => WeightsState::Gone,
        })
    }
}

impl fmt::Debug for MemoryChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryChain").field("height", &self.state().height).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conformance::{self, Stage};
    use crate::wallet::Keypair;

    const NETUID: NetUid = NetUid(26);

    #[async_trait]
    impl Stage for MemoryChain {
        fn chain(&self) -> &dyn Chain {
            self
        }

        fn netuid(&self) -> NetUid {
            NETUID
        }

        async fn register(&self, hotkey: &Keypair, coldkey: Coldkey) -> MinerUid {
            self.register(NETUID, hotkey.hotkey(), coldkey).unwrap()
        }

        async fn set_permit(&self, uid: MinerUid, permit: bool) {
            self.change_neuron(NETUID, uid, |neuron| neuron.validator_permit = permit).unwrap();
        }

        async fn set_hyperparameters(&self, hyperparameters: &Hyperparameters) {
            self.change_hyperparameters(NETUID, |current| *current = hyperparameters.clone())
                .unwrap();
        }

        async fn advance(&self, blocks: u64) {
            MemoryChain::advance(self, blocks);
        }
    }

    #[tokio::test]
    async fn the_chain_in_memory_keeps_to_the_trait() {
        let chain = MemoryChain::new();
        chain.add_subnet(NETUID);
        conformance::chain(&chain).await;
    }

    #[tokio::test]
    async fn a_signature_by_another_is_refused() {
        struct Impostor(Keypair, Hotkey);
        impl Signer for Impostor {
            fn hotkey(&self) -> Hotkey {
                self.1
            }
            fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message)
            }
        }
        let chain = MemoryChain::new();
        chain.add_subnet(NETUID);
        let (alice, bob) =
            (Keypair::from_uri("//Alice").unwrap(), Keypair::from_uri("//Bob").unwrap());
        let coldkey = Coldkey::from_account_id([1; 32]);
        chain.register(NETUID, alice.hotkey(), coldkey).unwrap();
        let impostor = Impostor(bob, alice.hotkey());
        let data = CommitmentData::new("mine").unwrap();
        let error = chain.commit(NETUID, &impostor, &data).await.unwrap_err();
        assert_eq!(error.refusal().map(|refusal| refusal.name.as_str()), Some("BadSignature"));
        assert!(chain.commitments(NETUID).await.unwrap().value.is_empty());
    }
}
