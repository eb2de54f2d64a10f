//! The MetaWorld environments: equal to the recordings, fair to policies, solvable.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use kinitro_core::{Action, EnvId, Seed};
use kinitro_eval::env::metaworld::parity::{Strictness, Verdict, compare, recordings};
use kinitro_eval::env::metaworld::{FAMILY, MetaWorld, Parameters, Pictures};
use kinitro_eval::env::{
    Environment, EnvironmentError, EnvironmentFamily, EpisodeStatus, Scenario,
};
use kinitro_eval::report::Machine;
use kinitro_eval::{Evaluation, Registry, ZeroPolicy};
use ndarray::{Array1, Array2, Array5, Axis, s};

/// The tasks whose puck and placement are alike, so that one test fits all three.
const TASKS: [&str; 3] = ["pick-place-v3", "push-v3", "reach-v3"];

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Says something that is seen even where the test passes: only what the macros print is held back.
fn say(text: &str) {
    let mut stderr = std::io::stderr();
    writeln!(stderr, "\n{text}").unwrap();
}

fn make(task: &str) -> Box<dyn Environment> {
    MetaWorld::default().make(task).unwrap()
}

fn env_id(task: &str) -> EnvId {
    EnvId::new(FAMILY, task).unwrap()
}

fn hold(twist: [f64; 3], gripper: f64) -> Action {
    let [x, y, z] = twist;
    Action::new().with("ee_twist", [x, y, z, 0.0, 0.0, 0.0]).with("gripper", [gripper])
}

/// Recordings are of a machine with fused multiply-add; elsewhere the first steps are compared.
fn strictness() -> Strictness {
    let machine = Machine::this();
    if machine.arch == "x86_64" && machine.fma {
        Strictness::EXACT
    } else {
        say(&format!("NOTE: {machine:?} rounds otherwise: 20 steps at 1e-12 are compared"));
        Strictness::OTHER_MACHINE
    }
}

fn all_match(files: &[PathBuf]) {
    let family = MetaWorld::default();
    for file in files {
        let report = compare(&family, file, strictness()).unwrap();
        assert_eq!(report.verdict, Verdict::Match, "{}", file.display());
        assert!(report.steps >= 20, "{}", file.display());
    }
}

#[test]
fn the_raw_face_equals_the_golden_recordings() {
    let files = recordings(&workspace().join("tests/golden/metaworld")).unwrap();
    assert_eq!(files.len(), 150, "the golden set of this repository is incomplete");
    all_match(&files);
}

#[test]
fn the_raw_face_equals_the_shared_fixtures() {
    let folder = workspace().join("../shared/fixtures/metaworld");
    if !folder.is_dir() {
        say(&format!("SKIPPED: the shared fixtures are not at {}", folder.display()));
        return;
    }
    let files = recordings(&folder).unwrap();
    assert!(files.len() >= 200);
    all_match(&files);
}

/// The scenario of a seed with its parameters changed.
fn changed(
    environment: &dyn Environment,
    seed: u64,
    change: impl FnOnce(&mut Parameters),
) -> Scenario {
    let scenario = environment.generate_scenario(Seed(seed)).unwrap();
    let mut parameters = scenario.parameters().unwrap();
    change(&mut parameters);
    Scenario::new(scenario.env_id, scenario.seed, parameters).unwrap()
}

/// The scenario of a seed in the nominal world.
fn nominal(environment: &dyn Environment, seed: u64) -> Scenario {
    changed(environment, seed, |p| *p = Parameters::nominal(p.placement.as_slice()))
}

#[test]
fn a_seed_is_the_same_scenario_on_every_machine_and_in_every_release() {
    let scenario = make("pick-place-v3").generate_scenario(Seed(1)).unwrap();
    let expected = serde_json::json!({
        "env_id": "metaworld/pick-place-v3",
        "seed": 1,
        "parameters": {
            "placement": [
                -0.04819796271776753,
                0.6767326434736847,
                0.02,
                -0.08567031248455759,
                0.8831880722743064,
                0.20897787630245745,
            ],
            "friction_scale": 0.9322937520477045,
            "damping_scale": 1.0621310067856626,
        },
    });
    assert_eq!(serde_json::to_value(&scenario).unwrap(), expected);
    let drawn = Parameters::draw("pick-place-v3", Seed(1)).unwrap();
    assert_eq!(scenario.parameters::<Parameters>().unwrap(), drawn);
}

