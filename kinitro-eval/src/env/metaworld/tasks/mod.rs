//! The tasks. Each is a file here and a line in [`ALL`].

mod pick_place;
mod puck;
mod push;
mod reach;

use super::task::Definition;

/// All tasks, in the order of the Python package.
pub(super) static ALL: &[&Definition] =
    &[&pick_place::DEFINITION, &push::DEFINITION, &reach::DEFINITION];
