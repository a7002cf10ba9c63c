//! What a browser says, as the room understands it.

use std::str::FromStr;

use crate::domain::canvas::Wish;
use crate::domain::error::{Reason, Refusal};
use crate::protocol::client::ClientMessage;
use crate::rooms::api::Action;

/// The action a message asks for.
///
/// # Errors
/// `NotFound` for an id that can be nobody's, `Conflict` for a second `join`.
pub(super) fn action(message: ClientMessage) -> Result<Action, Refusal> {
    use ClientMessage as From;
    Ok(match message {
        From::Join { .. } => return Err(Refusal::new(Reason::Conflict, "this socket has joined already")),
        From::Offer { sdp } => Action::Offer { sdp },
        From::Media { media } => Action::Media(media),
        From::View { mode, tiles } => Action::View { mode, tiles },
        From::Leave {} => Action::Leave,
        From::Chat { text } => Action::Chat { text },
        From::React { reaction } => Action::React(reaction),
        From::RaiseHand { raised } => Action::RaiseHand(raised),
        From::ChangeRoom { name, activity, locked, lobby, layout, rules } => {
            Action::ChangeRoom { name, activity, locked, lobby, layout, rules }
        }
        From::RenewInvitation {} => Action::RenewInvitation,
        From::Mute { participant, muted } => Action::Mute { participant: id(&participant, "participant")?, muted },
        From::MuteAll {} => Action::MuteAll,
        From::AskToUnmute { participant } => Action::AskToUnmute { participant: id(&participant, "participant")? },
        From::StopShare { participant } => Action::StopShare { participant: id(&participant, "participant")? },
        From::LowerHand { participant } => Action::LowerHand { participant: id(&participant, "participant")? },
        From::SetRole { participant, role } => Action::SetRole { participant: id(&participant, "participant")?, role },
        From::Remove { participant } => Action::Remove { participant: id(&participant, "participant")? },
        From::Admit { participant, admitted } => {
            Action::Admit { participant: id(&participant, "participant")?, admitted }
        }
        From::EndRoom {} => Action::EndRoom,
        From::StartRecording { layout, width, height, fps, bitrate, tracks } => {
            let tracks = tracks.unwrap_or(false);
            Action::StartRecording { layout, wish: wish([width, height, fps, bitrate]), tracks }
        }
        From::PauseRecording { recording } => {
            Action::PauseRecording { recording: id(&recording, "recording")?, paused: true }
        }
        From::ResumeRecording { recording } => {
            Action::PauseRecording { recording: id(&recording, "recording")?, paused: false }
        }
        From::StopRecording { recording } => Action::StopRecording { recording: id(&recording, "recording")? },
        From::StartStream { url, layout, width, height, fps, bitrate } => {
            Action::StartStream { url, layout, wish: wish([width, height, fps, bitrate]) }
        }
        From::StopStream { stream } => Action::StopStream { stream: id(&stream, "stream")? },
    })
}

fn wish(numbers: [Option<i32>; 4]) -> Wish {
    let [width, height, fps, bitrate] = numbers.map(|number| number.map(i64::from));
    Wish { width, height, fps, bitrate }
}

fn id<T: FromStr>(text: &str, what: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::new(Reason::NotFound, format!("there is no such {what}")))
}
