//! Which parts of a scene stand still, and how the moving ones have to be drawn.

use mujoco_rs::prelude::*;

use super::Drawn;
use super::view::{Patch, View, dot};
use crate::env::metaworld::geometry::{Vec3, add, sub};
use crate::env::metaworld::physics::DrawGroups;

/// MuJoCo draws the groups below this one by default.
const USUALLY_DRAWN: i32 = 3;
/// Parts less opaque than this are drawn last and blended; see MuJoCo's `mjr_render`.
const OPAQUE: f32 = 0.995;
/// The margin added to the depth of what stands still, m. Depth is read with a precision of a few
/// micrometres.
const DEPTH_SLACK: f64 = 1e-3;

/// The margin added to a box for ray tests, m: far more than the driver's rounding.
const RAY_SLACK: f64 = 5e-3;

/// What is drawn together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layer {
    /// Cannot move, excluding the floor.
    Still,
    /// The floor, in which the rest is reflected.
    Floor,
    /// Moves, and can be drawn separately from what stands still.
    Moving,
    /// Moves, and has to be drawn together with what stands still: it may be reflected in the
    /// floor, is transparent, or is seen through something transparent.
    Mixed,
    /// Is not visible.
    Hidden,
}

impl Layer {
    /// The MuJoCo group that represents this layer.
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

/// A part that may be visible.
struct Visible {
    part: Part,
    /// The bounding box in the part's own frame: centre and half-extents, m.
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
    /// The positions of everything at the time.
    pub(super) key: Vec<f64>,
    pub(super) shown: Drawn,
    /// The depth of all but the floor.
    pub(super) without_floor: Vec<f32>,
    /// The depth of the empty scene.
    pub(super) sky: Vec<f32>,
}

impl Still {
    /// Whether a pixel shows the floor.
    fn shows_floor(&self, pixel: usize) -> bool {
        self.shown.depth[pixel] < self.without_floor[pixel]
    }
}

impl Layers {
    /// The layers of a model; `None` if its parts cannot be drawn separately. They can if the
    /// lights stand still and the one reflecting part (MuJoCo uses the first candidate only) is a
    /// plane that stands still too.
    pub(super) fn of(model: &MjModel) -> Option<Self> {
        // A body that cannot move is welded to body 0, the world.
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
                // A plane is transparent from behind.
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
            // An upper bound on the extent of any shape with these sizes.
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
            // MuJoCo reflects in the first candidate only, whether or not it is drawn.
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

    /// Assigns all moving parts to one layer and all others to another.
    pub(super) fn all_apart(&mut self) -> &DrawGroups {
        for seen in &self.visible {
            let layer = if seen.moves { Layer::Moving } else { Layer::Still };
            self.groups.set(seen.part, layer);
        }
        &self.groups
    }

    /// The positions of everything that stands still, and of the camera.
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

    /// Whether a layer contains any part.
    pub(super) fn has(&self, layer: Layer) -> bool {
        let group = layer.group() as i32;
        self.groups.geoms.contains(&group) || self.groups.sites.contains(&group)
    }

    /// Assigns every part to the layer that it has to be drawn with.
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
            // Whether the box is hit by the ray that a pixel of the floor reflects: the mirrored
            // camera's ray through that pixel.
            let meets = |pixel: usize| {
                let turned = mirrored(add(floor, view.direction(pixel)));
                is_met(data, seen, mirrored(view.pos()), sub(turned, floor))
            };
            let in_the_floor = reflected
                .as_ref()
                .is_some_and(|patch| patch.any(|pixel| still.shows_floor(pixel) && meets(pixel)));
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

    /// Whether the camera sees the floor from above; from below it is transparent.
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

/// The opacity of a part, as in MuJoCo's scene: the material's colour applies unless the part has
/// its own, non-default colour.
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

/// Whether a ray passes within a few millimetres of a part's bounding box.
fn is_met(data: &MjData<Box<MjModel>>, seen: &Visible, origin: Vec3, direction: Vec3) -> bool {
    let (&pos, m) = place(data, seen.part);
    let (center, half) = seen.bounds;
    let own = |v: Vec3| [0, 1, 2].map(|axis| dot([m[axis], m[3 + axis], m[6 + axis]], v));
    let (from, along) = (sub(own(sub(origin, pos)), center), own(direction));
    let (mut enters, mut leaves) = (0.0_f64, f64::INFINITY);
    for axis in 0..3 {
        let reach = half[axis] + RAY_SLACK;
        if along[axis] == 0.0 {
            if from[axis].abs() > reach {
                return false;
            }
            continue;
        }
        let (a, b) = ((-reach - from[axis]) / along[axis], (reach - from[axis]) / along[axis]);
        (enters, leaves) = (enters.max(a.min(b)), leaves.min(a.max(b)));
    }
    enters <= leaves
}

/// The corners of a part's bounding box, in the world frame.
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
