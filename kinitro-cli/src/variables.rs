//! The environment variables that the program reads: the one table from which the arguments take
//! their names, `docs/VARIABLES.md` is made, and tests see that nothing else is read.

use std::ffi::OsString;

/// An environment variable.
#[derive(Debug, Clone, Copy)]
// Tests and the reference page read what the program itself does not.
#[cfg_attr(not(test), expect(dead_code, reason = "the reference page is made by a test"))]
pub(crate) struct Variable {
    /// What it is called.
    pub(crate) name: &'static str,
    /// What its value means and which commands read it, unless a flag says so.
    pub(crate) own: Option<Own>,
    /// Whether its value must not be shown.
    pub(crate) secret: bool,
}

/// What has to be said about a variable that no flag has.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(test), expect(dead_code, reason = "the reference page is made by a test"))]
pub(crate) struct Own {
    /// The commands that read it, without `kinitro`. None if all do, or several of different kinds.
    pub(crate) commands: &'static [&'static str],
    /// What its value means.
    pub(crate) meaning: &'static str,
    /// What counts where it is not set.
    pub(crate) default: &'static str,
}

impl Variable {
    /// What it is set to. A variable that is set to nothing is not set.
    pub(crate) fn value(&self) -> Option<OsString> {
        std::env::var_os(self.name).filter(|value| !value.is_empty())
    }

    /// What it is set to, if that is text.
    pub(crate) fn text(&self) -> Option<String> {
        self.value()?.into_string().ok()
    }
}

const FLAG: Variable = Variable { name: "", own: None, secret: false };
const SECRET_FLAG: Variable = Variable { secret: true, ..FLAG };

const fn own(
    commands: &'static [&'static str],
    meaning: &'static str,
    default: &'static str,
) -> Variable {
    Variable { own: Some(Own { commands, meaning, default }), ..FLAG }
}

const fn secret(
    commands: &'static [&'static str],
    meaning: &'static str,
    default: &'static str,
) -> Variable {
    Variable { secret: true, ..own(commands, meaning, default) }
}

/// Defines each variable as a constant of its own name, and all of them as a list.
macro_rules! variables {
    ($($name:ident = $variable:expr;)*) => {
        $(#[allow(dead_code, reason = "libraries read some, and know their names themselves")]
        pub(crate) const $name: Variable = Variable { name: stringify!($name), ..$variable };)*

        /// All of them, in the order of the reference page.
        #[cfg(test)]
        pub(crate) const ALL: &[Variable] = &[$($name),*];
    };
}

