//! The tasks. Each is a file here and a line in [`ALL`].

mod assembly;
mod basketball;
mod bin_picking;
mod box_close;
mod disassemble;
mod hammer;
mod hand_insert;
mod item;
mod peg_insert_side;
mod peg_unplug_side;
mod pick_out_of_hole;
mod pick_place;
mod puck;
mod push;
mod reach;
mod shelf_place;
mod stick;
mod stick_pull;
mod stick_push;
mod sweep;
mod sweep_into;
mod sweeping;
mod wrench;

use super::task::Definition;

/// All tasks, in the order of the Python package.
pub(super) static ALL: &[&Definition] = &[
    &assembly::DEFINITION,
    &basketball::DEFINITION,
    &bin_picking::DEFINITION,
    &box_close::DEFINITION,
    &disassemble::DEFINITION,
    &hand_insert::DEFINITION,
    &hammer::DEFINITION,
    &pick_out_of_hole::DEFINITION,
    &pick_place::DEFINITION,
    &peg_insert_side::DEFINITION,
    &peg_unplug_side::DEFINITION,
    &stick_push::DEFINITION,
    &stick_pull::DEFINITION,
    &push::DEFINITION,
    &reach::DEFINITION,
    &shelf_place::DEFINITION,
    &sweep_into::DEFINITION,
    &sweep::DEFINITION,
];
