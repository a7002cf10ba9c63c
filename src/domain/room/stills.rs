//! Still pictures of the mix: for a host who asks, and now and then for those whose line carries sound alone.

use std::sync::Arc;
use std::time::Duration;

use super::{News, Reply, RequestId, Room};
use crate::domain::error::{Reason, Refusal};
use crate::domain::media::{MediaCommand, StillSize};
use crate::domain::participant::Member;
use crate::domain::thin::Pictures;
use crate::domain::words::{ParticipantKind, ViewChoice};

/// A picture is handed out for so long: who asks more often costs nothing.
const FRESH: Duration = Duration::from_secs(1);
/// Whoever waits is answered by then.
const LIMIT: Duration = Duration::from_secs(10);
/// Thin lines get one so often: 2.7 kB, in the letters of JSON, are 2.5 kbit/s of a line on which a voice takes 55. Not by what is
/// known of the line: each of them fills it for a moment, so that its estimate says little.
const EVERY: Duration = Duration::from_secs(12);

/// What is known of them.
#[derive(Debug, Default)]
pub(super) struct Stills {
    waiting: Vec<RequestId>,
    /// When those who wait give up.
    deadline: Option<Duration>,
    last: Option<(Duration, Arc<[u8]>)>,
    /// When the next small one is due.
    due: Option<Duration>,
}

impl Stills {
    pub(super) fn next_timer(&self) -> Option<Duration> {
        [self.deadline, self.due].into_iter().flatten().min()
    }
}

impl Room {
    /// A picture for a host; answered now or when there is one.
    pub(super) fn snapshot(&mut self, request: RequestId) -> Result<Option<Reply>, Refusal> {
        if self.members.is_empty() && !self.outputs_run() {
            return Err(Refusal::new(Reason::Conflict, "nobody is in the room: there is no picture"));
        }
        if let Some((at, jpeg)) = &self.stills.last
            && *at + FRESH > self.now
        {
            return Ok(Some(Reply::Snapshot(jpeg.clone())));
        }
        if self.stills.waiting.is_empty() {
            self.stills.deadline = Some(self.now + LIMIT);
            self.command(MediaCommand::Still(StillSize::Full));
        }
        self.stills.waiting.push(request);
        Ok(None)
    }

    pub(super) fn on_still(&mut self, size: StillSize, jpeg: Option<Arc<[u8]>>) {
        match (size, jpeg) {
            (StillSize::Full, jpeg) => {
                self.stills.last = jpeg.clone().map(|jpeg| (self.now, jpeg));
                self.answer_stills(jpeg);
            }
            (StillSize::Small, Some(jpeg)) => self.tell_those(wants_stills, News::Still(jpeg)),
            (StillSize::Small, None) => {}
        }
    }

    pub(super) fn settle_stills(&mut self) {
        if self.stills.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.answer_stills(None);
        }
        if !self.members.iter().any(wants_stills) {
            self.stills.due = None;
        } else if self.stills.due.is_none_or(|due| due <= self.now) {
            self.stills.due = Some(self.now + EVERY);
            self.command(MediaCommand::Still(StillSize::Small));
        }
    }

    fn answer_stills(&mut self, jpeg: Option<Arc<[u8]>>) {
        self.stills.deadline = None;
        for request in std::mem::take(&mut self.stills.waiting) {
            let none = || Refusal::new(Reason::Unavailable, "the picture could not be made; try again in a moment");
            self.reply(request, jpeg.clone().map(Reply::Snapshot).ok_or_else(none));
        }
    }
}

/// Somebody who would see the room, and whose line carries only its sound.
fn wants_stills(member: &Member) -> bool {
    let hears = member.kind == ParticipantKind::Browser && member.connection.is_some() && member.session.is_some();
    hears && member.view == ViewChoice::Auto && member.pictures() == Pictures::Nothing
}
