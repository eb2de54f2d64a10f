//! The tasks. Each is a file here and a line in [`ALL`].

mod button;
mod button_press;
mod button_press_topdown;
mod button_press_topdown_wall;
mod button_press_wall;
mod coffee;
mod coffee_button;
mod coffee_pull;
mod coffee_push;
mod pick_place;
mod pick_place_wall;
mod plate;
mod plate_slide;
mod plate_slide_back;
mod plate_slide_back_side;
mod plate_slide_side;
mod puck;
mod push;
mod push_back;
mod push_wall;
mod reach;
mod reach_wall;
mod sided_caging;
mod soccer;

use super::task::Definition;

/// All tasks, in the order of the Python package.
pub(super) static ALL: &[&Definition] = &[
    &button_press_topdown::DEFINITION,
    &button_press_topdown_wall::DEFINITION,
    &button_press::DEFINITION,
    &button_press_wall::DEFINITION,
    &coffee_button::DEFINITION,
    &coffee_pull::DEFINITION,
    &coffee_push::DEFINITION,
    &pick_place_wall::DEFINITION,
    &pick_place::DEFINITION,
    &plate_slide::DEFINITION,
    &plate_slide_side::DEFINITION,
    &plate_slide_back::DEFINITION,
    &plate_slide_back_side::DEFINITION,
    &soccer::DEFINITION,
    &push::DEFINITION,
    &push_wall::DEFINITION,
    &push_back::DEFINITION,
    &reach::DEFINITION,
    &reach_wall::DEFINITION,
];
