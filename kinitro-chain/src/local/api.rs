//! The runtime functions that clients call.

use std::collections::HashMap;

use frame_metadata::v16::RuntimeApiMethodMetadata;
use parity_scale_codec::{Decode as _, Encode as _};
use scale_info::TypeDef;
use scale_info::form::PortableForm;

use super::extrinsic::Invalid;
use super::ledger::Ledger;
use super::runtime::{Key, Runtime};
use super::subnet::{self, PALLET, Subnet, storage_index};
use super::value::{Mismatch, Value, decode, encode};
use super::{Account, Hash, calls};
use kinitro_core::NetUid;

/// Why a call to a runtime function failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CallError {
    #[error("Exported method {0} is not found")]
    Unknown(String),
    #[error("{0}")]
    Mismatch(#[from] Mismatch),
}

/// The state that a runtime function reads.
pub(super) struct View<'a> {
    pub(super) ledger: &'a Ledger,
    pub(super) number: u64,
    pub(super) hash: Hash,
    /// Checks whether a transaction would be valid now, and what it provides.
    pub(super) validate: &'a dyn Fn(&[u8]) -> Result<Valid, Invalid>,
}

/// A valid transaction.
pub(super) struct Valid {
    pub(super) signer: Account,
    pub(super) nonce: u64,
    pub(super) on_chain: u64,
    pub(super) tip: u128,
    pub(super) longevity: u64,
}