#[test]
fn tasks_fill_their_whole_space() {
    for task in TASKS {
        let drawn = (0..400).map(|seed| Parameters::draw(task, Seed(seed)).unwrap());
        let drawn: Vec<Parameters> = drawn.collect();
        let spread = |value: &dyn Fn(&Parameters) -> f64, low: f64, high: f64| {
            let inside = drawn.iter().map(value).all(|x| (low..=high).contains(&x));
            let width = high - low;
            let near_low = drawn.iter().map(value).any(|x| x < low + 0.05 * width);
            let near_high = drawn.iter().map(value).any(|x| x > high - 0.05 * width);
            assert!(inside && near_low && near_high, "`{task}` does not fill {low} to {high}");
        };
        spread(&|task| task.friction_scale, 0.8, 1.2);
        spread(&|task| task.damping_scale, 0.9, 1.1);
        spread(&|task| task.placement[0], -0.1, 0.1);
        spread(&|task| task.placement[1], 0.6, 0.7);
        spread(&|task| task.placement[3], -0.1, 0.1);
        spread(&|task| task.placement[4], 0.8, 0.9);
        for task in &drawn {
            let (dx, dy) =
                (task.placement[0] - task.placement[3], task.placement[1] - task.placement[4]);
            assert!(dx.hypot(dy) >= 0.15, "object and goal are too close: {task:?}");
        }
    }
}

/// The proprioception of a few steps that push the hand onto the table, where friction matters.
fn trajectory(environment: &mut dyn Environment, scenario: &Scenario) -> Vec<Vec<f64>> {
    environment.reset(scenario).unwrap();
    let step = |index: usize| {
        let side = if index % 20 < 10 { 1.0 } else { -1.0 };
        let transition = environment.step(&hold([side, 0.5, -1.0], 1.0)).unwrap();
        transition.observation.proprio.iter().flat_map(|(_, values)| values.to_vec()).collect()
    };
    (0..60).map(step).collect()
}

#[test]
fn scales_always_apply_to_the_original_model() {
    let mut environment = make("push-v3");
    let nominal = nominal(environment.as_ref(), 5);
    let scaled = changed(environment.as_ref(), 5, |parameters| {
        (parameters.friction_scale, parameters.damping_scale) = (0.8, 1.1);
    });
    let first = trajectory(environment.as_mut(), &nominal);
    let other = trajectory(environment.as_mut(), &scaled);
    assert_ne!(first, other, "the scales change nothing");
    // Scaled once more, they would drift away from the original.
    assert_eq!(trajectory(environment.as_mut(), &scaled), other);
    assert_eq!(trajectory(environment.as_mut(), &nominal), first);
}

#[test]
fn both_faces_are_of_one_simulation() {
    for task in TASKS {
        let family = MetaWorld::default();
        let mut canonical = family.make(task).unwrap();
        let nominal = nominal(canonical.as_ref(), 2);
        let mut raw = family.make_raw(task).unwrap();
        raw.reset(&nominal.parameters::<Parameters>().unwrap().placement).unwrap();
        canonical.reset(&nominal).unwrap();
        for index in 0..40 {
            let wave = f64::from(index).sin();
            let gripper = f64::from(index % 3) / 2.0;
            let ours = canonical.step(&hold([wave, -wave, -0.5], gripper)).unwrap();
            let theirs = raw.step([wave, -wave, -0.5, 2.0 * gripper - 1.0]).unwrap();
            let solved = ours.status == EpisodeStatus::Success;
            assert_eq!((ours.reward, solved), (theirs.reward, theirs.success));
            let place = ours.observation.proprio.get("ee_pos").unwrap().to_vec();
            assert_eq!(place, theirs.observation.hand());
            let closed = ours.observation.proprio.get("gripper").unwrap()[0];
            assert_eq!(closed, 1.0 - theirs.observation.opening());
            let (ours, theirs) = (canonical.full_state().unwrap(), theirs.observation);
            assert_eq!(ours[..18], theirs.as_array()[..18]);
        }
    }
}

#[test]
fn a_policy_never_sees_the_object_or_the_goal() {
    for task in TASKS {
        let mut environment = make(task);
        let one = environment.generate_scenario(Seed(0)).unwrap();
        let placement = Parameters::draw(task, Seed(1)).unwrap().placement;
        let other = changed(environment.as_ref(), 0, |p| p.placement = placement);
        // As long as nothing is touched, two scenarios that differ in their objects feel the same.
        let (first, second) =
            (environment.reset(&one).unwrap(), environment.reset(&other).unwrap());
        assert_eq!(first, second, "`{task}`: the first observation tells tasks apart");
        let names: Vec<_> = first.proprio.iter().map(|(name, _)| name.to_owned()).collect();
        assert_eq!(names, ["ee_pos", "ee_quat", "ee_vel_ang", "ee_vel_lin", "gripper"]);
        assert!(first.extra.is_empty() && first.depth.is_empty());
    }
}