variables! {
    KINITRO_API_HOST = FLAG;
    KINITRO_API_PORT = FLAG;
    KINITRO_API_DATABASE_URL = SECRET_FLAG;
    KINITRO_API_API_KEY = secret(
        &["api"],
        "The key that executors must present, at least 8 characters",
        "none: the API does not start without a key, except with `--no-auth`",
    );
    KINITRO_API_TASK_STALE_THRESHOLD_SECONDS = FLAG;
    KINITRO_API_RATE_LIMIT = FLAG;
    KINITRO_API_TRUST_PROXY = FLAG;
    KINITRO_API_LOG_LEVEL = FLAG;
    KINITRO_API_LOG_FORMAT = FLAG;

    KINITRO_SCHEDULER_DATABASE_URL = SECRET_FLAG;
    KINITRO_SCHEDULER_NETWORK = FLAG;
    KINITRO_SCHEDULER_NETUID = FLAG;
    KINITRO_SCHEDULER_CHAIN_TIMEOUT_SECONDS = FLAG;
    KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY = secret(
        &["scheduler"],
        "The private key that opens sealed endpoints, 64 hex characters, instead of a file",
        "none",
    );
    KINITRO_SCHEDULER_BACKEND_PRIVATE_KEY_FILE = FLAG;
    KINITRO_SCHEDULER_EVAL_INTERVAL_SECONDS = FLAG;
    KINITRO_SCHEDULER_EPISODES_PER_ENV = FLAG;
    KINITRO_SCHEDULER_ENV_FAMILIES = FLAG;
    KINITRO_SCHEDULER_ENV_IDS = FLAG;
    KINITRO_SCHEDULER_CYCLE_TIMEOUT_SECONDS = FLAG;
    KINITRO_SCHEDULER_MIN_COVERAGE = FLAG;
    KINITRO_SCHEDULER_SEED_MODE = FLAG;
    KINITRO_SCHEDULER_TASK_STALE_THRESHOLD_SECONDS = FLAG;
    KINITRO_SCHEDULER_PARETO_TEMPERATURE = FLAG;
    KINITRO_SCHEDULER_POINTS = FLAG;
    KINITRO_SCHEDULER_SCHEME = FLAG;
    KINITRO_SCHEDULER_POLL_INTERVAL_SECONDS = FLAG;
    KINITRO_SCHEDULER_LOG_LEVEL = FLAG;
    KINITRO_SCHEDULER_LOG_FORMAT = FLAG;

    KINITRO_EXECUTOR_API_URL = FLAG;
    KINITRO_EXECUTOR_API_KEY = secret(
        &["executor"],
        "The key to present to the API, which is its `KINITRO_API_API_KEY`",
        "none",
    );
    KINITRO_EXECUTOR_EXECUTOR_ID = FLAG;
    KINITRO_EXECUTOR_SPOOL = FLAG;
    KINITRO_EXECUTOR_BATCH_SIZE = FLAG;
    KINITRO_EXECUTOR_POLL_INTERVAL_SECONDS = FLAG;
    KINITRO_EXECUTOR_DRAIN_TIMEOUT = FLAG;
    KINITRO_EXECUTOR_USE_CONCURRENT_EXECUTOR = FLAG;
    KINITRO_EXECUTOR_DEFAULT_MAX_CONCURRENT = FLAG;
    KINITRO_EXECUTOR_MAX_CONCURRENT_PER_FAMILY = FLAG;
    KINITRO_EXECUTOR_ENV_FAMILIES = FLAG;
    KINITRO_EXECUTOR_ENV_IDS = FLAG;
    KINITRO_EXECUTOR_MAX_TIMESTEPS = FLAG;
    KINITRO_EXECUTOR_ACTION_TIMEOUT = FLAG;
    KINITRO_EXECUTOR_EVAL_TIMEOUT = FLAG;
    KINITRO_EXECUTOR_USE_IMAGES = FLAG;
    KINITRO_EXECUTOR_NETWORK = FLAG;
    KINITRO_EXECUTOR_ALLOW_PRIVATE_ENDPOINTS = FLAG;
    KINITRO_EXECUTOR_LOG_LEVEL = FLAG;
    KINITRO_EXECUTOR_LOG_FORMAT = FLAG;
    KINITRO_EXECUTOR_EVAL_MODE = FLAG;
    KINITRO_EXECUTOR_EVAL_IMAGES = FLAG;
    KINITRO_EXECUTOR_EVAL_MEM_LIMIT = FLAG;
    KINITRO_EXECUTOR_EVAL_HOSTS = FLAG;
    KINITRO_EXECUTOR_VERIFICATION_ENABLED = FLAG;
    KINITRO_EXECUTOR_VERIFICATION_RATE = FLAG;
    KINITRO_EXECUTOR_VERIFICATION_TOLERANCE = FLAG;
    KINITRO_EXECUTOR_VERIFICATION_SAMPLES = FLAG;
    KINITRO_EXECUTOR_VERIFICATION_MAX_REPO_SIZE_GB = FLAG;

    KINITRO_VALIDATOR_BACKEND_URL = FLAG;
    KINITRO_VALIDATOR_NETUID = FLAG;
    KINITRO_VALIDATOR_NETWORK = FLAG;
    KINITRO_VALIDATOR_CHAIN_TIMEOUT_SECONDS = FLAG;
    KINITRO_VALIDATOR_POLL_INTERVAL = FLAG;
    KINITRO_VALIDATOR_MAX_AGE = FLAG;
    KINITRO_VALIDATOR_REFRESH_BLOCKS = FLAG;
    KINITRO_VALIDATOR_LEDGER = FLAG;

    KINITRO_DATABASE_URL = SECRET_FLAG;
    BT_WALLET_PATH = FLAG;
    BT_WALLET_NAME = FLAG;
    BT_WALLET_HOTKEY = FLAG;
    BT_WALLET_PASSWORD = secret(
        &["crypto publish-public-key", "wallet show", "chain set-weights", "miner commit", "validate"],
        "The password of an encrypted hotkey",
        "the program asks for it if there is a terminal",
    );
    KINITRO_METAWORLD_ASSETS = own(
        &[],
        "The folder of MetaWorld's model files",
        "`kinitro/assets` in `$XDG_DATA_HOME`, in a subfolder for its version",
    );
    XDG_DATA_HOME = own(
        &[],
        "Where model files, the database, unsent results of executors and the ledgers of \
         validators are kept, each in the subfolder `kinitro`",
        "`~/.local/share`",
    );
    XDG_CONFIG_HOME = own(
        &["crypto generate-keypair"],
        "Where key pairs are kept, in the subfolder `kinitro/keys`",
        "`~/.config`",
    );
    HOME = own(&[], "The home folder, `~` above", "none: whatever is needed below it must be named");
}