impl View<'_> {
    /// Calls `Trait_method` with encoded arguments.
    pub(super) fn call(&self, function: &str, arguments: &[u8]) -> Result<Vec<u8>, CallError> {
        let runtime = &self.ledger.runtime;
        match function {
            "Core_version" => return Ok(runtime.version().1.to_vec()),
            "Metadata_metadata" => return Ok(runtime.encoded(14).unwrap_or_default().encode()),
            "Metadata_metadata_versions" => return Ok(vec![14_u32, 15, 16].encode()),
            "Metadata_metadata_at_version" => {
                let version = u32::decode(&mut &arguments[..]).map_err(Mismatch::from)?;
                return Ok(runtime.encoded(version).map(<[u8]>::to_vec).encode());
            }
            _ => {}
        }
        let unknown = || CallError::Unknown(function.to_owned());
        let (api, name) = function.split_once('_').ok_or_else(unknown)?;
        let method = method(runtime, api, name).ok_or_else(unknown)?;
        if api == "TaggedTransactionQueue" || api.starts_with("TransactionPayment") {
            let value = self.transaction_function(name, arguments).ok_or_else(unknown)?;
            return Ok(encoded(runtime, method, &value)?);
        }
        let mut input = arguments;
        let arguments = method
            .inputs
            .iter()
            .map(|input_type| decode(runtime.types(), input_type.ty.id, &mut input))
            .collect::<Result<Vec<_>, _>>()?;
        let value = self.function(api, name, &arguments, method).ok_or_else(unknown)?;
        Ok(encoded(runtime, method, &value)?)
    }

    fn subnet(&self, netuid: NetUid) -> Option<Subnet<'_>> {
        let subnet = Subnet { ledger: self.ledger, netuid };
        subnet.exists().then_some(subnet)
    }

    fn function(
        &self,
        api: &str,
        name: &str,
        arguments: &[Value],
        method: &RuntimeApiMethodMetadata<PortableForm>,
    ) -> Option<Value> {
        let number = |at: usize| arguments.get(at).and_then(Value::as_u16).unwrap_or(0);
        let subnet = || self.subnet(NetUid(number(0)));
        Some(match (api, name) {
            ("AccountNonceApi", "account_nonce") => {
                calls::nonce(self.ledger, &arguments.first()?.as_account()?).into()
            }
            ("AuraApi", "slot_duration") => {
                let half = self.ledger.runtime.constant("Timestamp", "MinimumPeriod")?.as_u64()?;
                (half * 2).into()
            }
            ("NeuronInfoRuntimeApi", "get_neurons" | "get_neurons_lite") => subnet()
                .map_or_else(Value::nothing, |subnet| {
                    Value::list((0..subnet.size()).map(|uid| neuron(subnet, uid)))
                }),
            ("NeuronInfoRuntimeApi", "get_neuron" | "get_neuron_lite") => {
                let uid = number(1);
                option(subnet().filter(|own| uid < own.size()).map(|own| neuron(own, uid)))
            }
            ("SubnetInfoRuntimeApi", "get_metagraph" | "get_mechagraph") => {
                let mechanism = if name == "get_mechagraph" { number(1) } else { 0 };
                option(subnet().map(|own| self.metagraph(own, mechanism as u8)))
            }
            ("SubnetInfoRuntimeApi", "get_selective_metagraph" | "get_selective_mechagraph") => {
                let (mechanism, wanted) = match name {
                    "get_selective_metagraph" => (0, arguments.get(1)),
                    _ => (number(1), arguments.get(2)),
                };
                let wanted = wanted?.as_u16s()?;
                let whole = subnet().map(|own| self.metagraph(own, mechanism as u8));
                option(whole.map(|whole| select(&self.ledger.runtime, method, whole, &wanted)))
            }
            ("SubnetInfoRuntimeApi", "get_subnet_hyperparams_v3") => {
                option(subnet().map(hyperparameter_list))
            }
            (
                "SubnetInfoRuntimeApi",
                "get_subnet_hyperparams"
                | "get_subnet_hyperparams_v2"
                | "get_subnet_info"
                | "get_subnet_info_v2"
                | "get_dynamic_info"
                | "get_subnet_state",
            ) => option(subnet().map(|own| self.metagraph(own, 0))),
            (
                "SubnetInfoRuntimeApi",
                "get_subnets_info"
                | "get_subnets_info_v2"
                | "get_all_dynamic_info"
                | "get_all_metagraphs",
            ) => {
                let subnets = subnet::all(self.ledger).into_iter();
                let whole = |netuid| self.metagraph(Subnet { ledger: self.ledger, netuid }, 0);
                Value::list(subnets.map(|netuid| Value::variant("Some", whole(netuid))))
            }
            ("SubnetInfoRuntimeApi", "get_next_epoch_start_block") => {
                let state = subnet().map(|own| own.epoch_state(self.number));
                option(state.and_then(|state| state.next_firing()).map(Value::from))
            }
            ("SwapRuntimeApi", "current_alpha_price") => 1_000_000_000_u64.into(),
            ("SubnetRegistrationRuntimeApi", "get_network_registration_cost") => {
                self.ledger.number(PALLET, "NetworkLastLockCost", &[]).into()
            }
            _ => return None,
        })
    }

    fn transaction_function(&self, name: &str, arguments: &[u8]) -> Option<Value> {
        match name {
            "validate_transaction" => {
                let transaction = arguments.get(1..arguments.len().checked_sub(32)?)?;
                if arguments[arguments.len() - 32..] != self.hash {
                    let invalid = Invalid::Unknown("CannotLookup").variant();
                    return Some(Value::variant("Err", invalid));
                }
                Some(match (self.validate)(transaction) {
                    Ok(valid) => Value::variant("Ok", valid_transaction(&valid)),
                    Err(invalid) => Value::variant("Err", invalid.variant()),
                })
            }
            "query_info" => Some(Value::record([
                ("weight", Value::record([("ref_time", 100_000_000_u64.into())])),
                ("class", Value::variant("Normal", Value::nothing())),
                ("partial_fee", 0_u8.into()),
            ])),
            _ => None,
        }
    }

    /// The fields of all the different descriptions of a subnet, each under its name there.
    fn metagraph(&self, subnet: Subnet<'_>, mechanism: u8) -> Value {
        let key = [Key::subnet(subnet.netuid)];
        let index = [Key::Number(storage_index(subnet.netuid, mechanism).into())];
        let stored = |name: &str| self.ledger.get(PALLET, name, &key);
        let mut fields: Vec<(String, Value)> = Vec::new();
        let mut add = |name: &str, value: Value| fields.push((name.to_owned(), value));
        for (name, item) in PARAMETERS {
            if let Some(value) = stored(item) {
                add(name, value);
            }
        }
        let of_slots = [
            ("active", "Active"),
            ("validator_permit", "ValidatorPermit"),
            ("emission", "Emission"),
            ("dividends", "Dividends"),
            ("consensus", "Consensus"),
        ];
        for (name, item) in of_slots {
            add(name, Value::List(self.ledger.list(PALLET, item, &key)));
        }
        for name in ["incentives", "incentive"] {
            add(name, Value::List(self.ledger.list(PALLET, "Incentive", &index)));
        }
        add("last_update", Value::List(self.ledger.list(PALLET, "LastUpdate", &index)));

        let size = subnet.size();
        let hotkeys: Vec<Account> =
            (0..size).map(|uid| subnet.hotkey(uid).unwrap_or_default()).collect();
        let coldkeys = hotkeys.iter().map(|hotkey| coldkey(subnet, hotkey));
        let alpha = || hotkeys.iter().map(|hotkey| subnet.alpha(hotkey));
        let zeros = || Value::list(hotkeys.iter().map(|_| 0_u8));
        add("coldkeys", Value::list(coldkeys));
        add("alpha_stake", Value::list(alpha()));
        add("total_stake", Value::list(alpha()));
        for name in ["tao_stake", "trust", "rank"] {
            add(name, zeros());
        }
        add("pruning_score", Value::list(hotkeys.iter().map(|_| u16::MAX)));
        let registered = (0..size).map(|uid| {
            let slot = [key[0], Key::Number(uid.into())];
            self.ledger.number(PALLET, "BlockAtRegistration", &slot)
        });
        add("block_at_registration", Value::list(registered));
        let nobody = || Value::variant("None", Value::nothing());
        add("identities", Value::list(hotkeys.iter().map(|_| nobody())));
        let axon = |hotkey: &Account| {
            let stored = self.ledger.get(PALLET, "Axons", &[key[0], Key::Account(hotkey)]);
            stored.unwrap_or(Value::Zero)
        };
        add("axons", Value::list(hotkeys.iter().map(axon)));
        let with_alpha = || {
            let of =
                |hotkey: &Account| Value::tuple([(*hotkey).into(), subnet.alpha(hotkey).into()]);
            Value::list(hotkeys.iter().map(of))
        };
        add("tao_dividends_per_hotkey", with_alpha());
        add("alpha_dividends_per_hotkey", with_alpha());
        add("hotkeys", Value::list(hotkeys.iter().copied()));

        add("netuid", subnet.netuid.into());
        add("block", self.number.into());
        let identity = stored("SubnetIdentitiesV3");
        let name = identity.as_ref().and_then(|own| own.field("subnet_name").cloned());
        for alias in ["name", "subnet_name"] {
            add(alias, name.clone().unwrap_or_else(|| Value::Bytes(Vec::new())));
        }
        let symbol = stored("TokenSymbol").unwrap_or_else(|| Value::Bytes(Vec::new()));
        for alias in ["symbol", "token_symbol"] {
            add(alias, symbol.clone());
        }
        if let Some(identity) = identity {
            add("identity", identity.clone());
            add("subnet_identity", identity);
        }
        if let Some(Value::Number(steepness)) = stored("AlphaSigmoidSteepness") {
            // A fixed-point number with 32 fractional bits.
            add("alpha_sigmoid_steepness", (steepness << 32).into());
        }
        let yuma_version = if stored("Yuma3On") == Some(Value::Bool(true)) { 3_u8 } else { 2 };
        add("yuma_version", yuma_version.into());
        if let Some(Value::List(values)) = stored("AlphaValues")
            && let [low, high] = &values[..]
        {
            add("alpha_low", low.clone());
            add("alpha_high", high.clone());
        }
        Value::Record(fields)
    }
}

