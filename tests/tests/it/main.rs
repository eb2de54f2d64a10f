//! The whole system as its users meet it: mostly through the program `kinitro`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to panic")]

mod api_service;
mod assets;
mod chain;
mod crypto;
mod cycle;
mod damaged_results;
mod db;
mod env_list;
mod env_parity;
mod env_show_and_check;
mod eval_output;
mod eval_usage;
mod executor;
mod foreign_client;
mod hostile_policies;
mod interruption;
mod library_words;
mod results_folder;
mod scheduler;
mod scoring;
mod set_up;
mod unwritable_results;
mod up;
mod wallets;
