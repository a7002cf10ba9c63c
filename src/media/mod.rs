//! GStreamer: the pipelines of a room.

pub mod check;
mod encoder;
mod link;
pub mod links;
pub mod mix;
mod mixer;
mod output;
mod pipeline;
mod problem;
pub mod remux;
pub mod template;

pub use problem::Problem;