/// The parameters of a subnet: their names in its descriptions, and in storage.
const PARAMETERS: [(&str, &str); 55] = [
    ("owner_hotkey", "SubnetOwnerHotkey"),
    ("owner_coldkey", "SubnetOwner"),
    ("owner", "SubnetOwner"),
    ("tempo", "Tempo"),
    ("last_step", "LastMechansimStepBlock"),
    ("blocks_since_last_step", "BlocksSinceLastStep"),
    ("network_registered_at", "NetworkRegisteredAt"),
    ("alpha_in", "SubnetAlphaIn"),
    ("alpha_out", "SubnetAlphaOut"),
    ("tao_in", "SubnetTAO"),
    ("alpha_out_emission", "SubnetAlphaOutEmission"),
    ("alpha_in_emission", "SubnetAlphaInEmission"),
    ("tao_in_emission", "SubnetTaoInEmission"),
    ("subnet_volume", "SubnetVolume"),
    ("moving_price", "SubnetMovingPrice"),
    ("rho", "Rho"),
    ("kappa", "Kappa"),
    ("min_allowed_weights", "MinAllowedWeights"),
    ("max_weights_limit", "MaxWeightsLimit"),
    ("weights_version", "WeightsVersionKey"),
    ("weights_rate_limit", "WeightsSetRateLimit"),
    ("activity_cutoff", "ActivityCutoff"),
    ("max_validators", "MaxAllowedValidators"),
    ("max_allowed_validators", "MaxAllowedValidators"),
    ("num_uids", "SubnetworkN"),
    ("subnetwork_n", "SubnetworkN"),
    ("max_uids", "MaxAllowedUids"),
    ("max_allowed_uids", "MaxAllowedUids"),
    ("burn", "Burn"),
    ("difficulty", "Difficulty"),
    ("registration_allowed", "NetworkRegistrationAllowed"),
    ("pow_registration_allowed", "NetworkPowRegistrationAllowed"),
    ("immunity_period", "ImmunityPeriod"),
    ("min_difficulty", "MinDifficulty"),
    ("max_difficulty", "MaxDifficulty"),
    ("min_burn", "MinBurn"),
    ("max_burn", "MaxBurn"),
    ("adjustment_alpha", "AdjustmentAlpha"),
    ("adjustment_interval", "AdjustmentInterval"),
    ("target_regs_per_interval", "TargetRegistrationsPerInterval"),
    ("max_regs_per_block", "MaxRegistrationsPerBlock"),
    ("serving_rate_limit", "ServingRateLimit"),
    ("commit_reveal_weights_enabled", "CommitRevealWeightsEnabled"),
    ("commit_reveal_period", "RevealPeriodEpochs"),
    ("liquid_alpha_enabled", "LiquidAlphaOn"),
    ("bonds_moving_avg", "BondsMovingAverage"),
    ("scaling_law_power", "ScalingLawPower"),
    ("subnet_is_active", "SubtokenEnabled"),
    ("transfers_enabled", "TransferToggle"),
    ("bonds_reset_enabled", "BondsResetOn"),
    ("bonds_penalty", "BondsPenalty"),
    ("min_allowed_uids", "MinAllowedUids"),
    ("immune_owner_uids_limit", "ImmuneOwnerUidsLimit"),
    ("burn_half_life", "BurnHalfLife"),
    ("owner_cut_enabled", "OwnerCutEnabled"),
];

