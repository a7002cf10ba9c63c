//! The router from outside: peers that protect and unprotect, in virtual time.

mod compared;
mod cost;
mod emulated;
mod feedback;
mod forwarding;
mod garbage;
mod harness;
mod hostile;
mod joins;
mod local;
mod lossy;
mod narrow;
mod repair;
mod reports;
mod simulcast;
mod temporal;
mod thinnest;
