//! The chain itself: makes blocks from transactions, finalizes them, and reverts them in a fork.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::broadcast;

use super::accounts::DevAccount;
use super::beacon::OwnBeacon;
use super::block::{BLOCKS, Block, Blocks};
use super::calls::{self, can_pay, increment_nonce, nonce, pay_fee, set_free};
use super::execution::{DispatchError, Execution, Pays, Phase};
use super::extrinsic::{Invalid, Transaction, timestamp};
use super::ledger::Ledger;
use super::pool::{Pool, Rejected, Status};
use super::runtime::{Key, Runtime};
use super::subnet::{self, PALLET, Subnet};
use super::value::{Mismatch, Value};
use super::{Account, Hash};
use kinitro_core::NetUid;

/// The initial balance of each development account, in rao.
const FUNDS: u64 = 1_000_000_000_000_000;
/// The stake of the first neuron, in rao.
const OWNER_STAKE: u64 = 1_000_000_000_000;

/// An event on the chain, for subscribers.
#[derive(Debug, Clone)]
pub(super) enum Notice {
    Best(Arc<Block>),
    Finalized(Arc<Block>),
    Runtime(Arc<Runtime>),
}

/// What happens to transactions whose block a fork removes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Forked {
    /// They return to the pool and are included in the block after the fork.
    Returned,
    /// They are lost.
    Lost,
}

/// The chain.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) netuid: NetUid,
    pub(super) block_time: Duration,
    pub(super) finality_lag: u64,
    /// Whether each transaction triggers a block at once.
    pub(super) instant: bool,
    /// The genesis hash that the chain reports.
    pub(super) genesis: Hash,
    /// Whether blocks include transactions.
    pub(super) includes: bool,
    pub(super) blocks: Blocks,
    pub(super) pool: Pool,
    beacon: OwnBeacon,
    /// A runtime that takes over with the next block.
    upgrade: Option<Arc<Runtime>>,
    notices: broadcast::Sender<Notice>,
    /// How many blocks have ever been made. It sets each block's slot, so no two blocks are alike,
    /// not even in a fork.
    serial: u64,
    /// When the last block was made.
    made: Instant,
    /// How far blocks are ahead of the clock.
    ahead: Duration,
    /// The transactions of recent blocks, so that a fork can return them to the pool.
    recent: HashMap<Hash, Vec<Transaction>>,
}

/// A state change that does not come from a transaction.
type Change<'a> = &'a mut dyn FnMut(&mut Execution) -> Result<(), DispatchError>;

impl Node {
    /// A new chain on which the development accounts have funds and the first of them owns subnet
    /// `netuid`.
    pub(super) fn new(
        runtime: Arc<Runtime>,
        beacon: OwnBeacon,
        netuid: NetUid,
        block_time: Duration,
        finality_lag: u64,
        instant: bool,
    ) -> Result<Self, Mismatch> {
        let mut ledger = Ledger::new(runtime);
        for name in DevAccount::FUNDED {
            set_free(&mut ledger, &DevAccount::new(name).account(), FUNDS)?;
        }
        let issued = FUNDS * DevAccount::FUNDED.len() as u64;
        ledger.put("Balances", "TotalIssuance", &[], issued)?;
        ledger.put(PALLET, "TotalIssuance", &[], issued)?;
        let owner = DevAccount::alice().account();
        subnet::create(&mut ledger, NetUid::ROOT, &owner)?;
        subnet::create(&mut ledger, netuid, &owner)?;
        let uid = subnet::append(&mut ledger, netuid, &owner, &owner, 0)?;
        subnet::set_in_list(&mut ledger, "ValidatorPermit", netuid.0, uid, true)?;
        subnet::set_stake(&mut ledger, netuid, &owner, OWNER_STAKE)?;
        beacon.configure(&mut ledger)?;

        let genesis = Block::new(0, [0; 32], ledger.root(), Vec::new(), Vec::new(), Vec::new());
        let mut node = Self {
            netuid,
            block_time,
            finality_lag,
            instant,
            genesis: genesis.hash,
            includes: true,
            blocks: Blocks::new(genesis, ledger),
            pool: Pool::default(),
            beacon,
            upgrade: None,
            notices: broadcast::channel(4096).0,
            serial: 0,
            made: Instant::now(),
            ahead: Duration::ZERO,
            recent: HashMap::new(),
        };
        // Clients expect a timestamp and events, all in a final block.
        node.advance(1 + finality_lag)?;
        Ok(node)
    }

