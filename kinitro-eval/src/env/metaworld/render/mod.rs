//! Pictures, drawn off screen.
//!
//! A [`Painter`] belongs to one environment; the renderers it draws with belong to the thread. With
//! [`Pictures::Exact`], a picture is what MuJoCo draws with the settings of the Python package.
//! With [`Pictures::Fast`], there are no shadows and no multisampling, so whatever stands still
//! looks the same in every picture: it is drawn once per episode with its depth ([`Still`]), and
//! only the moving parts are drawn each time and composited by depth. The result equals, pixel for
//! pixel, what MuJoCo draws of the whole scene: if the layers alone cannot guarantee that, the
//! whole scene is drawn.

mod layers;
#[cfg(test)]
mod tests;
mod view;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kinitro_core::Image;
use mujoco_rs::prelude::*;
use mujoco_rs::renderer::MjRenderer;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use self::layers::{Layer, Layers, Still};
use self::view::View;
use super::PICTURE;
use super::physics::{DrawGroups, Physics, object_id};
use crate::env::EnvironmentError;

/// How pictures are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Pictures {
    /// Without shadows and multisampling, for fast evaluation.
    #[default]
    Fast,
    /// With the Python package's own settings: a shadow map of 4096x4096, four samples per pixel.
    /// Rotated by 180 degrees, a picture equals the package's byte for byte. About twenty times
    /// slower than [`Fast`](Self::Fast) without a GPU.
    Exact,
}

impl Pictures {
    /// The description of this setting for an evaluation's manifest.
    pub(super) fn provenance(self) -> String {
        let (height, width) = PICTURE;
        match self {
            Self::Fast => format!("fast: {height}x{width}, no shadows, no multisampling"),
            Self::Exact => format!("exact: {height}x{width}, shadows and multisampling"),
        }
    }
}

/// The number of renderers a thread keeps. Making one takes about 0.1 s, and a worker goes through
/// its environments one after another.
const KEPT: usize = 8;

/// Held while a renderer is made, used or dropped. Mesa's software driver keeps one list of all
/// contexts of a process, and each context reads the others' state
/// (`llvmpipe_is_resource_referenced`) while it changes: two threads that draw at once crash it
/// within seconds. So threads take turns using the driver, while physics and policies keep running.
static DRIVER: Mutex<()> = Mutex::new(());

fn driver() -> MutexGuard<'static, ()> {
    DRIVER.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Kept {
    /// The model that the renderer was made for, kept alive so that its address is not reused.
    model: Arc<MjModel>,
    renderer: MjRenderer,
}

/// The renderers of a thread, most recently used last.
struct Renderers(Vec<Kept>);

impl Drop for Renderers {
    fn drop(&mut self) {
        let _turn = driver();
        self.0.clear();
    }
}

thread_local! {
    /// A renderer cannot leave its thread.
    static RENDERERS: RefCell<Renderers> = const { RefCell::new(Renderers(Vec::new())) };
}

/// Draws the pictures of one environment.
pub(super) struct Painter {
    setting: Pictures,
    /// `None` if the model's parts cannot be drawn separately.
    layers: Option<Layers>,
    /// What stands still, by camera.
    stills: BTreeMap<usize, Still>,
}

impl Painter {
    pub(super) fn new(setting: Pictures, model: &MjModel) -> Self {
        let layers = match setting {
            Pictures::Fast => Layers::of(model),
            Pictures::Exact => None,
        };
        Self { setting, layers, stills: BTreeMap::new() }
    }

    /// A picture of the current state from a camera of the model.
    pub(super) fn picture(
        &mut self,
        physics: &mut Physics,
        camera: &str,
    ) -> Result<Image, EnvironmentError> {
        let camera = object_id(physics.nominal(), MjtObjBase::mjOBJ_CAMERA, camera)?;
        let model = Arc::clone(physics.nominal());
        with_renderer(model, self.layers.is_some(), |renderer| {
            renderer.set_camera(MjvCamera::new_fixed(camera));
            match self.setting {
                // The package draws what its last forward pass computed, which may lag behind the
                // state right after a reset.
                Pictures::Exact => {}
                // Bring the derived quantities up to date, so that the picture shows the current
                // state.
                Pictures::Fast => {
                    let data = physics.data_mut();
                    data.kinematics();
                    data.com_pos();
                    data.camlight();
                }
            }
            let composed = match &mut self.layers {
                Some(layers) => compose(renderer, physics, camera, layers, &mut self.stills)?,
                None => None,
            };
            match composed {
                Some(pixels) => Ok(pixels),
                None => Ok(whole(renderer, physics)?.rgb),
            }
        })
        .and_then(upright)
    }
}

/// Calls `draw` with the thread's renderer for a model, making it on first use. A model is always
/// drawn with the same setting.
fn with_renderer<T>(
    model: Arc<MjModel>,
    with_depth: bool,
    draw: impl FnOnce(&mut MjRenderer) -> Result<T, EnvironmentError>,
) -> Result<T, EnvironmentError> {
    RENDERERS.with_borrow_mut(|Renderers(kept)| {
        let _turn = driver();
        if let Some(found) = kept.iter().position(|entry| Arc::ptr_eq(&entry.model, &model)) {
            kept[found..].rotate_left(1);
        } else {
            if kept.len() == KEPT {
                kept.remove(0);
            }
            kept.push(Kept { renderer: new_renderer(&model, with_depth)?, model });
        }
        let Some(Kept { renderer, .. }) = kept.last_mut() else {
            unreachable!("a renderer was just found or made");
        };
        draw(renderer)
    })
}

