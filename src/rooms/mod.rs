//! Running rooms: one actor owns one room.
//!
//! `http` speaks to [`registry::Rooms`] and [`handle::RoomHandle`] in the words of [`api`]. Each room that is needed runs
//! as one task ([`actor`]) that owns a [`crate::domain::room::Room`]; what the room decides is carried out in [`effects`].

mod actor;
pub mod api;
pub mod handle;
pub mod registry;
