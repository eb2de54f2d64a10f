//! A client that knows nothing but the metadata.

use std::io::Write as _;
use std::path::Path;

use kinitro_chain::Signer as _;
use kinitro_chain::local::{DevAccount, LocalChain, LocalChainBuilder};
use kinitro_core::NetUid;
use scale_value::Value;
use subxt::config::DefaultExtrinsicParamsBuilder;
use subxt::dynamic;
use subxt::rpcs::{RpcClient, rpc_params};
use subxt::utils::{AccountId32, MultiSignature};
use subxt::{OnlineClient, SubstrateConfig};

pub(crate) type Api = OnlineClient<SubstrateConfig>;

/// The subnet of all tests, the one that Kinitro has on the main network.
pub(crate) const NETUID: NetUid = NetUid(26);

/// The runtimes to test with, by name.
pub(crate) fn runtimes() -> Vec<(&'static str, LocalChainBuilder)> {
    let builder = || LocalChain::builder().netuid(NETUID);
    let mut runtimes = vec![("own", builder())];
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/chain/finney-424.scale");
    match std::fs::read(&path) {
        Ok(metadata) => runtimes.push(("finney-424", builder().metadata(metadata))),
        // Not through a macro, whose words are held back where a test passes.
        Err(_) => {
            let _told = writeln!(
                std::io::stderr(),
                "\nSKIPPED: the local chain with real metadata: {} is not there\n",
                path.display()
            );
        }
    }
    runtimes
}

/// Chains that make a block for each transaction, by the name of their runtime.
pub(crate) async fn instant_chains() -> Vec<(&'static str, LocalChain)> {
    let mut chains = Vec::new();
    for (name, builder) in runtimes() {
        chains.push((name, builder.instant().start().await.unwrap()));
    }
    chains
}

pub(crate) struct Client {
    pub(crate) api: Api,
    pub(crate) rpc: RpcClient,
}

/// An account as subxt wants it.
pub(crate) struct Key<'a>(pub(crate) &'a DevAccount);

impl subxt::transactions::Signer<SubstrateConfig> for Key<'_> {
    fn account_id(&self) -> AccountId32 {
        AccountId32(account(self.0))
    }

    fn sign(&self, payload: &[u8]) -> MultiSignature {
        MultiSignature::Sr25519(self.0.sign(payload))
    }
}

pub(crate) fn account(who: &DevAccount) -> [u8; 32] {
    *who.hotkey().account_id()
}

/// A call with its arguments by name.
pub(crate) struct Call(pub(crate) &'static str, pub(crate) &'static str, pub(crate) Value);

pub(crate) fn set_weights(uids: &[u16], values: &[u16]) -> Call {
    weights_of((NETUID, 0), uids, values, 0)
}

/// Weights of a subnet and one of its mechanisms.
pub(crate) fn weights_of(
    (netuid, mechanism): (NetUid, u8),
    uids: &[u16],
    values: &[u16],
    version: u64,
) -> Call {
    let list = |values: &[u16]| {
        Value::unnamed_composite(values.iter().map(|value| Value::u128((*value).into())))
    };
    let arguments = Value::named_composite([
        ("netuid", Value::u128(netuid.0.into())),
        ("mecid", Value::u128(mechanism.into())),
        ("dests", list(uids)),
        ("weights", list(values)),
        ("version_key", Value::u128(version.into())),
    ]);
    Call("SubtensorModule", "set_mechanism_weights", arguments)
}

pub(crate) fn set_commitment(fields: &[&[u8]]) -> Call {
    let field = |bytes: &&[u8]| {
        let variant = match bytes.len() {
            length @ ..=128 => format!("Raw{length}"),
            _ => "BigRaw".to_owned(),
        };
        let content = Value::from_bytes(bytes);
        Value::unnamed_variant(variant, [content])
    };
    let fields = Value::unnamed_composite(fields.iter().map(field));
    let info = Value::named_composite([("fields", Value::unnamed_composite([fields]))]);
    let netuid = Value::u128(NETUID.0.into());
    let arguments = Value::named_composite([("netuid", netuid), ("info", info)]);
    Call("Commitments", "set_commitment", arguments)
}

