//! The client against the local chain over real WebSockets: with metadata of our own and, where it
//! is there, with that of the main network.

mod faults;
mod reading;
mod stage;
mod writing;
