//! The router from outside: peers that protect and unprotect, in virtual time.

mod feedback;
mod forwarding;
mod garbage;
mod harness;
mod local;
mod repair;
mod reports;
mod simulcast;
