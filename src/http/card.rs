//! What a chat shows of a pasted invitation (the Open Graph protocol, <https://ogp.me>): the room's name, its theme and
//! a picture for it. Nothing of who is in.

use crate::domain::words::Activity;
use crate::rooms::api::RoomRecord;

/// What stands in `index.html`, and is replaced.
const TITLE: &str = "<title>Veranda</title>";

/// The page with the card of its room; without one, of any.
pub(super) fn page(html: &str, base_url: &str, room: Option<&RoomRecord>) -> String {
    let (title, description, picture) = match room {
        Some(room) => (room.name.as_str(), theme(room.activity), word(room.activity)),
        None => ("Veranda", "A room you join by a link, without an account", "catch_up"),
    };
    let title = escape(title);
    let head = format!(
        "<title>{title}</title>\n    \
         <meta name=\"robots\" content=\"noindex\" />\n    \
         <meta property=\"og:type\" content=\"website\" />\n    \
         <meta property=\"og:site_name\" content=\"Veranda\" />\n    \
         <meta property=\"og:title\" content=\"{title}\" />\n    \
         <meta property=\"og:description\" content=\"{description}\" />\n    \
         <meta property=\"og:image\" content=\"{}/card-{picture}.png\" />\n    \
         <meta property=\"og:image:width\" content=\"1200\" />\n    \
         <meta property=\"og:image:height\" content=\"630\" />\n    \
         <meta name=\"twitter:card\" content=\"summary_large_image\" />",
        escape(base_url)
    );
    html.replacen(TITLE, &head, 1)
}

fn theme(activity: Activity) -> &'static str {
    match activity {
        Activity::CatchUp => "Catch up · join by this link, no account needed",
        Activity::Family => "Family · join by this link, no account needed",
        Activity::Work => "Work · join by this link, no account needed",
        Activity::Class => "Class · join by this link, no account needed",
        Activity::Party => "Party · join by this link, no account needed",
        Activity::Show => "Show · join by this link, no account needed",
    }
}

/// The picture's file: `web/public/card-….png`.
fn word(activity: Activity) -> &'static str {
    match activity {
        Activity::CatchUp => "catch_up",
        Activity::Family => "family",
        Activity::Work => "work",
        Activity::Class => "class",
        Activity::Party => "party",
        Activity::Show => "show",
    }
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::domain::ids::RoomId;
    use crate::domain::words::{Layout, Rules};

    #[test]
    fn a_card_names_the_room_and_cannot_be_broken_out_of() {
        let room = RoomRecord {
            id: RoomId(1),
            name: "\"><script>alert(1)</script> & co".into(),
            activity: Activity::Party,
            invitation: "secret".into(),
            old_invitations: vec![],
            host_token: "more secret".into(),
            max_participants: 50,
            locked: false,
            lobby: false,
            layout: Layout::Auto,
            rules: Rules::default(),
            created_at: UNIX_EPOCH,
        };
        let page = page(&format!("<head>{TITLE}</head>"), "https://meet.example", Some(&room));
        assert!(
            page.contains("og:title\" content=\"&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt; &amp; co\""),
            "{page}"
        );
        assert!(page.contains("https://meet.example/card-party.png"), "{page}");
        assert!(!page.contains("<script") && !page.contains("secret"), "{page}");
    }
}
