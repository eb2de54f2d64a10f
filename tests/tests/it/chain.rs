//! The commands that read a chain and publish on it, against a local chain: as a miner, as the
//! operator of a backend, and as a validator use them.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

use kinitro_core::Hotkey;
use kinitro_tests::subnet::Subnet;
use kinitro_tests::{Finished, kinitro, skipped, workspace};
use serde_json::{Value, json};

const DEPLOYMENT: &str = "380208a9-ad45-f23d-3b1a-11df587fd280";
const REVISION: &str = "0123abcd0123abcd0123abcd0123abcd0123abcd";

fn weights_file(world: &Subnet, weights: &Value) -> PathBuf {
    let path = world.path("weights.json");
    fs::write(&path, weights.to_string()).unwrap();
    path
}

/// The metadata of the main network, which is beside the project.
fn finney() -> Option<Vec<u8>> {
    let path = workspace().join("../shared/chain/finney-424.scale");
    let metadata = fs::read(&path).ok();
    if metadata.is_none() {
        skipped(&format!("{} is not there", path.display()));
    }
    metadata
}

fn generate_key(world: &Subnet) -> String {
    let made =
        kinitro("crypto generate-keypair --directory").arg(world.path("keys")).run().with_code(0);
    made.stdout.trim().to_owned()
}

/// From the backend's key on the chain to an endpoint that only the backend can read.
fn publish_and_seal(world: &Subnet) {
    let key = generate_key(world);
    let (backend, _) = world.register("backend");
    let (miner, uid) = world.register("miner");
    let publish = || {
        world
            .by("backend", "crypto publish-public-key --private-key-file")
            .arg(world.path("keys/backend"))
            .run()
            .with_code(0)
    };
    let published = publish();
    assert_eq!(published.stdout.trim(), key);
    assert!(published.stderr.contains("published in block"), "{}", published.stderr);
    assert!(publish().stderr.contains("is published already"));

    let fetch = |hotkey: Hotkey| {
        let hotkey = hotkey.to_string();
        world.kinitro("crypto fetch-public-key --backend-hotkey").arg(hotkey).run()
    };
    assert_eq!(fetch(backend).with_code(0).stdout.trim(), key);
    fetch(miner).failed(1, &["has published nothing on subnet 26"], &["publish-public-key"]);

    let commit = |more: &[&str]| {
        let arguments = ["--repo", "alice/reach", "--revision", REVISION];
        let program = world.by("miner", "miner commit").args(arguments);
        program.args(["--deployment-id", DEPLOYMENT]).args(more).run().with_code(0)
    };
    let show = || world.by("miner", "miner show-commitment --json").run().with_code(0).json();

    let plain = commit(&[]);
    assert_eq!(plain.stdout.trim(), format!("alice/reach:0123abcd:{DEPLOYMENT}"));
    let block = show()["block"].as_u64().unwrap();
    // The same again would only put it behind others.
    assert!(commit(&[]).stderr.contains("published already"));
    assert_eq!(show()["block"].as_u64().unwrap(), block);
    assert_eq!(show()["uid"], json!(uid));

    let backend = backend.to_string();
    let open = |version: &str, sealed: &str| {
        kinitro("crypto open")
            .arg(sealed)
            .args(["--seal-version", version, "--netuid", "26"])
            .args(["--hotkey", &miner.to_string(), "--private-key-file"])
            .arg(world.path("keys/backend"))
            .run()
            .with_code(0)
    };
    for (version, tag) in [("1", "e"), ("2", "e2")] {
        let sealed =
            commit(&["--encrypt", "--backend-hotkey", &backend, "--seal-version", version]);
        let text = sealed.stdout.trim();
        let start = format!("alice/reach:0123abcd:{tag}:");
        let blob = text.strip_prefix(&start).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(open(version, blob).stdout.trim(), DEPLOYMENT);
    }

    let listed = world.kinitro("chain commitments --json").run().with_code(0).json();
    assert_eq!(listed["value"].as_array().unwrap().len(), 2);
    let table = world.kinitro("chain commitments").run().with_code(0);
    assert!(table.stdout.contains("alice/reach:0123abcd") && table.stdout.contains("sealed"));
    assert!(table.stdout.contains(&key), "{}", table.stdout);
}

#[test]
fn keys_and_policies_are_published_and_read() {
    publish_and_seal(&Subnet::new());
}

