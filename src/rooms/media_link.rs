//! The joint between a room and its media side: two channels, opened when first needed and closed when nobody is left.
//!
//! Commands wait in a queue of our own, so that neither side ever waits for the other to read.

use std::collections::VecDeque;

use tokio::sync::mpsc;

use super::registry::OpenMedia;
use crate::domain::ids::RoomId;
use crate::domain::media::{MediaCommand, MediaEvent, Scene};

/// Events that may wait for the room.
const EVENTS: usize = 256;
/// Commands that may wait for a media side that does not read; with more it counts as failed.
const COMMANDS: usize = 4096;

/// The room's end.
#[derive(Default)]
pub(super) struct MediaLink {
    channels: Option<Channels>,
    queue: VecDeque<MediaCommand>,
    /// Close as soon as the queue is empty.
    closing: bool,
}

struct Channels {
    commands: mpsc::Sender<MediaCommand>,
    events: mpsc::Receiver<MediaEvent>,
}

impl MediaLink {
    /// Queues a command; opens the media side if it is not there. A scene alone opens nothing: whoever opens gets the
    /// present one first.
    pub(super) fn send(&mut self, command: MediaCommand, open: &OpenMedia, room: RoomId, scene: &Scene) {
        if self.channels.is_none() {
            if matches!(command, MediaCommand::Compose(_) | MediaCommand::Close { .. }) {
                return;
            }
            let (sender, events) = mpsc::channel(EVENTS);
            self.channels = Some(Channels { commands: open(room, sender), events });
            self.queue.push_back(MediaCommand::Compose(scene.clone()));
        }
        // Only the last of several scenes in a row is worth drawing.
        if matches!(command, MediaCommand::Compose(_)) && matches!(self.queue.back(), Some(MediaCommand::Compose(_))) {
            self.queue.pop_back();
        }
        self.queue.push_back(command);
    }

    /// Says whether anything still needs the media side; without need it is closed when it has had its commands.
    pub(super) fn keep(&mut self, needed: bool) {
        self.closing = !needed;
        self.close_if_idle();
    }

    /// Carries commands over until an event comes. `None`: the media side failed, and is forgotten. Pending while there
    /// is none. Safe to cancel.
    pub(super) async fn next(&mut self) -> Option<MediaEvent> {
        loop {
            self.close_if_idle();
            let Some(channels) = &mut self.channels else { return std::future::pending().await };
            if self.queue.len() > COMMANDS {
                break;
            }
            tokio::select! {
                event = channels.events.recv() => match event {
                    Some(event) => return Some(event),
                    None => break,
                },
                permit = channels.commands.reserve(), if !self.queue.is_empty() => match permit {
                    Ok(permit) => {
                        if let Some(command) = self.queue.pop_front() {
                            permit.send(command);
                        }
                    }
                    Err(_) => break,
                },
            }
        }
        self.channels = None;
        self.queue.clear();
        None
    }

    fn close_if_idle(&mut self) {
        if self.closing && self.queue.is_empty() {
            self.channels = None;
        }
    }
}