fn method<'a>(
    runtime: &'a Runtime,
    api: &str,
    name: &str,
) -> Option<&'a RuntimeApiMethodMetadata<PortableForm>> {
    let api = runtime.metadata().apis.iter().find(|own| own.name == api)?;
    api.methods.iter().find(|own| own.name == name)
}

fn encoded(
    runtime: &Runtime,
    method: &RuntimeApiMethodMetadata<PortableForm>,
    value: &Value,
) -> Result<Vec<u8>, Mismatch> {
    let mut bytes = Vec::new();
    encode(runtime.types(), method.output.id, Some(value), &mut bytes)?;
    Ok(bytes)
}

fn option(value: Option<Value>) -> Value {
    match value {
        Some(value) => Value::variant("Some", value),
        None => Value::variant("None", Value::nothing()),
    }
}

fn coldkey(subnet: Subnet<'_>, hotkey: &Account) -> Account {
    let owner = subnet.ledger.get(PALLET, "Owner", &[Key::Account(hotkey)]);
    owner.and_then(|owner| owner.as_account()).unwrap_or_default()
}

/// A neuron, with the fields of both its full and its lite description.
fn neuron(subnet: Subnet<'_>, uid: u16) -> Value {
    let key = Key::subnet(subnet.netuid);
    let hotkey = subnet.hotkey(uid).unwrap_or_default();
    let coldkey = coldkey(subnet, &hotkey);
    let of_slot = |name: &str| {
        let values = subnet.ledger.list(PALLET, name, &[key]);
        values.into_iter().nth(uid.into()).unwrap_or(Value::Number(0))
    };
    let of_hotkey = |name: &str| {
        let stored = subnet.ledger.get(PALLET, name, &[key, Key::Account(&hotkey)]);
        stored.unwrap_or(Value::Zero)
    };
    let of_uid =
        |name: &str| Value::List(subnet.ledger.list(PALLET, name, &[key, Key::Number(uid.into())]));
    let active = match of_slot("Active") {
        active @ Value::Bool(_) => active,
        _ => Value::Bool(false),
    };
    Value::record([
        ("hotkey", hotkey.into()),
        ("coldkey", coldkey.into()),
        ("uid", uid.into()),
        ("netuid", subnet.netuid.into()),
        ("active", active),
        ("axon_info", of_hotkey("Axons")),
        ("prometheus_info", of_hotkey("Prometheus")),
        ("stake", Value::list([Value::tuple([coldkey.into(), subnet.alpha(&hotkey).into()])])),
        ("emission", of_slot("Emission")),
        ("incentive", of_slot("Incentive")),
        ("consensus", of_slot("Consensus")),
        ("validator_trust", of_slot("ValidatorTrust")),
        ("dividends", of_slot("Dividends")),
        ("last_update", of_slot("LastUpdate")),
        ("validator_permit", subnet.validator_permit(uid).into()),
        ("weights", of_uid("Weights")),
        ("bonds", of_uid("Bonds")),
        ("pruning_score", u16::MAX.into()),
    ])
}

