//! What is done to services in the middle of a cycle. Each ends as if nothing had been.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kinitro_tests::api::free_port;
use kinitro_tests::postgres::Server;
use kinitro_tests::relay::{Fate, Moment, Relay};
use kinitro_tests::{Running, not_tested};

use super::world::{TASKS, World, spooled};

const SUBMIT: &str = "/v1/tasks/submit";

fn kill(program: Running) {
    program.signal("KILL");
    assert_eq!(program.wait().signal(), Some(9));
}

/// Milliseconds that nothing here takes.
const LONG_ENOUGH: u64 = 60_000;

fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

#[test]
fn executors_are_killed() {
    let world = World::new();
    let api = world.api(2);
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let mut running = world.executor("ada", &api.address).start();
    let steady = world.executor("bob", &api.address).start();
    for count in [3, 8, 13] {
        world.wait_for_completed(count);
        world.wait_for_work_of("ada");
        kill(running);
        running = world.executor("ada", &api.address).start();
    }
    world.check(plan, scheduler, [running, steady]);
    assert!(world.tasks().iter().any(|task| task.attempts > 1), "nothing was under way");
}

#[test]
fn an_executor_is_frozen_past_its_leases_and_woken() {
    let world = World::new();
    let api = world.api(2);
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let frozen = world.executor("frozen", &api.address).start();
    world.wait_for_completed(2);
    world.wait_for_work_of("frozen");
    frozen.signal("STOP");
    // What it holds, others get.
    let other = world.executor("other", &api.address).start();
    world.wait_for_completed(TASKS - 2);
    frozen.signal("CONT");
    world.check(plan, scheduler, [frozen, other]);
    assert!(world.tasks().iter().any(|task| task.attempts > 1), "it held nothing");
}

#[test]
fn the_api_is_killed_at_every_point_of_a_submission() {
    let world = Arc::new(World::new());
    let port = free_port();
    let api = Arc::new(Mutex::new(Some(world.api_at(port, 2))));
    let kills = Arc::new(AtomicUsize::new(0));
    let (killed, count, there) = (Arc::clone(&api), Arc::clone(&kills), Arc::clone(&world));
    let relay = Relay::start(&format!("127.0.0.1:{port}"), move |path, moment| {
        const POINTS: [Moment; 3] = [Moment::Asked, Moment::Sent, Moment::Answered];
        let mut api = killed.lock().unwrap();
        let before = count.load(Ordering::Relaxed);
        // Six kills, and every point twice.
        if path != SUBMIT || before >= 6 || moment != POINTS[before % 3] {
            return Fate::Goes;
        }
        if moment == Moment::Sent {
            // It has read the request, or has not, or has written half of what is in it.
            pause(before as u64);
        }
        kill(api.take().unwrap().running);
        *api = Some(there.api_at(port, 2));
        count.store(before + 1, Ordering::Relaxed);
        Fate::Breaks
    });
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let executors = ["ada", "bob"].map(|name| world.executor(name, &relay.url).start());
    world.check(plan, scheduler, executors);
    assert_eq!(kills.load(Ordering::Relaxed), 6);
}

#[test]
fn the_api_is_away_for_a_minute() {
    let world = World::new();
    let port = free_port();
    let api = world.api_at(port, 300);
    let address = api.address.clone();
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let executors = ["ada", "bob"].map(|name| world.executor(name, &address).start());
    world.wait_for_completed(5);
    world.wait_for_work_of("ada");
    kill(api.running);
    let before = world.completed();
    pause(60_000);
    assert_eq!(world.completed(), before);
    assert!(spooled(&world.subnet.path("spool")) > 0, "no result waits");
    let _api = world.api_at(port, 300);
    world.check(plan, scheduler, executors);
    let tasks = world.tasks();
    assert!(tasks.iter().all(|task| task.attempts == 1), "an episode was run twice: {tasks:?}");
}

#[test]
fn every_result_is_sent_twice() {
    let world = World::new();
    let api = world.api(300);
    let twice = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&twice);
    let relay = Relay::start(&api.address, move |path, moment| match (path, moment) {
        (SUBMIT, Moment::Answered) => {
            count.fetch_add(1, Ordering::Relaxed);
            Fate::Repeats
        }
        _ => Fate::Goes,
    });
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let executor = world.executor("ada", &relay.url).start();
    world.check(plan, scheduler, [executor]);
    assert!(world.tasks().iter().all(|task| task.attempts == 1));
    assert!(twice.load(Ordering::Relaxed) > 1);
}

#[test]
fn the_scheduler_is_killed_at_five_points() {
    let world = World::new();
    let api = world.api(300);
    // Before there is a cycle, and perhaps while it is being made.
    for millis in [5, 30, 60] {
        let scheduler = world.scheduler().start();
        pause(millis);
        kill(scheduler);
    }
    // As soon as there is one.
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    kill(scheduler);
    // In the middle.
    let scheduler = world.scheduler().start();
    let executor = world.executor("ada", &api.address).start();
    world.wait_for_completed(TASKS / 2);
    kill(scheduler);
    // When all is done, and it does not know.
    let scheduler = world.scheduler().start();
    pause(300);
    scheduler.signal("STOP");
    world.wait_for_completed(TASKS);
    kill(scheduler);
    // While it judges. At the latest the last one does so to the end.
    for millis in [20, 40, LONG_ENOUGH] {
        let scheduler = world.scheduler().start();
        let started = Instant::now();
        while world.is_running() && started.elapsed() < Duration::from_millis(millis) {
            pause(1);
        }
        let is_over = !world.is_running();
        scheduler.signal("KILL");
        scheduler.wait();
        if is_over {
            break;
        }
    }
    world.check_result(plan, [executor]);
}

#[test]
fn the_database_is_stopped_and_crashes() {
    let Some(server) = Server::start("a database that stops in the middle of a cycle") else {
        return;
    };
    let world = World::over(server.new_database());
    let (one, other) = (world.api(3), world.api(3));
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let executors = [("ada", &one), ("bob", &other)]
        .map(|(name, api)| world.executor(name, &api.address).start());
    world.wait_for_completed(5);
    server.stop();
    pause(2000);
    server.restart();
    world.wait_for_completed(TASKS / 2);
    server.kill();
    pause(1000);
    server.restart();
    world.check(plan, scheduler, executors);
}

#[test]
fn the_clocks_of_executors_are_years_off() {
    let library = ["x86_64", "aarch64"]
        .map(|machine| format!("/usr/lib/{machine}-linux-gnu/faketime/libfaketime.so.1"));
    let Some(library) = library.iter().find(|path| std::path::Path::new(path).exists()) else {
        not_tested("wrong clocks: there is no libfaketime (Debian: apt-get install faketime)");
        return;
    };
    let world = World::new();
    let api = world.api(10);
    let scheduler = world.scheduler().start();
    let plan = world.plan();
    let executors = [("past", "-20y"), ("future", "+20y")].map(|(name, offset)| {
        let program = world.executor(name, &api.address);
        program
            .env("LD_PRELOAD", library)
            .env("FAKETIME", offset)
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .start()
    });
    world.check(plan, scheduler, executors);
    for name in ["past", "future"] {
        let tasks = world.tasks();
        assert!(tasks.iter().any(|task| task.executor_id.as_deref() == Some(name)), "{tasks:?}");
        assert!(tasks.iter().all(|task| task.attempts == 1), "{tasks:?}");
    }
}
