//! Films of episodes: animated GIFs, which every browser and image viewer can show.

use std::borrow::Cow;
use std::io;
use std::path::PathBuf;

use gif::{Encoder, EncodingError, Frame, Repeat};
use kinitro_core::{Action, DepthImage, Image, Observation, Seed};

use crate::env::{
    CameraSpec, Environment, EnvironmentError, EnvironmentSpec, Scenario, Transition,
};
use crate::episode::EpisodeRecord;

/// The folder of the films within the folder of results.
pub(crate) const VIDEOS_FOLDER: &str = "videos";

/// The most frames to take per second of simulated time.
const FRAMES_PER_SECOND: f64 = 20.0;
/// How long the last frame is shown, s.
const LAST_FRAME_SECONDS: f64 = 1.0;
/// Pictures are enlarged until they have this many rows.
const ROWS: usize = 240;
/// The speed of choosing a frame's 256 colours, from 1, the most accurate, to 30.
const COARSENESS: i32 = 10;

/// Which episodes are filmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Video {
    /// Every episode.
    All,
    /// Episodes that do not succeed.
    Failures,
}

impl Video {
    pub(crate) fn is_wanted_of(self, record: &EpisodeRecord) -> bool {
        match self {
            Self::All => true,
            Self::Failures => record.outcome != kinitro_core::Outcome::Success,
        }
    }
}

/// The path of an episode's film within the folder of results.
pub(crate) fn path(record: &EpisodeRecord) -> PathBuf {
    let EpisodeRecord { env_id, seed, .. } = record;
    let name = format!("{}__{}__{seed}.gif", env_id.family(), env_id.task());
    PathBuf::from(VIDEOS_FOLDER).join(name)
}

/// Wraps an environment and films it from some of its cameras, side by side.
///
/// It behaves like the environment itself. A picture that was rendered for the film is not rendered
/// again when the policy asks for it.
pub(crate) struct Filmed<'a> {
    environment: &'a mut dyn Environment,
    cameras: Vec<CameraSpec>,
    /// Steps from one frame to the next.
    stride: u32,
    steps: u32,
    /// The pictures of the current state, by camera.
    current: Vec<(String, Image)>,
    film: Result<Encoder<Vec<u8>>, EncodingError>,
}

impl<'a> Filmed<'a> {
    /// Films from these cameras, or from all if none are named. The error says why the environment
    /// cannot be filmed.
    pub(crate) fn new(
        environment: &'a mut dyn Environment,
        cameras: &[String],
    ) -> Result<Self, String> {
        let EnvironmentSpec { id, cameras: known, step_seconds, .. } = environment.spec();
        let named = |camera: &&CameraSpec| cameras.is_empty() || cameras.contains(&camera.name);
        let cameras: Vec<CameraSpec> = known.iter().filter(named).cloned().collect();
        let (height, width, scale) = layout(&cameras);
        if cameras.is_empty() {
            return Err(format!("`{id}` has no such camera to be filmed with"));
        }
        if scale * height.max(width) > usize::from(u16::MAX) {
            return Err(format!("the pictures of `{id}` are too large for a film"));
        }
        let stride = (1.0 / (FRAMES_PER_SECOND * step_seconds)).ceil().max(1.0) as u32;
        let film = new_film(&cameras);
        Ok(Self { environment, cameras, stride, steps: 0, current: Vec::new(), film })
    }

    /// Finishes the film with the current state as its last frame.
    ///
    /// # Errors
    /// When the last picture cannot be taken, or a frame could not be encoded.
    pub(crate) fn finish(mut self) -> Result<io::Result<Vec<u8>>, EnvironmentError> {
        if self.current.is_empty() {
            self.look()?;
        }
        self.add_frame(LAST_FRAME_SECONDS);
        Ok(self.film.and_then(Encoder::into_inner).map_err(io::Error::other))
    }

    fn look(&mut self) -> Result<(), EnvironmentError> {
        for CameraSpec { name, .. } in &self.cameras {
            self.current.push((name.clone(), self.environment.render(name)?));
        }
        Ok(())
    }

    /// Adds the current pictures as a frame. `finish` reports any error.
    fn add_frame(&mut self, seconds: f64) {
        if let Ok(film) = &mut self.film {
            let frame = frame(&self.cameras, &self.current, seconds);
            if let Err(error) = film.write_frame(&frame) {
                self.film = Err(error);
            }
        }
    }

    fn take_frame(&mut self) -> Result<(), EnvironmentError> {
        self.look()?;
        self.add_frame(f64::from(self.stride) * self.environment.spec().step_seconds);
        Ok(())
    }
}

impl Environment for Filmed<'_> {
    fn spec(&self) -> &EnvironmentSpec {
        self.environment.spec()
    }

    fn generate_scenario(&self, seed: Seed) -> Result<Scenario, EnvironmentError> {
        self.environment.generate_scenario(seed)
    }

    fn reset(&mut self, scenario: &Scenario) -> Result<Observation, EnvironmentError> {
        let observation = self.environment.reset(scenario)?;
        (self.steps, self.film) = (0, new_film(&self.cameras));
        self.current.clear();
        self.take_frame()?;
        Ok(observation)
    }

    fn step(&mut self, action: &Action) -> Result<Transition, EnvironmentError> {
        let transition = self.environment.step(action)?;
        self.steps += 1;
        self.current.clear();
        if self.steps.is_multiple_of(self.stride) {
            self.take_frame()?;
        }
        Ok(transition)
    }

    fn render(&mut self, camera: &str) -> Result<Image, EnvironmentError> {
        match self.current.iter().find(|(name, _)| name == camera) {
            Some((_, picture)) => Ok(picture.clone()),
            None => self.environment.render(camera),
        }
    }

    fn render_depth(&mut self, camera: &str) -> Result<DepthImage, EnvironmentError> {
        self.environment.render_depth(camera)
    }

    fn full_state(&self) -> Option<Vec<f64>> {
        self.environment.full_state()
    }
}