#[test]
fn keys_and_policies_are_published_with_the_metadata_of_the_main_network() {
    let Some(metadata) = finney() else { return };
    publish_and_seal(&Subnet::with_metadata(metadata));
}

#[test]
fn a_chain_and_its_neurons_are_shown() {
    let world = Subnet::new();
    let (hotkey, uid) = world.register("miner");
    let info = world.kinitro("chain info --json").run().with_code(0).json();
    assert!(
        info["best"]["number"].as_u64().unwrap() >= info["finalized"]["number"].as_u64().unwrap()
    );
    assert_eq!(info["subnet"]["netuid"], 26);
    assert_eq!(info["address"], world.chain.url());
    let text = world.kinitro("chain info").run().with_code(0).stdout;
    assert!(text.contains("commit-reveal") && text.contains("genesis      0x"), "{text}");

    let neurons = world.kinitro("chain neurons --json").run().with_code(0).json();
    let all = neurons["value"].as_array().unwrap();
    let own = all.iter().find(|neuron| neuron["uid"] == json!(uid)).unwrap();
    assert_eq!(own["hotkey"], hotkey.to_string());
    let table = world.kinitro("chain neurons").run().with_code(0);
    assert!(table.stdout.contains(&hotkey.to_string()));
    assert!(table.stderr.contains("subnet 26 of ws://127.0.0.1:"), "{}", table.stderr);
}

#[test]
fn weights_are_set_plainly_and_sealed() {
    let world = Subnet::new();
    let (_, first) = world.register("miner-a");
    let (_, second) = world.register("miner-b");
    let (_, validator) = world.register_validator();
    let file = weights_file(&world, &json!({first.to_string(): 0.75, second.to_string(): 0.25}));
    let set = |more: &str| {
        world.by("validator", &format!("chain set-weights --json {more}")).arg(&file).run()
    };

    let _ = set("--dry-run").with_code(0);
    let plain = set("").with_code(0).json();
    assert_eq!((&plain["state"], &plain["timelock"]), (&json!("in_force"), &Value::Null));
    let shown = world.kinitro("chain weights --json").run().with_code(0).json();
    let own = shown["value"].as_array().unwrap().iter();
    let own = own.clone().find(|neuron| neuron["uid"] == json!(validator)).unwrap();
    assert_eq!(own["weights"][0], json!([first, 65535]));
    let table = world.kinitro("chain weights --uid").arg(validator.to_string()).run();
    assert!(table.with_code(0).stdout.contains("75.0 %"));

    world.chain.set_hyperparameter("WeightsSetRateLimit", "1000").unwrap();
    set("").failed(1, &["setting weights too fast", "blocks left"], &["rate limit"]);
    set("--dry-run").failed(1, &["setting weights too fast"], &["rate limit"]);

    world.chain.set_hyperparameter("WeightsSetRateLimit", "5").unwrap();
    world.chain.set_hyperparameter("CommitRevealWeightsEnabled", "true").unwrap();
    world.chain.advance(6).unwrap();
    let waiting = world.by("validator", "chain set-weights --json --wait").arg(&file);
    let running = waiting.limit(Duration::from_secs(120)).start();
    // Time passes quickly here, and the beacon with it.
    for _ in 0..100 {
        std::thread::sleep(Duration::from_millis(100));
        world.chain.advance(1).unwrap();
    }
    let sealed = running.wait().with_code(0);
    assert!(sealed.stderr.contains("of the beacon, about block"), "{}", sealed.stderr);
    assert_eq!(sealed.json()["state"], "in_force");
    assert!(sealed.json()["timelock"]["round"].as_u64().unwrap() > 0);
}

/// Answers every request with the same JSON.
fn backend(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _request = stream.read(&mut [0; 4096]);
            let head = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json";
            let _sent = write!(stream, "{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        }
    });
    url
}

