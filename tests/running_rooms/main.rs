//! Running rooms through their front door, with a fake media side at the other end of the channels, a store in memory and
//! virtual time.

#![allow(clippy::unwrap_used, clippy::panic)] // Helpers of tests fail like tests.

mod doors;
mod fakes;
mod keeping;
mod outputs;
mod sessions;