#[test]
fn velocities_are_the_rates_of_the_pose() {
    let mut environment = make("reach-v3");
    let task = environment.generate_scenario(Seed(4)).unwrap();
    environment.reset(&task).unwrap();
    let channel = |observation: &kinitro_core::Observation, name: &str| {
        observation.proprio.get(name).unwrap().to_vec()
    };
    let mut before: Option<Vec<f64>> = None;
    for step in 0..60 {
        let seen = environment.step(&hold([0.5, 0.3, 0.2], 0.0)).unwrap().observation;
        let place = channel(&seen, "ee_pos");
        // Once the hand moves evenly, 12.5 ms tell its velocity.
        if let Some(before) = before.replace(place.clone()).filter(|_| step > 30) {
            let velocity = channel(&seen, "ee_vel_lin");
            for axis in 0..3 {
                let rate = (place[axis] - before[axis]) / 0.0125;
                let (seen, wanted) = (velocity[axis], rate);
                assert!((seen - wanted).abs() < 0.05, "axis {axis}: {seen} m/s, not {wanted}");
            }
        }
        let quat = channel(&seen, "ee_quat");
        let length: f64 = quat.iter().map(|x| x * x).sum::<f64>().sqrt();
        assert!((length - 1.0).abs() < 1e-9);
        // The hand points down: half a turn about y and x share the quaternion, w and y alike.
        assert!((quat[1] - 0.7).abs() < 0.05 && (quat[3] - 0.7).abs() < 0.05, "{quat:?}");
    }
}

#[test]
fn the_gripper_is_zero_open_and_one_closed() {
    let mut environment = make("reach-v3");
    let task = environment.generate_scenario(Seed(4)).unwrap();
    let open = environment.reset(&task).unwrap().proprio.get("gripper").unwrap()[0];
    let mut closed = open;
    for _ in 0..60 {
        let seen = environment.step(&hold([0.0; 3], 1.0)).unwrap().observation;
        closed = seen.proprio.get("gripper").unwrap()[0];
    }
    assert!(open < 0.1 && closed > 0.6, "open {open}, closed {closed}");
}

#[test]
fn experts_solve_at_least_90_of_100_fresh_seeds_and_95_of_the_first_tasks() {
    let registry = Registry::builtin();
    let report = Evaluation::of_experts().registry(registry).env("metaworld/*").episodes(100);
    let report = report.seed(90_000).run_blocking().unwrap();
    assert_eq!(report.summary.environments.len(), 50);
    for environment in &report.summary.environments {
        let wanted = if TASKS.contains(&environment.env_id.task()) { 95 } else { 90 };
        let (id, solved) = (&environment.env_id, environment.successes);
        assert!(solved >= wanted, "the expert solved {solved} of 100 of `{id}`");
        assert!(environment.faults.is_empty(), "`{id}`: {:?}", environment.fault_examples);
    }
}

#[test]
fn those_who_do_not_look_solve_next_to_nothing() {
    let registry = Registry::builtin();
    let report =
        Evaluation::new(ZeroPolicy::new()).registry(registry).env("metaworld/*").episodes(2);
    let report = report.max_steps(150).run_blocking().unwrap();
    let solved: u64 = report.summary.environments.iter().map(|e| e.successes).sum();
    assert!(solved <= 2, "who never moves solved {solved} of 100");
}

/// Row and column of the goal marker, the one thing in the pictures of pick-place that is blue.
fn goal_seen(environment: &mut dyn Environment, scenario: &Scenario, camera: &str) -> (f64, f64) {
    environment.reset(scenario).unwrap();
    let picture = environment.render(camera).unwrap();
    let is_blue = |pixel: &[u8]| pixel[2] > 90 && pixel[0] < 60 && pixel[1] < 60;
    let pixels = picture.as_bytes().chunks(3).enumerate();
    let blue: Vec<_> = pixels.filter(|(_, pixel)| is_blue(pixel)).map(|(index, _)| index).collect();
    assert!(!blue.is_empty(), "`{camera}` does not show the goal of {scenario:?}");
    let mean = |of: &dyn Fn(usize) -> usize| {
        blue.iter().map(|&index| of(index) as f64).sum::<f64>() / blue.len() as f64
    };
    (mean(&|index| index / picture.width()), mean(&|index| index % picture.width()))
}

