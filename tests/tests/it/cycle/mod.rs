//! A whole cycle of evaluation, from commitments to weights on the chain: every service a process of
//! its own, over a real database, and what is done to them while they work.

mod faults;
mod whole;
mod world;
