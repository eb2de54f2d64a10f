//! What nothing disturbs.

use kinitro_tests::postgres::new_database;
use serde_json::{Value, json};

use super::world::{TASKS, World};

/// Two instances of the API, two executors, a scheduler and a validator: from the commitments on the
/// chain to the weights on the chain.
fn see_through(world: &World) {
    let (validator, validator_uid) = world.subnet.register_validator();
    let (one, other) = (world.api(300), world.api(300));
    let executors = [("ada", &one), ("bob", &other)]
        .map(|(name, api)| world.executor(name, &api.address).start());
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    world.check(plan, scheduler, executors);

    let tasks = world.tasks();
    assert!(tasks.iter().all(|task| task.attempts == 1), "{tasks:?}");
    for name in ["ada", "bob"] {
        let is_own = |id: &Option<String>| id.as_deref() == Some(name);
        let share = tasks.iter().filter(|task| is_own(&task.executor_id)).count();
        assert!(share > 0 && share < TASKS, "{name} has run {share} tasks");
    }

    let weights = one.get("/v1/weights/latest").json();
    assert_eq!(weights, other.get("/v1/weights/latest").json());
    let shares = weights["weights"].as_object().unwrap();
    let [best, .., copy] = &world.uids.iter().map(ToString::to_string).collect::<Vec<_>>()[..]
    else {
        panic!("there are miners");
    };
    // Nobody is better at closing the drawer, but who else wins something depends on the seeds.
    assert!(shares[best].as_f64() > shares[copy].as_f64(), "{weights}");
    let least = shares.values().filter_map(Value::as_f64).fold(f64::INFINITY, f64::min);
    assert_eq!(shares[copy].as_f64(), Some(least), "the copy has won something: {weights}");
    assert!(!shares.contains_key(&validator_uid.to_string()), "{weights}");
    let scores = one.get("/v1/scores/latest").json();
    assert_eq!(
        scores["scores"][best], scores["scores"][copy],
        "the copy met other seeds: {scores}"
    );

    let validate = |api: &str| {
        let program = world.subnet.by("validator", "validate --once --json --refresh-blocks 9999");
        let round = program.args(["--backend-url", &format!("http://{api}")]).run();
        round.with_code(0).json()["round"].clone()
    };
    assert_eq!(validate(&one.address), "submitted");
    assert_eq!(validate(&other.address), "unchanged");
    let shown = world.subnet.kinitro("chain weights --json").run().with_code(0).json();
    let on_chain = shown["value"].as_array().unwrap().iter();
    let on_chain = on_chain.clone().find(|row| row["uid"] == json!(validator_uid));
    let on_chain = &on_chain.unwrap_or_else(|| panic!("{validator}: {shown}"))["weights"];
    let most = on_chain.as_array().unwrap().iter().max_by_key(|pair| pair[1].as_u64()).unwrap();
    let largest = shares.values().filter_map(Value::as_f64).fold(0.0, f64::max);
    assert_eq!(shares[&most[0].to_string()].as_f64(), Some(largest), "{shown}");
    for api in [one, other] {
        api.running.signal("TERM");
        let _ = api.running.wait().with_code(0);
    }
}

#[test]
fn a_cycle_on_sqlite_ends_as_weights_on_the_chain() {
    see_through(&World::new());
}

#[test]
fn a_cycle_on_postgresql_ends_as_weights_on_the_chain() {
    let Some(database) = new_database("a whole cycle") else { return };
    see_through(&World::over(database));
}