#[test]
fn pictures_are_upright_and_unmirrored() {
    let mut environment = make("pick-place-v3");
    let with_goal = |environment: &dyn Environment, x: f64, z: f64| {
        changed(environment, 1, |p| p.placement[3..].copy_from_slice(&[x, 0.85, z]))
    };
    // `corner` stands at (-1.1, -0.4) and looks along (1, 1), `corner2` at (1.3, -0.2) and looks
    // along (-1, 1): for either, the right-hand side of its view lies towards larger x.
    for camera in ["corner", "corner2"] {
        let mut seen = |x, z| {
            let scenario = with_goal(environment.as_ref(), x, z);
            goal_seen(environment.as_mut(), &scenario, camera)
        };
        let (high, low) = (seen(0.0, 0.29), seen(0.0, 0.06));
        assert!(high.0 + 3.0 < low.0, "`{camera}`: up is not up: {high:?} and {low:?}");
        let (left, right) = (seen(-0.09, 0.2), seen(0.09, 0.2));
        assert!(left.1 + 2.0 < right.1, "`{camera}` is mirrored: {left:?} and {right:?}");
    }
}

#[test]
fn the_goal_can_be_hidden_from_pictures() {
    let shown = picture_of(&MetaWorld::default());
    let hidden = picture_of(&MetaWorld::default().goal_visible(false));
    let blue =
        |pixels: &[u8]| pixels.chunks(3).filter(|p| p[2] > 90 && p[0] < 60 && p[1] < 60).count();
    assert!(blue(&shown) > 0 && blue(&hidden) == 0);
    // Not every model has a marker of that name.
    let family = MetaWorld::default().goal_visible(false);
    family.tasks().iter().for_each(|task| drop(family.make(task).unwrap()));
}

/// Pictures that the package has drawn: its random vector, its actions, and for each camera what it
/// shows after the reset and after every so many steps.
fn recorded_pictures(task: &str) -> (Array1<f64>, Array2<f64>, Array5<u8>) {
    let file = workspace().join("tests/golden/pictures").join(format!("{task}.npz"));
    let mut npz = ndarray_npy::NpzReader::new(std::fs::File::open(file).unwrap()).unwrap();
    let placement = npz.by_name("rand_vec.npy").unwrap();
    (placement, npz.by_name("actions.npy").unwrap(), npz.by_name("pictures.npy").unwrap())
}

#[test]
fn exact_pictures_are_those_of_the_package_turned_by_half_a_turn() {
    let family = MetaWorld::default().pictures(Pictures::Exact);
    for name in ["reach-v3", "drawer-open-v3", "window-close-v3", "coffee-pull-v3", "sweep-v3"] {
        let (placement, actions, pictures) = recorded_pictures(name);
        let every = actions.nrows() / (pictures.len_of(Axis(1)) - 1);
        let mut environment = family.make(name).unwrap();
        let parameters = Parameters::nominal(placement.to_vec());
        let task = Scenario::new(env_id(name), Seed(0), parameters).unwrap();
        environment.reset(&task).unwrap();
        for step in 0..=actions.nrows() {
            if step > 0 {
                let action = actions.row(step - 1);
                let grip = f64::midpoint(action[3], 1.0);
                environment.step(&hold([action[0], action[1], action[2]], grip)).unwrap();
            }
            if step % every != 0 {
                continue;
            }
            for (index, camera) in ["corner", "corner2"].into_iter().enumerate() {
                let drawn = environment.render(camera).unwrap();
                let recorded = pictures.slice(s![index, step / every, ..;-1, ..;-1, ..]);
                assert!(
                    drawn.view() == recorded,
                    "`{name}` from `{camera}` after {step} steps; they were recorded with Mesa \
                     22.3.6, and other drivers draw some pixels otherwise"
                );
            }
        }
    }
}

#[test]
fn the_two_settings_of_pictures_differ_in_shadows_and_edges_only() {
    let (fast, exact) = (MetaWorld::default(), MetaWorld::default().pictures(Pictures::Exact));
    let said = |family: &MetaWorld| family.provenance().unwrap()["pictures"].clone();
    assert_eq!(said(&fast), "fast: 84x84, no shadows, no multisampling");
    assert_eq!(said(&exact), "exact: 84x84, shadows and multisampling");
    let (fast, exact) = (picture_of(&fast), picture_of(&exact));
    let far = fast.iter().zip(&exact).filter(|(a, b)| a.abs_diff(**b) > 40).count();
    assert!(fast != exact && far < fast.len() / 20, "{far} of {}", fast.len());
}

