//! The tasks. Each is a file here and a line in [`ALL`].

mod assembly;
mod basketball;
mod bin_picking;
mod box_close;
mod button;
mod button_press;
mod button_press_topdown;
mod button_press_topdown_wall;
mod button_press_wall;
mod coffee;
mod coffee_button;
mod coffee_pull;
mod coffee_push;
mod dial_turn;
mod disassemble;
mod door;
mod door_close;
mod door_lock;
mod door_open;
mod door_unlock;
mod drawer;
mod drawer_close;
mod drawer_open;
mod faucet;
mod faucet_close;
mod faucet_open;
mod hammer;
mod hand_insert;
mod handle;
mod handle_press;
mod handle_press_side;
mod handle_pull;
mod handle_pull_side;
mod item;
mod lever_pull;
mod lock;
mod mechanism;
mod peg_insert_side;
mod peg_unplug_side;
mod pick_out_of_hole;
mod pick_place;
mod pick_place_wall;
mod plate;
mod plate_slide;
mod plate_slide_back;
mod plate_slide_back_side;
mod plate_slide_side;
mod puck;
mod puck_to_goal;
mod push;
mod push_back;
mod push_wall;
mod reach;
mod reach_wall;
mod shelf_place;
mod sided_caging;
mod soccer;
mod stick;
mod stick_pull;
mod stick_push;
mod sweep;
mod sweep_into;
mod window;
mod window_close;
mod window_open;
mod wrench;

use super::task::Definition;

/// All tasks, in the order of the Python package.
pub(super) static ALL: &[&Definition] = &[
    &assembly::DEFINITION,
    &basketball::DEFINITION,
    &bin_picking::DEFINITION,
    &box_close::DEFINITION,
    &button_press_topdown::DEFINITION,
    &button_press_topdown_wall::DEFINITION,
    &button_press::DEFINITION,
    &button_press_wall::DEFINITION,
    &coffee_button::DEFINITION,
    &coffee_pull::DEFINITION,
    &coffee_push::DEFINITION,
    &dial_turn::DEFINITION,
    &disassemble::DEFINITION,
    &door_close::DEFINITION,
    &door_lock::DEFINITION,
    &door_open::DEFINITION,
    &door_unlock::DEFINITION,
    &hand_insert::DEFINITION,
    &drawer_close::DEFINITION,
    &drawer_open::DEFINITION,
    &faucet_open::DEFINITION,
    &faucet_close::DEFINITION,
    &hammer::DEFINITION,
    &handle_press_side::DEFINITION,
    &handle_press::DEFINITION,
    &handle_pull_side::DEFINITION,
    &handle_pull::DEFINITION,
    &lever_pull::DEFINITION,
    &pick_place_wall::DEFINITION,
    &pick_out_of_hole::DEFINITION,
    &pick_place::DEFINITION,
    &plate_slide::DEFINITION,
    &plate_slide_side::DEFINITION,
    &plate_slide_back::DEFINITION,
    &plate_slide_back_side::DEFINITION,
    &peg_insert_side::DEFINITION,
    &peg_unplug_side::DEFINITION,
    &soccer::DEFINITION,
    &stick_push::DEFINITION,
    &stick_pull::DEFINITION,
    &push::DEFINITION,
    &push_wall::DEFINITION,
    &push_back::DEFINITION,
    &reach::DEFINITION,
    &reach_wall::DEFINITION,
    &shelf_place::DEFINITION,
    &sweep_into::DEFINITION,
    &sweep::DEFINITION,
    &window_open::DEFINITION,
    &window_close::DEFINITION,
];
