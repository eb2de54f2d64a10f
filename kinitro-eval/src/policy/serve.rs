//! A policy server.
