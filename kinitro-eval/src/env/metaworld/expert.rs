//! Building blocks of the scripted experts, which see the raw observation.

use super::geometry::{Vec3, add, distance, distance_xy, sub};
use super::observation::RawObservation;
use super::task::RawController;

/// The offset from the observed hand position to the point between the fingertips, m.
const HAND_TO_TCP: Vec3 = [0.004, 0.0015, -0.045];

/// The action per metre of distance: full speed from 10 cm on, and slower the closer the hand gets.
const GAIN: f64 = 10.0;

/// How far above the object the hand waits before it goes down, m.
const HOVER: f64 = 0.1;
/// How far to the side of its target the hand may be when it goes down, m.
const AIM: f64 = 0.015;
/// The distance from the fingers beyond which the object has slipped away, m.
const LOST: f64 = 0.06;

/// How closely a waypoint must be passed, m.
const PASS_RADIUS: f64 = 0.02;
/// The distance of a place that the hand pushes towards with full force, m. The hand's target runs
/// ahead of the hand, and the farther ahead it is, the harder the hand pushes.
const PUSH: f64 = 0.4;

/// The number of steps in which the fingers come down on a flat object and press on it.
const PRESS_STEPS: u32 = 25;
/// How far below the object's centre the fingers aim in order to press on it, m.
const PRESS_DEPTH: f64 = 0.1;

/// The y beyond which the wall of the puck tasks is passed, m; the wall ends at 0.76.
const BEHIND_WALL: f64 = 0.8;
/// The height at which a puck, or an empty gripper, clears that wall, m; the wall is 0.12 high.
const ABOVE_WALL: f64 = 0.18;
/// How much higher than that the path leads, m.
const HEADROOM: f64 = 0.05;

/// What the fingers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GripperTo {
    Open,
    Close,
}

/// The point between the fingertips, m.
pub(super) fn tcp(observation: &RawObservation) -> Vec3 {
    add(observation.hand(), HAND_TO_TCP)
}

/// The action that moves the point between the fingertips straight to a place.
pub(super) fn towards(observation: &RawObservation, place: Vec3, gripper: GripperTo) -> [f64; 4] {
    let [x, y, z] = sub(place, tcp(observation)).map(|metres| GAIN * metres);
    let grip = match gripper {
        GripperTo::Open => -1.0,
        GripperTo::Close => 1.0,
    };
    [x, y, z, grip]
}

/// A waypoint on the way to `place` that keeps clear of a wall along x: up, over it, and only then
/// down. `what` is the current position of whatever must clear the wall.
pub(super) fn over_the_wall(what: Vec3, place: Vec3) -> Vec3 {
    if what[1] > BEHIND_WALL {
        place
    } else if what[2] < ABOVE_WALL {
        [what[0], what[1], ABOVE_WALL + HEADROOM]
    } else {
        [place[0], place[1], place[2].max(ABOVE_WALL + HEADROOM)]
    }
}

/// Moves from point to point beside the object, then presses in one direction.
pub(super) struct ApproachAndPress {
    /// The waypoints, relative to the object, m. The last one is where pressing starts.
    via: &'static [Vec3],
    /// Where it presses to, relative to the last point, m.
    push: Vec3,
    /// The number of waypoints reached.
    reached: usize,
}

impl ApproachAndPress {
    /// Presses down. There is at least one waypoint.
    pub(super) fn from_above(via: &'static [Vec3]) -> Self {
        Self { via, push: [0.0, 0.0, -PUSH], reached: 0 }
    }

    /// Presses away from the robot. There is at least one waypoint.
    pub(super) fn from_the_front(via: &'static [Vec3]) -> Self {
        Self { via, push: [0.0, PUSH, 0.0], reached: 0 }
    }
}

impl RawController for ApproachAndPress {
    fn reset(&mut self) {
        self.reached = 0;
    }

    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let (tcp, object) = (tcp(observation), observation.object());
        let place = |point: Vec3| add(object, point);
        if let Some(&point) = self.via.get(self.reached) {
            if distance(tcp, place(point)) < PASS_RADIUS {
                self.reached += 1;
            }
            return towards(observation, place(point), GripperTo::Close);
        }
        let last = self.via[self.via.len() - 1];
        towards(observation, place(add(last, self.push)), GripperTo::Close)
    }
}

