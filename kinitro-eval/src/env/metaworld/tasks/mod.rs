//! The tasks. Each is a file here and a line in [`ALL`].

mod dial_turn;
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
mod handle;
mod handle_press;
mod handle_press_side;
mod handle_pull;
mod handle_pull_side;
mod lever_pull;
mod lock;
mod mechanism;
mod pick_place;
mod puck;
mod push;
mod reach;
mod window;
mod window_close;
mod window_open;

use super::task::Definition;

/// All tasks, in the order of the Python package.
pub(super) static ALL: &[&Definition] = &[
    &dial_turn::DEFINITION,
    &door_close::DEFINITION,
    &door_lock::DEFINITION,
    &door_open::DEFINITION,
    &door_unlock::DEFINITION,
    &drawer_close::DEFINITION,
    &drawer_open::DEFINITION,
    &faucet_open::DEFINITION,
    &faucet_close::DEFINITION,
    &handle_press_side::DEFINITION,
    &handle_press::DEFINITION,
    &handle_pull_side::DEFINITION,
    &handle_pull::DEFINITION,
    &lever_pull::DEFINITION,
    &pick_place::DEFINITION,
    &push::DEFINITION,
    &reach::DEFINITION,
    &window_open::DEFINITION,
    &window_close::DEFINITION,
];
