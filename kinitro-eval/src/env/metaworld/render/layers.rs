//! Which parts of a scene stand still, and how the moving ones are to be drawn.

use mujoco_rs::prelude::*;

use super::Drawn;
use super::view::{Patch, View, dot};
use crate::env::metaworld::geometry::{Vec3, add, sub};
use crate::env::metaworld::physics::DrawGroups;

/// Groups of MuJoCo that are drawn unless it is told otherwise: those below.
const USUALLY_DRAWN: i32 = 3;
/// What is less opaque than this is drawn after everything else and blended, `mjr_render`.
const OPAQUE: f32 = 0.995;
/// How much farther away than it was read what stands still is taken to be, m. Depth is read with
/// a precision of some micrometres.
const DEPTH_SLACK: f64 = 1e-3;

/// What is drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Cannot move, but for the floor.
    Still,
    /// The floor, in which the rest is reflected.
    Floor,
    /// Moves, and may be drawn apart from all that does not.
    Moving,
    /// Moves, and has to be drawn together with what stands still: it may be seen in the floor, is
    /// transparent, or is seen through something that is.
    Mixed,
    /// Is not seen.
    Hidden,
}

impl Layer {
    /// The group of MuJoCo that stands for it.
    pub(super) const fn group(self) -> usize {
        match self {
            Self::Still => 0,
            Self::Moving => 1,
            Self::Mixed => 2,
            Self::Floor => 3,
            Self::Hidden => 5,
        }
    }
}

/// A geom or a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Geom(usize),
    Site(usize),
}

/// Something that may be seen.
struct Visible {
    part: Part,
    /// A box in the part's own frame that holds all of it: centre and half of its extent, m.
    bounds: (Vec3, Vec3),
    moves: bool,
    transparent: bool,
}

/// The parts of a model.
pub(super) struct Layers {
    floor: usize,
    visible: Vec<Visible>,
    groups: DrawGroups,
}

/// What stands still, as one camera sees it.
pub(super) struct Still {
    /// Where everything stood.
    pub(super) key: Vec<f64>,
    pub(super) shown: Drawn,
    /// The depth of all but the floor.
    pub(super) without_floor: Vec<f32>,
    /// The depth of nothing at all.
    pub(super) sky: Vec<f32>,
}

impl Still {
    /// Whether the floor is what is seen at a pixel.
    fn shows_floor(&self, pixel: usize) -> bool {
        self.shown.depth[pixel] < self.without_floor[pixel]
    }
}

impl Layers {
    /// The layers of a model; `None` where its parts cannot be drawn apart. They can where the lights
    /// stand still and the one thing that reflects others, which for MuJoCo is the first one that
    /// could, is a plane that stands still, too.
    pub(super) fn of(model: &MjModel) -> Option<Self> {
        // A body that cannot move is welded to the world, which is body 0.
        let moves = |body: i32| model.body_weldid()[body as usize] != 0;
        let fixed = MjtCamLight::mjCAMLIGHT_FIXED;
        let mut lights = model.light_bodyid().iter().zip(model.light_mode());
        if !lights.all(|(&body, &mode)| !moves(body) && mode == fixed) {
            return None;
        }

        let mut visible = Vec::new();
        let mut floor = None;
        for geom in 0..model.geom_group().len() {
            let alpha = alpha(model, model.geom_matid()[geom], model.geom_rgba()[geom]);
            if model.geom_group()[geom] >= USUALLY_DRAWN || alpha == 0.0 {
                continue;
            }
            let moves = moves(model.geom_bodyid()[geom]);
            let shape = model.geom_type()[geom];
            let is_plane = shape == MjtGeomBase::mjGEOM_PLANE;
            let reflects = usize::try_from(model.geom_matid()[geom])
                .is_ok_and(|material| model.mat_reflectance()[material] > 0.0)
                && (is_plane || shape == MjtGeomBase::mjGEOM_BOX)
                && alpha >= OPAQUE;
            if reflects && floor.is_none() {
                if moves || !is_plane {
                    return None;
                }
                floor = Some(geom);
                continue;
            }
            if is_plane {
                // It would be transparent from behind.
                return None;
            }
            let [x, y, z, width, depth, height] = model.geom_aabb()[geom];
            let bounds = ([x, y, z], [width, depth, height]);
            let transparent = alpha < OPAQUE;
            visible.push(Visible { part: Part::Geom(geom), bounds, moves, transparent });
        }
        for site in 0..model.site_group().len() {
            let alpha = alpha(model, model.site_matid()[site], model.site_rgba()[site]);
            if model.site_group()[site] >= USUALLY_DRAWN || alpha == 0.0 {
                continue;
            }
            // More than any shape of these sizes reaches.
            let reach: f64 = model.site_size()[site].iter().sum();
            visible.push(Visible {
                part: Part::Site(site),
                bounds: ([0.0; 3], [reach; 3]),
                moves: moves(model.site_bodyid()[site]),
                transparent: alpha < OPAQUE,
            });
        }
        let floor = floor?;

        let mut groups = DrawGroups {
            geoms: vec![Layer::Hidden.group() as i32; model.geom_group().len()],
            sites: vec![Layer::Hidden.group() as i32; model.site_group().len()],
            // Only the first thing that could reflect does, whether or not it is being drawn.
            reflectance: vec![0.0; model.mat_reflectance().len()],
        };
        groups.geoms[floor] = Layer::Floor.group() as i32;
        if let Ok(material) = usize::try_from(model.geom_matid()[floor]) {
            groups.reflectance[material] = model.mat_reflectance()[material];
        }
        let shared = visible.iter().any(|seen| match seen.part {
            Part::Geom(geom) => model.geom_matid()[geom] == model.geom_matid()[floor],
            Part::Site(_) => false,
        });
        (!shared).then_some(Self { floor, visible, groups })
    }

