//! What an operator runs: the services of a subnet.

pub mod validator;