/// Presses closed fingers on a flat object and drags it to the goal.
pub(super) struct Drag {
    /// Where the fingers press, relative to the object's centre, m.
    grip: Vec3,
    phase: DragPhase,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum DragPhase {
    /// Above the object.
    Hover,
    /// Down onto it, for this many more steps.
    Press(u32),
    /// To the goal.
    Pull,
}

impl Drag {
    /// Drags with the fingers pressed at `grip`, relative to the object's centre, m.
    pub(super) fn pressing_at(grip: Vec3) -> Self {
        Self { grip, phase: DragPhase::Hover }
    }
}

impl RawController for Drag {
    fn reset(&mut self) {
        self.phase = DragPhase::Hover;
    }

    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let (tcp, object, goal) = (tcp(observation), observation.object(), observation.goal());
        let grip = add(object, self.grip);
        let aside = distance_xy(tcp, grip);
        self.phase = match self.phase {
            DragPhase::Hover if aside < AIM => DragPhase::Press(PRESS_STEPS),
            DragPhase::Press(0) => DragPhase::Pull,
            DragPhase::Press(steps) => DragPhase::Press(steps - 1),
            DragPhase::Pull if aside > LOST => DragPhase::Hover,
            phase => phase,
        };
        let deep = object[2] - PRESS_DEPTH;
        let place = match self.phase {
            DragPhase::Hover => add(grip, [0.0, 0.0, HOVER]),
            DragPhase::Press(_) => [grip[0], grip[1], deep],
            DragPhase::Pull => [tcp[0] + goal[0] - object[0], tcp[1] + goal[1] - object[1], deep],
        };
        towards(observation, place, GripperTo::Close)
    }
}

/// Moves a tool of the hand along a route of legs, one after another, and stays on the last one.
pub(super) struct Route {
    /// From the point between the fingertips to what touches the object, m.
    tool: Vec3,
    legs: &'static [Leg],
    current: usize,
    /// Steps on the current leg.
    steps: u32,
    /// Where the object was at first, m.
    start: Option<Vec3>,
}

/// One leg of a route.
pub(super) struct Leg {
    /// Where the tool goes.
    pub(super) to: Place,
    pub(super) gripper: GripperTo,
    /// What ends the leg.
    pub(super) until: Until,
}

/// A place that a leg leads to.
pub(super) enum Place {
    /// At an offset from where the object was at first, m.
    FromStart(Vec3),
    /// At an offset from where the object is now, m: a held object is moved little by little.
    FromObject(Vec3),
    /// Ahead of the object on its circle about an axis.
    Around(Circle),
}

/// The circle of an object that is pushed around an axis.
pub(super) struct Circle {
    /// From the goal to the axis, m.
    pub(super) goal_to_axis: Vec3,
    /// The two coordinates that change, ordered so that an angle from the first to the second is
    /// positive.
    pub(super) plane: (usize, usize),
    /// From the object to where the tool should be, in the initial orientation, m; it turns with
    /// the object.
    pub(super) offset: Vec3,
    /// How far ahead of the object the tool should be, rad. The sign gives the direction of
    /// rotation.
    pub(super) lead: f64,
}

/// What ends a leg.
pub(super) enum Until {
    /// The tool is within this distance, m, or has taken [`LEG_STEPS`] steps without getting there.
    Within(f64),
    /// This many steps.
    Steps(u32),
}

/// The number of steps after which a leg ends, wherever the tool is.
const LEG_STEPS: u32 = 120;

impl Route {
    /// With the fingertips as the tool.
    pub(super) fn of_fingers(legs: &'static [Leg]) -> Self {
        Self::with_tool([0.0; 3], legs)
    }

    /// With a point above and behind the fingertips as the tool, which brings the hand under the
    /// object to lift.
    pub(super) fn of_shoulder(legs: &'static [Leg]) -> Self {
        Self::with_tool([0.0, 0.055, 0.115], legs)
    }

    fn with_tool(tool: Vec3, legs: &'static [Leg]) -> Self {
        Self { tool, legs, current: 0, steps: 0, start: None }
    }
}

impl Circle {
    /// Where the tool should be for an object that started at `start`, m.
    fn ahead(&self, start: Vec3, object: Vec3, goal: Vec3) -> Vec3 {
        let (i, j) = self.plane;
        let axis = add(goal, self.goal_to_axis);
        let angle = |place: Vec3| (place[j] - axis[j]).atan2(place[i] - axis[i]);
        let (sin, cos) = (angle(object) - angle(start) + self.lead).sin_cos();
        let mut place = add(start, self.offset);
        let (u, v) = (place[i] - axis[i], place[j] - axis[j]);
        place[i] = axis[i] + cos * u - sin * v;
        place[j] = axis[j] + sin * u + cos * v;
        place
    }
}

impl RawController for Route {
    fn reset(&mut self) {
        *self = Self::with_tool(self.tool, self.legs);
    }

    fn act(&mut self, observation: &RawObservation) -> [f64; 4] {
        let (object, goal) = (observation.object(), observation.goal());
        let start = *self.start.get_or_insert(object);
        let place = |leg: &Leg| match &leg.to {
            Place::FromStart(offset) => add(start, *offset),
            Place::FromObject(offset) => add(object, *offset),
            Place::Around(circle) => circle.ahead(start, object, goal),
        };
        let off = distance(add(tcp(observation), self.tool), place(&self.legs[self.current]));
        let over = match self.legs[self.current].until {
            Until::Within(radius) => off < radius || self.steps >= LEG_STEPS,
            Until::Steps(steps) => self.steps >= steps,
        };
        self.steps += 1;
        if over && self.current + 1 < self.legs.len() {
            self.current += 1;
            self.steps = 0;
        }
        let leg = &self.legs[self.current];
        towards(observation, sub(place(leg), self.tool), leg.gripper)
    }
}