/// Rows and columns of the pictures side by side, and the factor to enlarge them by.
fn layout(cameras: &[CameraSpec]) -> (usize, usize, usize) {
    let height = cameras.iter().map(|camera| camera.height).max().unwrap_or(1).max(1);
    let width = cameras.iter().map(|camera| camera.width).sum::<usize>().max(1);
    (height, width, ROWS.div_ceil(height))
}

fn new_film(cameras: &[CameraSpec]) -> Result<Encoder<Vec<u8>>, EncodingError> {
    let (height, width, scale) = layout(cameras);
    let (rows, columns) = ((scale * height) as u16, (scale * width) as u16);
    let mut film = Encoder::new(Vec::new(), columns, rows, &[])?;
    film.set_repeat(Repeat::Infinite)?;
    Ok(film)
}

fn frame(cameras: &[CameraSpec], pictures: &[(String, Image)], seconds: f64) -> Frame<'static> {
    let (height, width, scale) = layout(cameras);
    let mut pixels = vec![0; height * width * 3];
    let mut left = 0;
    for (_, picture) in pictures {
        let line = 3 * picture.width();
        for (row, bytes) in picture.as_bytes().chunks_exact(line.max(1)).enumerate() {
            let start = 3 * (row * width + left);
            pixels[start..start + line].copy_from_slice(bytes);
        }
        left += picture.width();
    }
    // Colours are chosen before enlarging, which is faster and does not change them.
    let small = Frame::from_rgb_speed(width as u16, height as u16, &pixels, COARSENESS);
    let mut large = Vec::with_capacity(small.buffer.len() * scale * scale);
    for row in small.buffer.chunks_exact(width) {
        let start = large.len();
        large.extend(row.iter().flat_map(|&colour| std::iter::repeat_n(colour, scale)));
        let line = large[start..].to_vec();
        (1..scale).for_each(|_| large.extend_from_slice(&line));
    }
    Frame {
        delay: (100.0 * seconds).round() as u16,
        width: (width * scale) as u16,
        height: (height * scale) as u16,
        buffer: Cow::Owned(large),
        ..small
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::EnvironmentFamily as _;
    use crate::env::point::PointFamily;

    /// Columns, rows and hundredths of a second of each frame.
    fn frames(film: &[u8]) -> Vec<(u16, u16, u16)> {
        let mut decoder = gif::Decoder::new(film).unwrap();
        let mut frames = Vec::new();
        while let Some(frame) = decoder.read_next_frame().unwrap() {
            frames.push((frame.width, frame.height, frame.delay));
        }
        frames
    }

    #[test]
    fn a_film_shows_the_episode_and_its_end() {
        let mut environment = PointFamily.make("point-v0").unwrap();
        let task = environment.generate_scenario(Seed(0)).unwrap();
        let mut filmed = Filmed::new(environment.as_mut(), &[]).unwrap();
        filmed.reset(&task).unwrap();
        for _ in 0..9 {
            let action = Action::new().with("base_vel", [0.1, 0.0]);
            filmed.step(&action).unwrap();
        }
        // A step is 0.05 s, and so is a frame; a picture of 32 rows is enlarged eight times.
        let expected = [vec![(256, 256, 5); 10], vec![(256, 256, 100)]].concat();
        assert_eq!(frames(&filmed.finish().unwrap().unwrap()), expected);
    }

    #[test]
    fn being_filmed_changes_nothing_and_a_reset_begins_a_new_film() {
        let (mut plain, mut other) =
            (PointFamily.make("point-v0").unwrap(), PointFamily.make("point-v0").unwrap());
        let task = plain.generate_scenario(Seed(1)).unwrap();
        let mut filmed = Filmed::new(other.as_mut(), &["above".to_owned()]).unwrap();
        let action = Action::new().with("base_vel", [1.0, -1.0]);
        for _ in 0..2 {
            assert_eq!(filmed.reset(&task).unwrap(), plain.reset(&task).unwrap());
            for _ in 0..5 {
                assert_eq!(filmed.step(&action).unwrap(), plain.step(&action).unwrap());
                assert_eq!(filmed.render("above").unwrap(), plain.render("above").unwrap());
                assert_eq!(filmed.full_state(), plain.full_state());
            }
        }
        assert_eq!(frames(&filmed.finish().unwrap().unwrap()).len(), 7);
    }

    #[test]
    fn an_environment_without_the_camera_is_not_filmed() {
        let mut environment = PointFamily.make("point-v0").unwrap();
        let problem = Filmed::new(environment.as_mut(), &["below".to_owned()]).err().unwrap();
        assert!(problem.contains("no such camera"), "{problem}");
    }
}
