//! Running rooms: one actor owns one room.

pub mod api;
