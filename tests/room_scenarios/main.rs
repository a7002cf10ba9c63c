//! Scripts for one room: who does what at which second, and what follows. Nothing runs but the rules.

mod door;
mod hosting;
mod media;
mod outputs;
mod script;
