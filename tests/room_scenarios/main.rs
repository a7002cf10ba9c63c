//! Scripts for one room: who does what at which second, and what follows. Nothing runs but the rules.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

mod door;
mod hosting;
mod media;
mod outputs;
mod script;
mod together;
