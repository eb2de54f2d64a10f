//! Pictures, drawn off screen.

use std::cell::RefCell;
use std::sync::Arc;

use kinitro_core::Image;
use mujoco_rs::prelude::*;
use mujoco_rs::renderer::MjRenderer;
use mujoco_rs::wrappers::mj_model::MjtObjBase;

use super::PICTURE;
use super::physics::{Physics, object_id};
use crate::env::EnvironmentError;

/// Renderers a thread keeps. Making one takes about 0.2 s, and a worker goes through its
/// environments one after another.
const KEPT: usize = 4;

struct Kept {
    /// The model the renderer was made for. It is held on to, so that its address stays its own.
    model: Arc<MjModel>,
    renderer: MjRenderer,
}

thread_local! {
    /// The thread's renderers, the one used last at the end. A renderer cannot leave its thread.
    static RENDERERS: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// A picture from a camera of the model.
pub(super) fn picture(physics: &mut Physics, camera: &str) -> Result<Image, EnvironmentError> {
    let model = Arc::clone(physics.nominal());
    let camera = object_id(&model, MjtObjBase::mjOBJ_CAMERA, camera)?;
    RENDERERS.with_borrow_mut(|kept| {
        if let Some(found) = kept.iter().position(|entry| Arc::ptr_eq(&entry.model, &model)) {
            kept[found..].rotate_left(1);
        } else {
            if kept.len() == KEPT {
                kept.remove(0);
            }
            kept.push(Kept { renderer: new_renderer(&model)?, model });
        }
        let Some(Kept { renderer, .. }) = kept.last_mut() else {
            unreachable!("a renderer was just found or made");
        };
        draw(renderer, physics, camera)
    })
}

fn new_renderer(model: &MjModel) -> Result<MjRenderer, EnvironmentError> {
    let (height, width) = PICTURE;
    MjRenderer::builder()
        .height(height as u32)
        .width(width as u32)
        .build(model)
        .map_err(render_error)
}

fn draw(
    renderer: &mut MjRenderer,
    physics: &mut Physics,
    camera: usize,
) -> Result<Image, EnvironmentError> {
    let data = physics.data_mut();
    // Right after a reset the goal marker and some objects are still drawn where they were before:
    // what is shown must be the state, whatever was computed of it.
    data.kinematics();
    data.com_pos();
    data.camlight();
    renderer.set_camera(MjvCamera::new_fixed(camera));
    renderer.sync_data(data).map_err(render_error)?;
    renderer.render().map_err(render_error)?;
    let upside_down = renderer.rgb_flat().unwrap_or_default();
    // The corner cameras of MetaWorld hang upside down: half a turn puts the picture upright.
    let upright: Vec<u8> = upside_down.chunks_exact(3).rev().flatten().copied().collect();
    let (height, width) = PICTURE;
    Image::from_rgb(height, width, upright).map_err(|error| EnvironmentError::Render {
        problem: error.to_string(),
        hint: "this is a defect of the program".to_owned(),
    })
}

fn render_error(error: RendererError) -> EnvironmentError {
    EnvironmentError::Render {
        problem: error.to_string(),
        hint:
            "drawing without a screen needs EGL with a driver: on Debian and Ubuntu the packages \
               libegl1 and libgl1-mesa-dri; without them, --no-images works"
                .to_owned(),
    }
}