fn new_renderer(model: &MjModel, with_depth: bool) -> Result<MjRenderer, EnvironmentError> {
    let (height, width) = PICTURE;
    MjRenderer::builder()
        .height(height as u32)
        .width(width as u32)
        .depth(with_depth)
        .build(model)
        .map_err(render_error)
}

/// A renderer's output, row by row from the top; upside down, because the cameras are mounted that
/// way.
struct Drawn {
    rgb: Vec<u8>,
    /// The distance along the viewing direction, m.
    depth: Vec<f32>,
}

/// Draws the whole scene.
fn whole(renderer: &mut MjRenderer, physics: &mut Physics) -> Result<Drawn, EnvironmentError> {
    physics.restore_draw_groups();
    renderer.set_opts(MjvOption::default());
    draw(renderer, physics)
}

fn draw(renderer: &mut MjRenderer, physics: &mut Physics) -> Result<Drawn, EnvironmentError> {
    renderer.sync_data(physics.data_mut()).map_err(render_error)?;
    renderer.render().map_err(render_error)?;
    let rgb = renderer.rgb_flat().unwrap_or_default().to_vec();
    let depth = renderer.depth_flat().unwrap_or_default().to_vec();
    Ok(Drawn { rgb, depth })
}

/// Draws some layers. The groups of the parts must have been set.
fn draw_layers(
    renderer: &mut MjRenderer,
    physics: &mut Physics,
    shown: &[Layer],
) -> Result<Drawn, EnvironmentError> {
    let mut options = MjvOption::default();
    options.geomgroup.fill(0);
    options.sitegroup.fill(0);
    for layer in shown {
        options.geomgroup[layer.group()] = 1;
        options.sitegroup[layer.group()] = 1;
    }
    renderer.set_opts(options);
    draw(renderer, physics)
}

/// Composes the pixels of the whole scene from what stands still and what moves. `None` if the
/// whole scene has to be drawn to know them.
fn compose(
    renderer: &mut MjRenderer,
    physics: &mut Physics,
    camera: usize,
    layers: &mut Layers,
    stills: &mut BTreeMap<usize, Still>,
) -> Result<Option<Vec<u8>>, EnvironmentError> {
    let Some(view) = View::of(physics.data(), camera) else { return Ok(None) };
    if !layers.floor_is_below(&view, physics.data()) {
        return Ok(None);
    }
    let key = layers.key(physics.data(), camera);
    if stills.get(&camera).is_none_or(|still| still.key != key) {
        physics.set_draw_groups(layers.all_apart());
        let still = Still {
            key,
            shown: draw_layers(renderer, physics, &[Layer::Still, Layer::Floor])?,
            without_floor: draw_layers(renderer, physics, &[Layer::Still])?.depth,
            sky: draw_layers(renderer, physics, &[])?.depth,
        };
        stills.insert(camera, still);
    }
    let Some(still) = stills.get(&camera) else {
        unreachable!("it was just found or drawn");
    };

    let groups: &DrawGroups = layers.sort(&view, still, physics.data());
    physics.set_draw_groups(groups);
    // Parts that are reflected in the floor or seen through another part are drawn together with
    // it.
    let drawn;
    let background = if layers.has(Layer::Mixed) {
        drawn = draw_layers(renderer, physics, &[Layer::Still, Layer::Floor, Layer::Mixed])?;
        &drawn
    } else {
        &still.shown
    };
    let mut pixels = background.rgb.clone();
    if layers.has(Layer::Moving) {
        let moving = draw_layers(renderer, physics, &[Layer::Moving])?;
        for (pixel, &depth) in moving.depth.iter().enumerate() {
            if depth >= still.sky[pixel] {
                continue;
            }
            if depth == background.depth[pixel] {
                // Depth is too coarse to tell which of the two is in front.
                return Ok(None);
            }
            if depth < background.depth[pixel] {
                let rgb = 3 * pixel..3 * pixel + 3;
                pixels[rgb.clone()].copy_from_slice(&moving.rgb[rgb]);
            }
        }
    }
    Ok(Some(pixels))
}

/// MetaWorld's corner cameras are mounted upside down: rotating by 180 degrees turns a picture
/// upright.
fn upright(upside_down: Vec<u8>) -> Result<Image, EnvironmentError> {
    let turned: Vec<u8> = upside_down.chunks_exact(3).rev().flatten().copied().collect();
    let (height, width) = PICTURE;
    Image::from_rgb(height, width, turned)
        .map_err(|error| EnvironmentError::Simulation(format!("a picture is malformed: {error}")))
}

fn render_error(error: RendererError) -> EnvironmentError {
    EnvironmentError::Render {
        problem: error.to_string(),
        hint:
            "drawing without a screen needs EGL with a driver: on Debian and Ubuntu the packages \
               libegl1 and libgl1-mesa-dri"
                .to_owned(),
    }
}
