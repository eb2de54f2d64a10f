//! `kinitro up` and `kinitro demo`: a whole backend in one process.

use std::net::TcpListener;
use std::time::Duration;

use kinitro_tests::api::free_port;
use kinitro_tests::http::{get, try_request};
use kinitro_tests::server::{PolicyServer, Reply, action, stand_still};
use kinitro_tests::{Program, kinitro, wait_until};

/// A hand that always goes this way solves it at times.
const ENV: &str = "metaworld/drawer-close-v3";

fn up(policies: &[(&str, &str)]) -> Program {
    let named =
        policies.iter().flat_map(|(name, url)| ["--policy".into(), format!("{name}={url}")]);
    kinitro("up --max-timesteps 80 --episodes-per-env 3 --env").arg(ENV).args(named)
}

fn good() -> PolicyServer {
    PolicyServer::start(|_| Reply::Bytes(action("-1, 1, -1, 0, 0, 0", "1")))
}

fn wait_for_weights(api: &str) {
    wait_until("there are weights", || {
        // Not so often that the API takes it for an attack.
        std::thread::sleep(Duration::from_millis(100));
        let answer = try_request(api, "GET", "/v1/weights/latest", &[], "");
        answer.is_some_and(|answer| answer.status == 200)
    });
}

/// The cells of the last row of a table that begins so.
fn row<'a>(table: &'a str, name: &str) -> Vec<&'a str> {
    let cells = |line: &'a str| line.split('|').map(str::trim).filter(|cell| !cell.is_empty());
    let mut rows = table.lines().map(|line| cells(line).collect::<Vec<_>>());
    rows.rfind(|row| row.first() == Some(&name)).unwrap_or_default()
}

#[test]
fn policies_of_this_machine_are_judged_and_compared() {
    let (first, second) = (good(), PolicyServer::start(|_| Reply::Bytes(stand_still())));
    let nobody = format!("http://127.0.0.1:{}", free_port());
    let policies = [("mine", &*first.url), ("lazy", &*second.url), ("away", &*nobody)];
    let finished = up(&policies).args(["--once", "--port", "0"]).run().with_code(0);
    let table = &finished.stdout;
    assert_eq!(row(table, "mine")[1..4], ["yes", "100.0 %", "1"], "{table}");
    for loser in ["lazy", "away"] {
        assert_eq!(row(table, loser)[1..4], ["-", "0.0 %", "0"], "{table}");
    }
    assert_eq!(first.take_resets(), second.take_resets(), "they met other seeds");
}

#[test]
fn it_goes_on_until_it_is_stopped_and_its_database_can_be_kept() {
    let (policy, folder) = (good(), tempfile::tempdir().unwrap());
    let database = format!("sqlite:{}", folder.path().join("kept.db").display());
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let running = up(&[("mine", &policy.url)])
        .args(["--database-url", &database, "--port", &port.to_string()])
        .start();
    wait_for_weights(&address);
    let status = get(&address, "/v1/status").json();
    assert_eq!(status["total_cycles"], 1, "{status}");
    running.signal("INT");
    let _ = running.wait().with_code(0);
    // Everything is in the file, which may go elsewhere.
    let (file, moved) = (folder.path().join("kept.db"), folder.path().join("moved.db"));
    std::fs::copy(file, &moved).unwrap();
    let moved = format!("sqlite:{}", moved.display());
    let kept = kinitro("db status --json").env("KINITRO_DATABASE_URL", moved).run();
    assert_eq!(kept.with_code(0).json()["total_cycles"], 1);
}

#[test]
fn what_cannot_be_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mine = ("mine", "http://127.0.0.1:1");
    up(&[mine]).args(["--port", &port]).run().failed(3, &["cannot listen", &port], &["--port"]);
    up(&[mine, mine]).args(["--port", "0"]).run().failed(2, &["`mine`", "same name"], &[]);
    up(&[("mine", "127.0.0.1:1")]).run().says(&["invalid value", "a URL"], &[]);
    up(&[mine]).args(["--env", "metaworld/rech-v3"]).run().failed(2, &["reach-v3"], &["env list"]);
    let long = format!("http://127.0.0.1:1/{}", "a".repeat(2000));
    up(&[("mine", &long)]).args(["--port", "0"]).run().says(&["`mine` cannot take part"], &[]);
}

#[test]
fn the_demo_gives_the_copy_nothing_and_its_api_stays_if_asked() {
    let port = free_port();
    let address = format!("127.0.0.1:{port}");
    let running = kinitro("demo --episodes 5 --keep --port").arg(port.to_string()).start();
    wait_for_weights(&address);
    // It is there after the table, too.
    std::thread::sleep(Duration::from_millis(500));
    let scores = get(&address, "/v1/scores/latest").json()["scores"].clone();
    assert_eq!(scores["0"], scores["3"], "the copy is as good as the expert");
    running.signal("INT");
    let table = running.wait().with_code(0).stdout;
    assert_eq!(row(&table, "expert")[1..4], ["yes", "100.0 %", "12"], "{table}");
    assert_eq!(row(&table, "random")[3], "0", "{table}");
    assert_eq!(row(&table, "copy_of_expert")[1..4], ["yes", "100.0 %", "0"], "{table}");
    // What it says can be done works.
    let line = table.lines().find_map(|line| line.trim().strip_prefix("kinitro verify-seeds"));
    let _ = kinitro("verify-seeds").args(line.unwrap().split_whitespace()).run().with_code(0);
}

#[test]
fn the_demo_can_be_stopped() {
    let running = kinitro("demo --episodes 1000").start();
    std::thread::sleep(Duration::from_secs(2));
    running.signal("INT");
    running.wait().failed(130, &["stopped"], &[]);
}
