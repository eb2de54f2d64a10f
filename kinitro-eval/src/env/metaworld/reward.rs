//! Building blocks of rewards.
//!
//! Source of the tolerance functions: Y. Tassa et al., "dm_control: software and tasks for
//! continuous control", Software Impacts 6 (2020); of their use here: R. McLean et al.,
//! "Meta-World+" (2025), the V2 rewards.

use super::geometry::{Vec3, distance, distance_xz, norm};
use super::world::World;

/// 1 within `[low, high]`, falling off outside to 0.1 at `margin` beyond the nearer bound. With a
/// margin of 0 it is 0 outside.
///
/// The fall-off is the long-tailed `1 / ((3d)^2 + 1)`, `d` in units of the margin.
pub(super) fn tolerance(x: f64, (low, high): (f64, f64), margin: f64) -> f64 {
    debug_assert!(low <= high && margin >= 0.0, "bounds {low}..{high}, margin {margin}");
    if low <= x && x <= high {
        return 1.0;
    }
    if margin <= 0.0 {
        return 0.0;
    }
    let d = (if x < low { low - x } else { x - high }) / margin;
    let scaled = d * 3.0;
    1.0 / (scaled * scaled + 1.0)
}

/// The Hamacher product of two degrees of truth: a conjunction that is 0 when either is.
pub(super) fn hamacher(a: f64, b: f64) -> f64 {
    let denominator = a + b - a * b;
    if denominator > 0.0 { a * b / denominator } else { 0.0 }
}

/// Like [`tolerance`], but falling off as a bell curve: `exp(-(d * 2.1459...)^2 / 2)`.
pub(super) fn tolerance_gaussian(x: f64, (low, high): (f64, f64), margin: f64) -> f64 {
    if low <= x && x <= high {
        return 1.0;
    }
    if margin <= 0.0 {
        return 0.0;
    }
    let d = (if x < low { low - x } else { x - high }) / margin;
    // The square root of -2 ln 0.1, so that the value at the margin is 0.1.
    let scaled = d * 2.145_966_026_289_347;
    (-0.5 * (scaled * scaled)).exp()
}

/// The height of a funnel around an axis, at a distance from it: 0 within the radius `inner`, and
/// beyond it `height` plus `steepness` times the logarithm of how far. Lengths are in m.
pub(super) fn funnel(radius: f64, inner: f64, steepness: f64, height: f64) -> f64 {
    if radius <= inner { 0.0 } else { steepness * (radius - inner).ln() + height }
}

/// How well an orientation agrees with the ideal one: 1 if equal, 0 from a distance of `tolerated`
/// on. Both quaternions have the same component order.
pub(super) fn upright(quat: [f64; 4], ideal: [f64; 4], tolerated: f64) -> f64 {
    let error = norm([0, 1, 2, 3].map(|i| quat[i] - ideal[i]));
    (1.0 - error / tolerated).max(0.0)
}

/// How much the action closes the gripper, in `[0, 1]`.
pub(super) fn closing(action: &[f64; 4]) -> f64 {
    action[3].clamp(0.0, 1.0)
}

/// The term that the caging reward adds to caging and gripping.
#[derive(Debug, Clone, Copy)]
pub(super) enum Density {
    /// Nothing.
    Low,
    /// The mean with a term for how near the gripper is to the object, full within this radius, m.
    Medium { reach_radius: f64 },
    /// The mean with caging alone.
    High,
}

/// How well the two pads enclose an object and hold it, in `[0, 1]`.
pub(super) struct Caging {
    /// Half the width of the object between the pads, m.
    pub(super) object_radius: f64,
    /// How far a pad may be from the object's centre and still count as beside it, m.
    pub(super) pad_threshold: f64,
    /// How far the gripper may be from the object in the x-z plane, m.
    pub(super) xz_threshold: f64,
    /// The closing of the gripper that counts as fully closed.
    pub(super) effort: f64,
    /// The term to add.
    pub(super) density: Density,
}

impl Caging {
    /// The reward for an object that started at `object_init`.
    pub(super) fn reward(
        &self,
        world: &World,
        object: Vec3,
        object_init: Vec3,
        action: &[f64; 4],
    ) -> f64 {
        let beside = |pad: Vec3| {
            let margin = ((pad[1] - object_init[1]).abs() - self.pad_threshold).abs();
            let bounds = (self.object_radius, self.pad_threshold);
            tolerance((pad[1] - object[1]).abs(), bounds, margin)
        };
        let caging_y = hamacher(beside(world.left_pad()), beside(world.right_pad()));
        let margin = distance_xz(object_init, world.init_tcp()) - self.xz_threshold;
        let xz = distance_xz(world.tcp(), object);
        let caging_xz = tolerance(xz, (0.0, self.xz_threshold), margin.max(0.0));
        let caging = hamacher(caging_y, caging_xz);
        let held = grip(caging, action[3].clamp(0.0, self.effort) / self.effort);
        match self.density {
            Density::Low => held,
            Density::High => f64::midpoint(held, caging),
            Density::Medium { reach_radius } => {
                let margin = (distance(object_init, world.init_tcp()) - reach_radius).abs();
                let near = tolerance(distance(object, world.tcp()), (0.0, reach_radius), margin);
                f64::midpoint(held, near)
            }
        }
    }
}

/// Combines caging and gripping. A grip only counts once the cage is closed.
pub(super) fn grip(caging: f64, closing: f64) -> f64 {
    hamacher(caging, if caging > 0.97 { closing } else { 0.0 })
}

/// Caging along y and in the x-z plane, with the grip, averaged with caging alone.
pub(super) fn cage_and_grip(caging_y: f64, caging_xz: f64, action: &[f64; 4]) -> f64 {
    let caging = hamacher(caging_y, caging_xz);
    f64::midpoint(grip(caging, closing(action)), caging)
}

/// How near `x` is to `target`: 0.1 at the distance of `start`.
pub(super) fn in_place(x: Vec3, target: Vec3, start: Vec3, radius: f64) -> f64 {
    tolerance(distance(x, target), (0.0, radius), distance(start, target))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn tolerance_is_one_inside_and_a_tenth_at_the_margin() {
        assert_eq!(tolerance(0.05, (0.0, 0.05), 0.3), 1.0);
        assert!((tolerance(0.35, (0.0, 0.05), 0.3) - 0.1).abs() < 1e-12);
        assert!((tolerance(-0.3, (0.0, 0.05), 0.3) - 0.1).abs() < 1e-12);
        assert_eq!(tolerance(0.06, (0.0, 0.05), 0.0), 0.0);
    }

    proptest! {
        #[test]
        fn hamacher_is_a_conjunction(a in 0.0f64..=1.0, b in 0.0f64..=1.0) {
            let c = hamacher(a, b);
            prop_assert!((0.0..=a.min(b) + 1e-15).contains(&c));
            prop_assert_eq!(c, hamacher(b, a));
            prop_assert!((hamacher(a, 1.0) - a).abs() < 1e-15);
        }
    }
}