/// The requested fields of a metagraph, selected by their index.
fn select(
    runtime: &Runtime,
    method: &RuntimeApiMethodMetadata<PortableForm>,
    whole: Value,
    wanted: &[u16],
) -> Value {
    let types = runtime.types();
    let some = super::runtime::variants(types, method.output.id).find(|own| own.name == "Some");
    let fields = some.and_then(|some| types.resolve(some.fields.first()?.ty.id));
    let Some(TypeDef::Composite(composite)) = fields.map(|ty| &ty.type_def) else { return whole };
    let Value::Record(values) = whole else { return whole };
    let mut known: HashMap<String, Value> = values.into_iter().collect();
    let is_wanted = |at: usize| at == 0 || wanted.iter().any(|own| usize::from(*own) == at);
    let names = composite.fields.iter().enumerate().filter(|(at, _)| is_wanted(*at));
    let selected = names.filter_map(|(at, field)| {
        let name = field.name.clone()?;
        let value = known.remove(&name).unwrap_or(Value::Zero);
        // Every field but the first is optional; those selected are present.
        Some((name, if at == 0 { value } else { Value::variant("Some", value) }))
    });
    Value::Record(selected.collect())
}

/// The hyperparameters as a list of names with values of different types.
fn hyperparameter_list(subnet: Subnet<'_>) -> Value {
    let key = [Key::subnet(subnet.netuid)];
    let entry = |(name, item): (&str, &str)| {
        let value = match subnet.ledger.get(PALLET, item, &key)? {
            Value::Bool(flag) => Value::variant("Bool", flag),
            Value::Number(number) => Value::variant("U64", number),
            _ => return None,
        };
        Some(Value::record([("name", name.into()), ("value", value)]))
    };
    Value::list(PARAMETERS.into_iter().filter_map(entry))
}

fn valid_transaction(valid: &Valid) -> Value {
    let tag = |nonce: u64| Value::Bytes((valid.signer, nonce as u32).encode());
    let requires = match valid.nonce > valid.on_chain {
        true => vec![tag(valid.nonce - 1)],
        false => Vec::new(),
    };
    Value::record([
        ("priority", valid.tip.into()),
        ("requires", Value::List(requires)),
        ("provides", Value::List(vec![tag(valid.nonce)])),
        ("longevity", valid.longevity.into()),
        ("propagate", true.into()),
    ])
}
