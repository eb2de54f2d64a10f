//! Vectors and rotations, computed in the same order of operations as in the reference, since
//! observations are compared bit for bit.

/// x, y, z.
pub(super) type Vec3 = [f64; 3];

/// Three numbers from index `start` on.
pub(super) fn vec3(numbers: &[f64], start: usize) -> Vec3 {
    [numbers[start], numbers[start + 1], numbers[start + 2]]
}

pub(super) fn sub(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] - b[0], a[1] - b[1], a[2] - b[2]]
}

pub(super) fn add(a: Vec3, b: Vec3) -> Vec3 {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

/// Multiplies each component by its own factor.
pub(super) fn scale(a: Vec3, factors: Vec3) -> Vec3 {
    [a[0] * factors[0], a[1] * factors[1], a[2] * factors[2]]
}

pub(super) fn midpoint(a: Vec3, b: Vec3) -> Vec3 {
    add(a, b).map(|x| x / 2.0)
}

/// The Euclidean norm: the square root of the squares summed from left to right.
pub(super) fn norm<const N: usize>(v: [f64; N]) -> f64 {
    v.iter().fold(0.0, |sum, x| sum + x * x).sqrt()
}

pub(super) fn distance(a: Vec3, b: Vec3) -> f64 {
    norm(sub(a, b))
}

/// The distance between two points, with a weight for each axis.
pub(super) fn scaled_distance(a: Vec3, b: Vec3, scale: Vec3) -> f64 {
    let d = sub(a, b);
    norm([d[0] * scale[0], d[1] * scale[1], d[2] * scale[2]])
}

/// Distance in the x-z plane.
pub(super) fn distance_xz(a: Vec3, b: Vec3) -> f64 {
    let d = sub(a, b);
    norm([d[0], 0.0, d[2]])
}

/// Distance in the x-y plane.
pub(super) fn distance_xy(a: Vec3, b: Vec3) -> f64 {
    let d = sub(a, b);
    norm([d[0], d[1]])
}

/// The quaternion `[x, y, z, w]` of a rotation matrix in row order.
///
/// The largest of the three diagonal elements and the trace decides which component is computed
/// first; the sign is not normalised. Source: the method of SciPy's `Rotation.from_matrix`, after
/// F. L. Markley, "Unit quaternion from rotation matrix", Journal of Guidance, Control, and
/// Dynamics 31 (2008).
pub(super) fn quat_from_matrix(m: &[f64; 9]) -> [f64; 4] {
    let at = |row: usize, column: usize| m[3 * row + column];
    let trace = at(0, 0) + at(1, 1) + at(2, 2);
    let mut largest = 0;
    let decision = [at(0, 0), at(1, 1), at(2, 2), trace];
    for candidate in 1..4 {
        if decision[candidate] > decision[largest] {
            largest = candidate;
        }
    }
    let mut quat = [0.0; 4];
    if largest == 3 {
        quat[0] = at(2, 1) - at(1, 2);
        quat[1] = at(0, 2) - at(2, 0);
        quat[2] = at(1, 0) - at(0, 1);
        quat[3] = 1.0 + trace;
    } else {
        let (i, j, k) = (largest, (largest + 1) % 3, (largest + 2) % 3);
        quat[i] = (1.0 - trace) + 2.0 * at(i, i);
        quat[j] = at(j, i) + at(i, j);
        quat[k] = at(k, i) + at(i, k);
        quat[3] = at(k, j) - at(j, k);
    }
    let length = norm(quat);
    quat.map(|x| x / length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_and_half_turns() {
        let half = 0.5f64.sqrt();
        let close = |a: [f64; 4], b: [f64; 4]| a.iter().zip(b).all(|(x, y)| (x - y).abs() < 1e-15);
        assert_eq!(quat_from_matrix(&[1., 0., 0., 0., 1., 0., 0., 0., 1.]), [0., 0., 0., 1.]);
        let quarter_z = [0., -1., 0., 1., 0., 0., 0., 0., 1.];
        assert!(close(quat_from_matrix(&quarter_z), [0., 0., half, half]));
        for (axis, matrix) in [
            (0, [1., 0., 0., 0., -1., 0., 0., 0., -1.]),
            (1, [-1., 0., 0., 0., 1., 0., 0., 0., -1.]),
            (2, [-1., 0., 0., 0., -1., 0., 0., 0., 1.]),
        ] {
            let mut expected = [0.0; 4];
            expected[axis] = 1.0;
            assert!(close(quat_from_matrix(&matrix), expected));
        }
    }
}