fn picture_of(family: &MetaWorld) -> Vec<u8> {
    let mut environment = family.make("pick-place-v3").unwrap();
    let task = environment.generate_scenario(Seed(1)).unwrap();
    environment.reset(&task).unwrap();
    environment.render("corner2").unwrap().as_bytes().to_vec()
}

#[test]
fn what_does_not_exist_is_named_with_what_does() {
    let mut environment = make("reach-v3");
    let task = environment.generate_scenario(Seed(0)).unwrap();
    environment.reset(&task).unwrap();
    let camera = environment.render("corner3").unwrap_err().to_string();
    assert!(camera.contains("`corner3`") && camera.contains("corner2"), "{camera}");
    let name = Registry::builtin().resolve("metaworld/raech-v3").unwrap_err().to_string();
    assert!(name.contains("did you mean metaworld/reach-v3"), "{name}");
}

#[test]
fn groups_and_short_names_stand_for_tasks() {
    let registry = Registry::builtin();
    let names = |pattern: &str| -> Vec<String> {
        let ids = registry.resolve(pattern).unwrap();
        ids.iter().map(|id| id.task().to_owned()).collect()
    };
    assert_eq!(names("metaworld/peg-insert-v3"), ["peg-insert-side-v3"]);
    let ten = names("metaworld/MT10");
    assert_eq!(ten.len(), 10);
    assert_eq!((ten[0].as_str(), ten[9].as_str()), ("reach-v3", "window-close-v3"));
    assert_eq!(names("metaworld/core"), ten[..8]);
    assert_eq!(names("metaworld/MT50"), MetaWorld::default().tasks());
    let held_back = names("metaworld/ML45-test");
    assert_eq!(
        held_back,
        ["bin-picking-v3", "box-close-v3", "hand-insert-v3", "door-lock-v3", "door-unlock-v3"]
    );
    // A name for one task is good wherever one environment is asked for, one for several is not.
    let short = env_id("peg-insert-v3");
    assert_eq!(registry.spec(&short).unwrap().id, env_id("peg-insert-side-v3"));
    assert_eq!(registry.make(&short).unwrap().spec().id, env_id("peg-insert-side-v3"));
    assert!(registry.expert(&short).is_some());
    assert!(matches!(
        registry.make(&env_id("MT10")),
        Err(EnvironmentError::UnknownEnvironment { .. })
    ));
    let unknown = registry.resolve("metaworld/MT11").unwrap_err().to_string();
    assert!(unknown.contains("metaworld/MT10"), "{unknown}");
}

#[test]
fn an_evaluation_runs_each_task_of_overlapping_groups_once() {
    let registry = Registry::builtin();
    let evaluation = Evaluation::new(ZeroPolicy::new()).registry(registry);
    let groups = ["metaworld/ML45-test", "metaworld/door-lock-v3", "metaworld/ML45-test"];
    let evaluation = groups.into_iter().fold(evaluation, Evaluation::env);
    let report = evaluation.episodes(1).max_steps(1).run_blocking().unwrap();
    assert_eq!(report.episodes.len(), 5);
}

#[test]
fn the_raw_face_ends_after_500_steps_and_refuses_what_is_not_finite() {
    let family = MetaWorld::default();
    let mut raw = family.make_raw("reach-v3").unwrap();
    assert!(matches!(raw.step([0.0; 4]), Err(EnvironmentError::NotReset)));
    let placement = Parameters::draw("reach-v3", Seed(0)).unwrap().placement;
    raw.reset(&placement).unwrap();
    assert!(raw.step([f64::NAN, 0.0, 0.0, 0.0]).is_err());
    for step in 1..=500 {
        assert_eq!(raw.step([0.0; 4]).unwrap().truncated, step == 500);
    }
    assert!(matches!(raw.step([0.0; 4]), Err(EnvironmentError::NotReset)));
    assert!(raw.reset(&placement[..3]).is_err());
    raw.reset(&placement).unwrap();
    raw.step([0.0; 4]).unwrap();
}

#[test]
fn environments_and_pictures_work_on_several_threads_at_once() {
    let family = MetaWorld::default();
    std::thread::scope(|scope| {
        let run = || {
            let mut environment = family.make("push-v3").unwrap();
            let task = environment.generate_scenario(Seed(9)).unwrap();
            let course = trajectory(environment.as_mut(), &task);
            (course, environment.render("corner").unwrap())
        };
        let threads: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).collect();
        assert!(results.windows(2).all(|pair| pair[0] == pair[1]));
    });
}
