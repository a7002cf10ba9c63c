//! Running rooms: one actor owns one room.
//!
//! `http` speaks to [`registry::Rooms`] and [`handle::RoomHandle`] in the words of [`api`]. Each room that is needed
//! runs as one task (`actor`) that owns a [`crate::domain::room::Room`]; what the room decides is carried out in
//! `effects`, with `lines` to clients, one `media_link` and a `store_queue`; `convert` turns the room into wire words.

mod actor;
pub mod api;
mod convert;
mod disk;
mod effects;
pub mod handle;
mod lines;
mod media_link;
pub mod registry;
mod retention;
mod store_queue;

#[cfg(test)]
mod tests;