    /// Everything that moves apart from everything that does not.
    pub(super) fn all_apart(&mut self) -> &DrawGroups {
        for seen in &self.visible {
            let layer = if seen.moves { Layer::Moving } else { Layer::Still };
            self.groups.set(seen.part, layer);
        }
        &self.groups
    }

    /// Where everything is that stands still, and the camera.
    pub(super) fn key(&self, data: &MjData<Box<MjModel>>, camera: usize) -> Vec<f64> {
        let mut key = Vec::new();
        let still = self.visible.iter().filter(|seen| !seen.moves).map(|seen| seen.part);
        for part in still.chain([Part::Geom(self.floor)]) {
            let (pos, matrix) = place(data, part);
            key.extend_from_slice(pos);
            key.extend_from_slice(matrix);
        }
        key.extend_from_slice(&data.cam_xpos()[camera]);
        key.extend_from_slice(&data.cam_xmat()[camera]);
        key
    }

    /// Whether anything is in a layer.
    pub(super) fn has(&self, layer: Layer) -> bool {
        let group = layer.group() as i32;
        self.groups.geoms.contains(&group) || self.groups.sites.contains(&group)
    }

    /// Puts every part into the layer that it has to be drawn with.
    pub(super) fn sort(
        &mut self,
        view: &View,
        still: &Still,
        data: &MjData<Box<MjModel>>,
    ) -> &DrawGroups {
        let (&floor, matrix) = place(data, Part::Geom(self.floor));
        let up = [matrix[2], matrix[5], matrix[8]];
        let mirrored = |point: Vec3| {
            let height = dot(up, sub(point, floor));
            [0, 1, 2].map(|axis| point[axis] - 2.0 * height * up[axis])
        };
        let patches: Vec<(Option<Patch>, Option<Patch>)> = self
            .visible
            .iter()
            .map(|seen| {
                let corners = corners(data, seen);
                (view.patch(&corners), view.patch(&corners.map(mirrored)))
            })
            .collect();
        let through: Vec<&Patch> = self
            .visible
            .iter()
            .zip(&patches)
            .filter(|(seen, _)| seen.transparent)
            .filter_map(|(_, (direct, _))| direct.as_ref())
            .collect();
        for (seen, (direct, reflected)) in self.visible.iter().zip(&patches) {
            if !seen.moves {
                self.groups.set(seen.part, Layer::Still);
                continue;
            }
            let in_the_floor =
                reflected.as_ref().is_some_and(|patch| patch.any(|pixel| still.shows_floor(pixel)));
            let is_seen = direct.as_ref().is_some_and(|patch| {
                let in_front = |depth: f32| patch.nearest < f64::from(depth) + DEPTH_SLACK;
                patch.any(|pixel| in_front(still.shown.depth[pixel]))
            });
            let through_something = is_seen
                && (seen.transparent
                    || direct
                        .as_ref()
                        .is_some_and(|patch| through.iter().any(|other| patch.overlaps(other))));
            let layer = if in_the_floor || through_something {
                Layer::Mixed
            } else if is_seen {
                Layer::Moving
            } else {
                Layer::Hidden
            };
            self.groups.set(seen.part, layer);
        }
        &self.groups
    }

    /// Whether the floor is seen from above: from below it would be transparent.
    pub(super) fn floor_is_below(&self, view: &View, data: &MjData<Box<MjModel>>) -> bool {
        let (&floor, matrix) = place(data, Part::Geom(self.floor));
        dot([matrix[2], matrix[5], matrix[8]], sub(view.pos(), floor)) > 0.0
    }
}

impl DrawGroups {
    fn set(&mut self, part: Part, layer: Layer) {
        match part {
            Part::Geom(geom) => self.geoms[geom] = layer.group() as i32,
            Part::Site(site) => self.sites[site] = layer.group() as i32,
        }
    }
}

/// How opaque something is, as MuJoCo's scene has it: a material's colour holds unless the part has
/// one of its own that is not the default.
fn alpha(model: &MjModel, material: i32, rgba: [f32; 4]) -> f32 {
    match usize::try_from(material) {
        Ok(material) if rgba == [0.5, 0.5, 0.5, 1.0] => model.mat_rgba()[material][3],
        _ => rgba[3],
    }
}

fn place(data: &MjData<Box<MjModel>>, part: Part) -> (&Vec3, &[f64; 9]) {
    match part {
        Part::Geom(geom) => (&data.geom_xpos()[geom], &data.geom_xmat()[geom]),
        Part::Site(site) => (&data.site_xpos()[site], &data.site_xmat()[site]),
    }
}

/// The corners of the box around something, in the world.
fn corners(data: &MjData<Box<MjModel>>, seen: &Visible) -> [Vec3; 8] {
    let (&pos, m) = place(data, seen.part);
    let (center, half) = seen.bounds;
    std::array::from_fn(|corner| {
        let p = [0, 1, 2].map(|axis| {
            center[axis] + if corner >> axis & 1 == 0 { -half[axis] } else { half[axis] }
        });
        add(pos, [0, 3, 6].map(|row| dot([m[row], m[row + 1], m[row + 2]], p)))
    })
}
