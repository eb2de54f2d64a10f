//! Compares pictures composed from layers with pictures of the whole scene.

use super::*;
use crate::env::metaworld::simulation::Simulation;
use crate::env::metaworld::tasks::ALL;
use crate::env::metaworld::world::Command;
use crate::env::metaworld::{CAMERAS, FAMILY, MetaWorld};
use crate::env::{EnvironmentFamily as _, SeededRng};
use kinitro_core::{EnvId, Seed};

/// The result of comparing pictures.
#[derive(Debug, Default)]
struct Compared {
    pictures: usize,
    /// Pictures for which the whole scene had to be drawn.
    whole: usize,
}

/// Runs an episode and compares, every `every` steps, the picture composed from layers with the
/// picture of the whole scene.
fn compare(task: &str, seed: u64, every: u32, steps: u32, expert: bool) -> Compared {
    let family = MetaWorld::default();
    let definition = super::super::definition(task).unwrap();
    let model = family.model(definition).unwrap();
    let placement = super::super::Parameters::draw(task, Seed(seed)).unwrap().placement;
    let mut simulation = Simulation::new(definition, Arc::clone(&model)).unwrap();
    let mut painter = Painter::new(Pictures::Fast, &model);
    let mut observation = simulation.reset(&placement).unwrap();
    let mut controller = definition.expert.unwrap()();
    let id = EnvId::new(FAMILY, task).unwrap();
    let mut rng = SeededRng::new("pictures", &id, Seed(seed));
    let mut action = [0.0; 4];
    let mut compared = Compared::default();
    for step in 0..steps {
        if step % every == 0 {
            for camera in CAMERAS {
                let physics = simulation.world_mut().physics_mut();
                let picture = painter.picture(physics, camera).unwrap();
                let id = object_id(&model, MjtObjBase::mjOBJ_CAMERA, camera).unwrap();
                let (reference, composed) = with_renderer(Arc::clone(&model), true, |renderer| {
                    let reference = whole(renderer, physics)?.rgb;
                    let layers = painter.layers.as_mut().expect("every model has layers");
                    let composed = compose(renderer, physics, id, layers, &mut painter.stills)?;
                    Ok((reference, composed))
                })
                .unwrap();
                let reference = upright(reference).unwrap();
                let pixels = picture.as_bytes().chunks(3).zip(reference.as_bytes().chunks(3));
                let wrong: Vec<_> = pixels.enumerate().filter(|(_, (a, b))| a != b).collect();
                assert!(
                    wrong.is_empty(),
                    "`{task}`, seed {seed}, step {step}, `{camera}`: {} pixels are wrong, first {:?}",
                    wrong.len(),
                    wrong[0]
                );
                compared.pictures += 1;
                compared.whole += usize::from(composed.is_none());
            }
        }
        if !expert && step % 20 == 0 {
            action = std::array::from_fn(|_| rng.uniform(-1.0, 1.0));
        } else if expert {
            action = controller.act(&observation).map(|number| number.clamp(-1.0, 1.0));
        }
        observation = simulation.step(Command::new(&action), &action).unwrap().0;
    }
    compared
}

#[test]
fn every_picture_of_whole_episodes_is_that_of_the_whole_scene() {
    for (task, seed, expert) in
        [("pick-place-v3", 1, true), ("window-open-v3", 3, true), ("hand-insert-v3", 4, false)]
    {
        let compared = compare(task, seed, 1, 120, expert);
        assert_eq!(compared.pictures, 240);
        assert!(compared.whole < 15, "`{task}`: layers are of little use: {compared:?}");
    }
}

#[test]
fn pictures_of_every_task_are_those_of_the_whole_scene() {
    for definition in ALL {
        let compared = compare(definition.name, 5, 40, 200, true);
        assert!(compared.whole < 3, "`{}`: {compared:?}", definition.name);
    }
}

#[test]
fn a_new_episode_is_drawn_with_what_stands_still_in_its_new_place() {
    let family = MetaWorld::default();
    let mut environment = family.make("peg-insert-side-v3").unwrap();
    let mut seen = |seed: u64| {
        let task = environment.generate_scenario(Seed(seed)).unwrap();
        environment.reset(&task).unwrap();
        environment.render("corner2").unwrap()
    };
    let (first, second) = (seen(0), seen(1));
    assert_ne!(first, second, "the box with the hole has not moved");
    assert_eq!(seen(0), first);
}

#[test]
fn renderers_may_come_and_go_on_some_threads_while_others_draw() {
    let family = MetaWorld::default();
    let picture = |seed: u64| {
        let mut environment = family.make("reach-v3").unwrap();
        let task = environment.generate_scenario(Seed(seed)).unwrap();
        environment.reset(&task).unwrap();
        environment.render("corner2").unwrap()
    };
    let expected: Vec<Image> = (0..4).map(picture).collect();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for round in 0..60 {
                    let seed = round % 4;
                    assert_eq!(picture(seed), expected[seed as usize]);
                }
            });
        }
        for round in 0..12 {
            let seed = round % 4;
            // Each of these threads makes a renderer of its own and drops it.
            let drawn = scope.spawn(move || picture(seed)).join().unwrap();
            assert_eq!(drawn, expected[seed as usize]);
        }
    });
}
