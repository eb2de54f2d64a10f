//! Shared set-up of the whole-system tests.
