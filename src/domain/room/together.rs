//! What people do together besides talking: chat, reactions, hands.

use super::{News, Parting, Reply, Room};
use crate::domain::error::{Reason, Refusal};
use crate::domain::ids::ParticipantId;
use crate::domain::talk::{self, Verdict};
use crate::domain::words::Reaction;

impl Room {
    pub(super) fn write(&mut self, at: usize, text: &str) -> Result<(), Refusal> {
        self.keep_pace(at)?;
        let text = talk::check_text(text)?;
        let (id, name) = (self.members[at].id, self.members[at].name.clone());
        let line = self.chat.add(id, name, text, self.now);
        self.tell_all(News::Chat { since: line });
        Ok(())
    }

    pub(super) fn react(&mut self, at: usize, reaction: Reaction) -> Result<(), Refusal> {
        self.keep_pace(at)?;
        self.tell_all(News::Reacted(self.members[at].id, reaction));
        Ok(())
    }

    pub(super) fn raise_hand(&mut self, at: usize, raised: bool) -> Result<(), Refusal> {
        if self.members[at].hand.is_some() == raised {
            return Ok(());
        }
        self.keep_pace(at)?;
        self.set_hand(at, raised);
        Ok(())
    }

    pub(super) fn lower_hand(&mut self, id: ParticipantId) -> Result<Reply, Refusal> {
        let at = self.find(id)?;
        if self.members[at].hand.is_some() {
            self.set_hand(at, false);
        }
        Ok(Reply::Participant(id))
    }

    fn set_hand(&mut self, at: usize, raised: bool) {
        self.members[at].hand = raised.then_some(self.next_hand);
        self.next_hand = self.next_hand.wrapping_add(1);
        self.tell_all(News::Changed(self.members[at].id));
    }

    /// Whoever floods is slowed down, and in the end sent away: their window cannot come back.
    fn keep_pace(&mut self, at: usize) -> Result<(), Refusal> {
        match self.members[at].pace.take(self.now) {
            Verdict::Fine => Ok(()),
            Verdict::TooFast => Err(Refusal::new(Reason::TooMany, "that is too fast; wait a moment")),
            Verdict::Flood => {
                self.remove_member(self.members[at].id, Parting::Flooded);
                Err(Parting::Flooded.refusal())
            }
        }
    }
}