    /// The state after the best block.
    pub(super) fn ledger(&self) -> &Ledger {
        // The state of the best block is never dropped.
        self.blocks.state(&self.blocks.best().hash).expect("the state of the best block is kept")
    }

    pub(super) fn runtime(&self) -> &Arc<Runtime> {
        &self.ledger().runtime
    }

    pub(super) fn subnet(&self, netuid: NetUid) -> Subnet<'_> {
        Subnet { ledger: self.ledger(), netuid }
    }

    pub(super) fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Whether a transaction could go into the next block, whose state so far is `ledger`. One that
    /// waits for an earlier transaction from its sender counts as valid.
    fn validity(&self, transaction: &Transaction, ledger: &Ledger) -> Result<(), Invalid> {
        transaction.verify(ledger, &self.genesis, self.blocks.best())?;
        if transaction.nonce < nonce(ledger, &transaction.signer) {
            return Err(Invalid::Stale);
        }
        let pays = calls::pays(&transaction.call) == Pays::Yes || transaction.tip > 0;
        if pays && !can_pay(ledger, &transaction.signer, transaction.tip) {
            return Err(Invalid::Payment);
        }
        calls::validate(ledger, &transaction.signer, &transaction.call)
    }

    /// Validates a transaction against the best block.
    pub(super) fn validate(&self, bytes: &[u8]) -> Result<Transaction, Invalid> {
        let transaction = Transaction::read(bytes, self.runtime())?;
        self.validity(&transaction, self.ledger())?;
        Ok(transaction)
    }

    /// Adds a transaction to the pool and, in instant mode, makes a block.
    pub(super) fn submit(&mut self, bytes: &[u8]) -> Result<Hash, Rejected> {
        let transaction = self.validate(bytes)?;
        let hash = transaction.hash;
        let death = transaction.death(self.blocks.best().number + 1);
        let on_chain = nonce(self.ledger(), &transaction.signer);
        self.pool.insert(transaction, death, on_chain)?;
        if self.instant && self.includes {
            // This cannot fail: the metadata worked for the first block.
            let _made = self.tick();
        }
        Ok(hash)
    }

    /// The nonce of an account's next transaction, counting those in the pool.
    pub(super) fn next_nonce(&self, account: &Account) -> u64 {
        self.pool.next_nonce(account, nonce(self.ledger(), account))
    }

    /// Makes the block that is due.
    pub(super) fn tick(&mut self) -> Result<(), Mismatch> {
        self.made = Instant::now();
        self.extend(None)
    }

    /// Makes blocks ahead of schedule.
    pub(super) fn advance(&mut self, blocks: u64) -> Result<(), Mismatch> {
        for _ in 0..blocks {
            self.step_ahead();
            self.extend(None)?;
        }
        Ok(())
    }

    /// Applies a state change in its own block, then makes as many blocks as it takes to finalize
    /// it.
    pub(super) fn change(
        &mut self,
        mut change: impl FnMut(&mut Execution) -> Result<(), Mismatch>,
    ) -> Result<(), Mismatch> {
        self.step_ahead();
        self.extend(Some(&mut |block| Ok(change(block)?)))?;
        self.advance(self.finality_lag)
    }

    fn step_ahead(&mut self) {
        let passed = std::mem::replace(&mut self.made, Instant::now()).elapsed();
        self.ahead += self.block_time.saturating_sub(passed);
    }

    /// Replaces up to `depth` of the newest blocks with empty ones, one more than were removed.
    pub(super) fn fork(&mut self, depth: u64, forked: Forked) -> Result<u64, Mismatch> {
        let best = self.blocks.best().number;
        let depth = depth.min(best - self.blocks.finalized().number);
        let Some(ancestor) = self.blocks.hash_at(best - depth) else { return Ok(0) };
        let Some(ancestor) = self.blocks.get(&ancestor).cloned() else { return Ok(0) };
        let mut back = Vec::new();
        for number in ancestor.number + 1..=best {
            let Some(hash) = self.blocks.hash_at(number) else { continue };
            for transaction in self.recent.remove(&hash).unwrap_or_default() {
                if forked == Forked::Returned {
                    self.pool.tell(&transaction.hash, &Status::Retracted(hash));
                    back.push(transaction);
                }
            }
        }
        self.blocks.rewind(&ancestor);
        for transaction in back {
            let on_chain = nonce(self.ledger(), &transaction.signer);
            let death = transaction.death(best + 1);
            // If another transaction has taken its nonce in the meantime, it is lost.
            let _kept = self.pool.insert(transaction, death, on_chain);
        }
        let includes = std::mem::replace(&mut self.includes, false);
        let made = self.advance(depth + 1);
        self.includes = includes;
        made.map(|()| depth)
    }

    /// Makes the next block with a new runtime.
    pub(super) fn upgrade(&mut self, runtime: Arc<Runtime>) -> Result<(), Mismatch> {
        self.upgrade = Some(runtime);
        self.advance(1 + self.finality_lag)
    }

    /// Makes the next block and finalizes what is due.
    fn extend(&mut self, change: Option<Change<'_>>) -> Result<(), Mismatch> {
        let runtime = Arc::clone(self.runtime());
        let (block, ledger, included) = self.build(change)?;
        let block = Arc::new(block);
        self.blocks.push(Arc::clone(&block), ledger);
        for transaction in &included {
            self.pool.included(transaction, block.hash);
        }
        if !included.is_empty() {
            self.recent.insert(block.hash, included);
        }
        let ledger = self.blocks.state(&block.hash).cloned();
        if let Some(ledger) = ledger {
            self.pool.remove_outdated(block.number + 1, |account| nonce(&ledger, account));
            if !Arc::ptr_eq(&ledger.runtime, &runtime) {
                self.revalidate();
                self.notify(Notice::Runtime(ledger.runtime));
            }
        }
        let number = block.number;
        self.notify(Notice::Best(block));
        self.finalize(number.saturating_sub(self.finality_lag));
        Ok(())
    }

    fn finalize(&mut self, up_to: u64) {
        for number in self.blocks.finalized().number + 1..=up_to {
            let Some(block) = self.blocks.finalize(number) else { continue };
            for transaction in &block.transactions {
                self.pool.tell(transaction, &Status::Finalized(block.hash));
            }
            self.recent.remove(&block.hash);
            self.notify(Notice::Finalized(block));
        }
    }

    /// Drops transactions from the pool that the new runtime does not accept.
    fn revalidate(&mut self) {
        let is_bad = |own: &&Transaction| self.validity(own, self.ledger()).is_err();
        let bad: Vec<Transaction> =
            self.pool.transactions().into_iter().filter(is_bad).cloned().collect();
        bad.iter().for_each(|transaction| self.pool.remove_invalid(transaction));
    }

    fn notify(&self, notice: Notice) {
        // There may be no subscribers.
        let _listeners = self.notices.send(notice);
    }

    fn build(
        &mut self,
        change: Option<Change<'_>>,
    ) -> Result<(Block, Ledger, Vec<Transaction>), Mismatch> {
        let parent = Arc::clone(self.blocks.best());
        let number = parent.number + 1;
        let mut block = Execution::new(self.ledger().clone(), number);
        self.serial += 1;
        let mut logs = vec![slot_log(self.serial)];
        if let Some(runtime) = self.upgrade.take() {
            block.ledger.runtime = runtime;
            // `RuntimeEnvironmentUpdated`.
            logs.push(vec![8]);
            block.emit("System", "CodeUpdated", Value::nothing())?;
        }
        let now = self.initialize(&mut block, &parent)?;
        if let Some(change) = change {
            match change(&mut block) {
                Ok(()) => {}
                Err(DispatchError::Mismatch(error)) => return Err(error),
                Err(error) => return Err(Mismatch::new(format_args!("{error:?}"))),
            }
        }

        let inherent = timestamp(&block.ledger.runtime, now.as_millis() as u64)
            .ok_or_else(|| Mismatch::new("Timestamp.set is not in the metadata"))?;
        block.phase = Phase::Extrinsic(0);
        block.ledger.put("Timestamp", "Now", &[], now.as_millis())?;
        block.conclude(&Ok(()), Pays::No, "Mandatory")?;
        let mut extrinsics: Vec<Arc<[u8]>> = vec![inherent.into()];

        let mut included = Vec::new();
        let ready = match self.includes {
            true => self.pool.ready(|account| nonce(&block.ledger, account)),
            false => Vec::new(),
        };
        for transaction in ready {
            if self.validity(&transaction, &block.ledger).is_err() {
                self.pool.remove_invalid(&transaction);
                continue;
            }
            if transaction.nonce != nonce(&block.ledger, &transaction.signer) {
                // An earlier transaction turned out to be invalid.
                continue;
            }
            block.phase = Phase::Extrinsic(extrinsics.len() as u32);
            apply(&mut block, &transaction)?;
            extrinsics.push(Arc::clone(&transaction.bytes));
            included.push(transaction);
        }
        let hashes = included.iter().map(|transaction| transaction.hash).collect();
        let ledger = block.finish()?;
        let root = ledger.root();
        let block = Block::new(number, parent.hash, root, logs, extrinsics, hashes);
        Ok((block, ledger, included))
    }

    /// Does the work at the start of every block. Returns the block's timestamp.
    fn initialize(&self, block: &mut Execution, parent: &Block) -> Result<Duration, Mismatch> {
        let ledger = &mut block.ledger;
        ledger.put("System", "Number", &[], block.number)?;
        ledger.put("System", "ParentHash", &[], parent.hash)?;
        ledger.put("System", "BlockHash", &[Key::Number(parent.number)], parent.hash)?;
        if let Some(old) = parent.number.checked_sub(BLOCKS) {
            ledger.remove("System", "BlockHash", &[Key::Number(old)]);
        }
        // Always later than the parent, whatever the clock says.
        let earlier = Duration::from_millis(ledger.number("Timestamp", "Now", &[]));
        let clock = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = clock.max(earlier + Duration::from_millis(1));

        self.beacon.publish(block, now, now + self.ahead)?;
        calls::open_commits(block)?;
        for netuid in
            subnet::all(&block.ledger).into_iter().filter(|netuid| *netuid != NetUid::ROOT)
        {
            step_epoch(&mut block.ledger, netuid, block.number)?;
        }
        Ok(now)
    }
}

