//! What an operator runs: the services of a subnet.

pub mod executor;
pub mod validator;
