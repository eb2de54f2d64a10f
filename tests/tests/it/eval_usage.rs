//! What cannot be evaluated is said at once, with what could have been meant.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kinitro_tests::kinitro;

#[test]
fn an_unknown_environment_is_told_with_the_nearest_names() {
    for (env, error) in [
        ("metaworld/rech-v3", "`metaworld/rech-v3`; did you mean metaworld/reach-v3"),
        ("metaworld/pickplace-v3", "did you mean metaworld/pick-place-v3"),
        ("metaworld/reach-v3,metaworld/nothing-*", "`metaworld/nothing-*`"),
        ("reach-v3", "`reach-v3`"),
        ("metaworld/[", "`metaworld/[`"),
    ] {
        let finished = kinitro("eval --policy zero --env").arg(env).run();
        finished.failed(2, &["there is no environment", error], &["`kinitro env list`"]);
    }
}

#[test]
fn an_unknown_camera_is_told_with_those_there_are() {
    for camera in ["cornr", "x"] {
        let arguments = "eval --policy zero --env metaworld/reach-v3 --camera";
        let error = format!("`metaworld/reach-v3` has no camera `{camera}`");
        kinitro(arguments).arg(camera).run().failed(2, &[&error, "corner or corner2"], &[]);
    }
}

#[test]
fn an_unknown_policy_is_told_with_those_there_are() {
    for policy in ["randm", "localhost:8000"] {
        let finished = kinitro("eval --env metaworld/reach-v3 --policy").arg(policy).run();
        let error = format!("there is no policy `{policy}`");
        finished.failed(2, &[&error], &["random", "zero", "expert", "http://HOST:PORT"]);
    }
}

#[test]
fn an_address_that_is_none_is_told_with_what_is_wrong() {
    for (url, error) in [
        ("http://", "`http://` is not a URL"),
        ("http://a b/", "is not a URL"),
        ("ftp://example.org", "must begin with `http://` or `https://`"),
        ("http://localhost:8000/?key=1", "must end with its path"),
    ] {
        let finished = kinitro("eval --env metaworld/reach-v3 --policy").arg(url).run();
        finished.failed(2, &[error], &[]);
    }
}

#[test]
fn an_address_that_nobody_answers_on_is_told_before_any_episode() {
    // A port that was free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let started = Instant::now();
    let finished = kinitro("eval --env metaworld/reach-v3 --policy")
        .args([&format!("http://{address}"), "--out"])
        .arg(&out)
        .run();
    let error = format!("cannot connect to {address}: connection refused");
    finished.failed(1, &[&error], &["start the policy server", "--policy"]);
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(!out.exists(), "nothing was evaluated");
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    for (option, value) in [
        ("--episodes", "0"),
        ("--episodes", "-1"),
        ("--max-steps", "0"),
        ("--workers", "0"),
        ("--action-timeout", "0"),
        ("--action-timeout", "-1"),
        ("--action-timeout", "NaN"),
        ("--seed", "-1"),
        ("--seed", "18446744073709551616"),
    ] {
        let arguments = "eval --policy zero --env metaworld/reach-v3";
        let argument = format!("{option}={value}");
        kinitro(arguments).arg(argument).run().failed(2, &[option], &[]);
    }
}

#[test]
fn seeds_do_not_wrap_around() {
    let arguments = "eval --policy zero --env metaworld/reach-v3 --max-steps 1 --episodes";
    let last = u64::MAX.to_string();
    let run = |episodes: &str| kinitro(arguments).args([episodes, "--seed", &last, "--json"]).run();
    run("2").failed(2, &["seed"], &[]);
    let report = run("1").with_code(0).json();
    assert_eq!(report["manifest"]["evaluation"]["seed"], u64::MAX);
}

#[test]
fn a_camera_for_a_policy_that_is_to_see_nothing_is_a_contradiction() {
    let arguments = "eval --policy zero --env metaworld/reach-v3 --no-images --camera corner";
    kinitro(arguments).run().failed(2, &["--no-images", "--camera"], &[]);
}

#[test]
fn what_to_judge_and_where_must_be_said() {
    kinitro("eval --env metaworld/reach-v3").run().failed(2, &[], &[]);
    kinitro("eval --policy zero").run().failed(2, &[], &[]);
    kinitro("eval --policy zero --env").arg("").run().failed(2, &[], &[]);
}