/// Advances a subnet's epoch schedule by one block.
fn step_epoch(ledger: &mut Ledger, netuid: NetUid, number: u64) -> Result<(), Mismatch> {
    let before = Subnet { ledger, netuid }.epoch_state(number - 1);
    let after = before.advance();
    let key = [Key::subnet(netuid)];
    ledger.put(PALLET, "BlocksSinceLastStep", &key, after.blocks_since_last_step)?;
    if after.subnet_epoch_index != before.subnet_epoch_index {
        ledger.put(PALLET, "LastEpochBlock", &key, after.last_epoch_block)?;
        ledger.put(PALLET, "LastMechansimStepBlock", &key, number)?;
        ledger.put(PALLET, "PendingEpochAt", &key, after.pending_epoch_at)?;
        ledger.put(PALLET, "SubnetEpochIndex", &key, after.subnet_epoch_index)?;
    }
    Ok(())
}

fn apply(block: &mut Execution, transaction: &Transaction) -> Result<(), Mismatch> {
    increment_nonce(&mut block.ledger, &transaction.signer)?;
    let pays = calls::pays(&transaction.call);
    if pays == Pays::Yes || transaction.tip > 0 {
        pay_fee(block, &transaction.signer, transaction.tip)?;
    }
    let result =
        block.transactional(|block| calls::dispatch(block, &transaction.signer, &transaction.call));
    block.conclude(&result, pays, "Normal")
}

/// The digest log with a block's slot, in Aura's format. Slots number all blocks ever made.
fn slot_log(slot: u64) -> Vec<u8> {
    let mut log = vec![6];
    log.extend_from_slice(b"aura");
    // The compact length: eight bytes follow.
    log.push(8 << 2);
    log.extend_from_slice(&slot.to_le_bytes());
    log
}
