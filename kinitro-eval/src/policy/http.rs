//! Policies behind HTTP.