#[test]
fn a_validator_takes_weights_to_the_chain_and_remembers_it() {
    let world = Subnet::new();
    let (_, miner) = world.register("miner");
    let (hotkey, _) = world.register_validator();
    let now = humantime::format_rfc3339(std::time::SystemTime::now()).to_string();
    let body = json!({"block": 1, "weights": {miner.to_string(): 1.0}, "created_at": now});
    let url = backend(body.to_string());
    let validate = |more: &str| {
        let program = world.by("validator", &format!("validate --once --json {more}"));
        program.args(["--backend-url", &url]).run()
    };
    assert_eq!(validate("--dry-run").with_code(0).json()["round"], "would_submit");
    // As in a systemd unit: configured by variables alone.
    let by_variables = kinitro("validate --once --json --dry-run")
        .env("KINITRO_VALIDATOR_BACKEND_URL", &url)
        .env("KINITRO_VALIDATOR_NETWORK", world.chain.url())
        .env("KINITRO_VALIDATOR_NETUID", "26")
        .env("KINITRO_VALIDATOR_LEDGER", world.path("ledger.json"))
        .env("BT_WALLET_PATH", world.path("wallets"))
        .env("BT_WALLET_HOTKEY", "validator");
    assert_eq!(by_variables.run().with_code(0).json()["round"], "would_submit");
    assert_eq!(validate("--refresh-blocks 9999").with_code(0).json()["round"], "submitted");
    let again = validate("--refresh-blocks 9999").with_code(0).json();
    assert_eq!(
        (&again["round"], &again["state"]["state"]),
        (&json!("unchanged"), &json!("in_force"))
    );
    assert!(world.path(&format!("data/kinitro/validator/26-{hotkey}.json")).exists());

    let stale = validate("--max-age 0s --refresh-blocks 0").with_code(1);
    assert_eq!(stale.json()["round"], "stale");
    stale.says(&["old"], &[]);
}

#[test]
fn bad_input_is_told_before_anything_is_sent() {
    let world = Subnet::new();
    world.register("miner");
    let commit = |arguments: &str| -> Finished {
        world.by("miner", &format!("miner commit --deployment-id {DEPLOYMENT} {arguments}")).run()
    };
    commit("--repo alice/reach --revision main").failed(
        2,
        &["not a commit hash"],
        &["8 digits of the commit hash"],
    );
    let long = format!("--repo {}/reach --revision {REVISION}", "a".repeat(96));
    commit(&long).failed(2, &["bytes", "more than the 128"], &["--allow-long"]);
    let sealing = commit(&format!("--repo alice/reach --revision {REVISION} --encrypt"));
    sealing.failed(2, &["required arguments were not provided"], &[]);
    let url = "miner commit --repo alice/reach --revision 0123abcd --deployment-id http://h:1 --encrypt --backend-public-key";
    world.by("miner", url).arg("11".repeat(32)).run().failed(2, &["URL cannot be sealed"], &[]);

    kinitro("chain neurons --netuid 1 --network ws://127.0.0.1:9").run().failed(
        3,
        &["cannot connect to ws://127.0.0.1:9"],
        &["--network"],
    );
    kinitro("chain neurons --netuid 4000 --network").arg(world.chain.url()).run().failed(
        2,
        &["there is no subnet 4000"],
        &["--netuid"],
    );
    let nowhere = kinitro("chain neurons --netuid 1 --network nowhere").run();
    nowhere.failed(2, &["`nowhere` is no network"], &[]);

    let file = world.path("weights.json");
    for (content, words) in [
        ("", "not weights"),
        ("{}", "all weights are 0"),
        ("{\"0\": -1}", "not weights"),
        ("[1, 2]", "not weights"),
        ("{\"weights_u16\": {\"uids\": [1], \"values\": []}}", "not equally many"),
    ] {
        fs::write(&file, content).unwrap();
        let set = world.by("miner", "chain set-weights").arg(&file).run();
        set.failed(2, &[words], &["kinitro score --json"]);
    }
}

#[test]
fn longer_commitments_go_where_the_chain_takes_them() {
    let Some(metadata) = finney() else { return };
    let world = Subnet::with_metadata(metadata);
    world.register("miner");
    let repo = format!("{}/reach", "a".repeat(90));
    let long = world
        .by("miner", "miner commit --allow-long --revision 0123abcd --deployment-id")
        .args([DEPLOYMENT, "--repo", &repo])
        .run()
        .with_code(0);
    assert!(long.stdout.len() > 129, "{}", long.stdout);
    let shown = world.by("miner", "miner show-commitment").run().with_code(0);
    assert_eq!(shown.stdout, long.stdout);
}

#[test]
fn an_interrupted_command_says_what_that_means() {
    let world = Subnet::new();
    world.register("miner");
    world.chain.set_including(false);
    let commit = world
        .by("miner", "miner commit --repo a/b --revision 0123abcd --deployment-id")
        .arg(DEPLOYMENT)
        .start();
    std::thread::sleep(Duration::from_millis(700));
    commit.signal("INT");
    commit.wait().failed(130, &["interrupted"], &["may still get into a block"]);
    drop(world.run_time);
}