impl Client {
    pub(crate) async fn connect(chain: &LocalChain) -> Self {
        let rpc = RpcClient::from_insecure_url(chain.url()).await.unwrap();
        Self { api: Api::from_rpc_client(rpc.clone()).await.unwrap(), rpc }
    }

    /// A signed transaction, with the number that the pool says is next.
    pub(crate) async fn signed(&self, who: &DevAccount, call: &Call) -> Vec<u8> {
        let address = who.hotkey().to_string();
        let nonce: u64 =
            self.rpc.request("system_accountNextIndex", rpc_params![address]).await.unwrap();
        self.signed_with(who, call, nonce, 32).await
    }

    pub(crate) async fn signed_with(
        &self,
        who: &DevAccount,
        Call(pallet, name, arguments): &Call,
        nonce: u64,
        mortality: u64,
    ) -> Vec<u8> {
        let call = dynamic::transaction(*pallet, *name, arguments.clone());
        let params = DefaultExtrinsicParamsBuilder::new().nonce(nonce).mortal(mortality).build();
        let mut transactions = self.api.transactions().await.unwrap();
        let signed = transactions.create_signed(&call, &Key(who), params).await.unwrap();
        signed.into_encoded()
    }

    /// Sends a call and waits until it is final. Returns the events it left, as `Pallet.Event`.
    pub(crate) async fn send(&self, who: &DevAccount, call: &Call) -> Result<Vec<String>, String> {
        let bytes = self.signed(who, call).await;
        let transactions = self.api.transactions().await.unwrap();
        let progress = transactions
            .from_bytes(bytes)
            .submit_and_watch()
            .await
            .map_err(|error| format!("{error:?}"))?;
        let events = progress.wait_for_finalized_success().await.map_err(|e| e.to_string())?;
        let name = |event: subxt::events::Event<'_, SubstrateConfig>| {
            format!("{}.{}", event.pallet_name(), event.event_name())
        };
        Ok(events.iter().map(|event| name(event.unwrap())).collect())
    }

    /// Submits bytes, and returns the answer of the pool.
    pub(crate) async fn submit(&self, bytes: &[u8]) -> Result<String, (i32, String)> {
        let hex = format!("0x{}", base16ct::lower::encode_string(bytes));
        let answer = self.rpc.request("author_submitExtrinsic", rpc_params![hex]).await;
        answer.map_err(|error| match error {
            subxt::rpcs::Error::User(error) => {
                let data = error.data.map(|data| data.get().trim_matches('"').to_owned());
                (error.code, data.unwrap_or(error.message))
            }
            other => panic!("{other}"),
        })
    }

    /// A value in storage at the newest final block.
    pub(crate) async fn storage<T: scale_decode::DecodeAsType>(
        &self,
        pallet: &'static str,
        item: &'static str,
        keys: Vec<Value>,
    ) -> Option<T> {
        let address = dynamic::storage::<Vec<Value>, T>(pallet, item);
        let at = self.api.at_current_block().await.unwrap();
        let value = at.storage().try_fetch(address, keys).await.unwrap();
        value.map(|value| value.decode().unwrap())
    }
}

pub(crate) fn netuid() -> Value {
    Value::u128(NETUID.0.into())
}

pub(crate) fn key(who: &DevAccount) -> Value {
    Value::from_bytes(account(who))
}

/// A call that files sealed weights.
pub(crate) fn sealed(commit: &[u8], round: u64, version: u64) -> Call {
    let arguments = Value::named_composite([
        ("netuid", netuid()),
        ("mecid", Value::u128(0)),
        ("commit", Value::from_bytes(commit)),
        ("reveal_round", Value::u128(round.into())),
        ("commit_reveal_version", Value::u128(version.into())),
    ]);
    Call("SubtensorModule", "commit_timelocked_mechanism_weights", arguments)
}
