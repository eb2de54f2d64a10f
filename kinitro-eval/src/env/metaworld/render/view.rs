//! Projection: where something appears in a picture.

use std::ops::Range;

use mujoco_rs::prelude::*;

use crate::env::metaworld::PICTURE;
use crate::env::metaworld::geometry::{Vec3, sub};

/// The distance along the viewing direction below which a point cannot be projected, m.
const TOO_NEAR: f64 = 1e-3;

/// A camera's view of the world: maps points to pixels.
pub(super) struct View {
    pos: Vec3,
    /// The camera's axes in the world: right, up, backwards.
    axes: [Vec3; 3],
    /// The pixels per metre at a distance of one metre.
    scale: f64,
}

/// The rectangle of pixels that encloses an object, and the object's smallest distance.
pub(super) struct Patch {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    /// The smallest distance along the viewing direction, m.
    pub(super) nearest: f64,
}

impl View {
    /// The view of a camera, if this module supports it: a perspective camera given by its field of
    /// view, without a sensor size.
    pub(super) fn of(data: &MjData<Box<MjModel>>, camera: usize) -> Option<Self> {
        let model = data.model();
        let has_sensor = model.cam_sensorsize()[camera].iter().any(|&size| size != 0.0);
        if has_sensor || model.cam_projection()[camera] != MjtProjection::mjPROJ_PERSPECTIVE {
            return None;
        }
        let m = data.cam_xmat()[camera];
        let half_fovy = 0.5 * model.cam_fovy()[camera].to_radians();
        Some(Self {
            pos: data.cam_xpos()[camera],
            axes: [0, 1, 2].map(|axis| [m[axis], m[3 + axis], m[6 + axis]]),
            scale: 0.5 * PICTURE.0 as f64 / half_fovy.tan(),
        })
    }

    pub(super) fn pos(&self) -> Vec3 {
        self.pos
    }

    /// The direction to the centre of a pixel, not normalised. Pixels are numbered row by row.
    pub(super) fn direction(&self, pixel: usize) -> Vec3 {
        let (height, width) = PICTURE;
        let (row, column) = ((pixel / width) as f64 + 0.5, (pixel % width) as f64 + 0.5);
        let right = (column - 0.5 * width as f64) / self.scale;
        let up = (0.5 * height as f64 - row) / self.scale;
        let [x, y, z] = self.axes;
        [0, 1, 2].map(|axis| right * x[axis] + up * y[axis] - z[axis])
    }

    /// The pixels that the convex hull of these corners may cover; `None` if it is outside the
    /// picture.
    pub(super) fn patch(&self, corners: &[Vec3; 8]) -> Option<Patch> {
        let (height, width) = PICTURE;
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        let (mut nearest, mut farthest) = (f64::INFINITY, f64::NEG_INFINITY);
        for &corner in corners {
            let away = sub(corner, self.pos);
            let [right, up, back] = self.axes.map(|axis| dot(axis, away));
            (nearest, farthest) = (nearest.min(-back), farthest.max(-back));
            let pixel = [
                0.5 * height as f64 + self.scale * up / back,
                0.5 * width as f64 - self.scale * right / back,
            ];
            for axis in [0, 1] {
                low[axis] = low[axis].min(pixel[axis]);
                high[axis] = high[axis].max(pixel[axis]);
            }
        }
        if farthest <= TOO_NEAR {
            return None;
        }
        if nearest <= TOO_NEAR {
            // Part of it is beside or behind the camera, so it may appear anywhere.
            return Some(Patch { rows: 0..height, columns: 0..width, nearest: 0.0 });
        }
        // One spare pixel on each side, because edges are rounded.
        let range = |axis: usize, size: usize| {
            let from = (low[axis].floor() - 1.0).max(0.0) as usize;
            let to = (high[axis].ceil() + 1.0).max(0.0) as usize;
            from.min(size)..to.min(size)
        };
        let (rows, columns) = (range(0, height), range(1, width));
        (!rows.is_empty() && !columns.is_empty()).then_some(Patch { rows, columns, nearest })
    }
}

impl Patch {
    /// Whether the condition holds for any of its pixels, which are numbered row by row.
    pub(super) fn any(&self, mut holds: impl FnMut(usize) -> bool) -> bool {
        let width = PICTURE.1;
        self.rows.clone().any(|row| self.columns.clone().any(|column| holds(row * width + column)))
    }

    /// Whether two patches have pixels in common.
    pub(super) fn overlaps(&self, other: &Self) -> bool {
        let apart = |a: &Range<usize>, b: &Range<usize>| a.end <= b.start || b.end <= a.start;
        !apart(&self.rows, &other.rows) && !apart(&self.columns, &other.columns)
    }
}

pub(super) fn dot(a: Vec3, b: Vec3) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At the origin, looking along y with z up, 90 degrees wide.
    fn view() -> View {
        let axes = [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]];
        View { pos: [0.0; 3], axes, scale: 42.0 }
    }

    fn cube(center: Vec3, half: f64) -> [Vec3; 8] {
        std::array::from_fn(|corner| {
            [0, 1, 2].map(|axis| center[axis] + if corner >> axis & 1 == 0 { -half } else { half })
        })
    }

    #[test]
    fn a_patch_lies_where_the_body_is_seen() {
        let ahead = view().patch(&cube([0.0, 2.0, 0.0], 0.1)).unwrap();
        assert!((ahead.nearest - 1.9).abs() < 1e-12);
        // 0.1 m at a distance of 1.9 m is 2.2 pixels on either side of the centre, plus one spare
        // pixel.
        assert_eq!((ahead.rows, ahead.columns), (38..46, 38..46));
        let above = view().patch(&cube([0.0, 2.0, 1.0], 0.1)).unwrap();
        assert!(above.rows.end < 42 && above.columns.contains(&42));
        let right = view().patch(&cube([1.0, 2.0, 0.0], 0.1)).unwrap();
        assert!(right.columns.start > 42 && right.rows.contains(&42));
        assert!(!above.overlaps(&right) && right.overlaps(&right));
    }

    #[test]
    fn what_lies_in_the_direction_of_a_pixel_is_seen_there() {
        for pixel in [0, 83, 84 * 41 + 41, 84 * 60 + 7, 84 * 84 - 1] {
            let direction = view().direction(pixel);
            let patch = view().patch(&cube(direction.map(|x| 3.0 * x), 1e-6)).unwrap();
            let middle =
                patch.rows.contains(&(pixel / 84)) && patch.columns.contains(&(pixel % 84));
            assert!(middle && patch.rows.len() <= 3 && patch.columns.len() <= 3, "{pixel}");
        }
    }

    #[test]
    fn what_is_out_of_the_picture_has_no_patch_and_what_is_around_the_camera_has_all() {
        assert!(view().patch(&cube([0.0, -2.0, 0.0], 0.1)).is_none());
        assert!(view().patch(&cube([5.0, 2.0, 0.0], 0.1)).is_none());
        let around = view().patch(&cube([0.0, 0.0, 0.0], 0.1)).unwrap();
        assert_eq!((around.rows, around.columns, around.nearest), (0..84, 0..84, 0.0));
    }
}
