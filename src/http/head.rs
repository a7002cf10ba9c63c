//! What a page will ask for next, named in its head: the file of its view, the words of the reader's language, the room. They
//! come beside the first file then; a slow line pays no round trip for each.

use std::collections::HashMap;

use axum::http::{HeaderMap, header};
use serde::Deserialize;

use super::files::text;

/// The view of a path, by its source's name.
pub(super) const HOME: &str = "src/view/Home.svelte";
pub(super) const ROOM: &str = "src/view/RoomPage.svelte";
pub(super) const PRIVACY: &str = "src/view/Privacy.svelte";

/// The file that `index.html` names itself, with all it imports.
const ENTRY: &str = "index.html";
const LANGUAGES: &str = "src/i18n/";
/// Of `Accept-Language`: nobody reads more.
const MOST_LANGUAGES: usize = 16;

/// Vite's `manifest.json`: which files were made of which sources. What is missing in it is only not named.
#[derive(Debug, Default, Deserialize)]
#[serde(transparent)]
pub(super) struct Manifest(HashMap<String, Chunk>);

#[derive(Debug, Deserialize)]
struct Chunk {
    file: String,
    #[serde(default)]
    imports: Vec<String>,
    #[serde(default)]
    css: Vec<String>,
}

impl Manifest {
    pub(super) fn read(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    /// `html` with links to what `view` and the reader's words are made of, and to `data`, which the view fetches.
    pub(super) fn page(&self, html: &str, view: &str, headers: &HeaderMap, data: Option<&str>) -> String {
        let mut links = String::new();
        let mut named = Vec::new();
        self.walk(ENTRY, &mut named, &mut |_| ());
        let words =
            format!("{LANGUAGES}{}.ts", self.language(text(headers, header::ACCEPT_LANGUAGE).unwrap_or_default()));
        for source in [view, &words] {
            self.walk(source, &mut named, &mut |chunk| links.push_str(&chunk.links()));
        }
        if let Some(address) = data {
            links.push_str(&format!("    <link rel=\"preload\" as=\"fetch\" crossorigin href=\"{address}\">\n"));
        }
        html.replacen("  </head>", &format!("{links}  </head>"), 1)
    }

    /// The first that the reader wants and the page speaks (`i18n/index.ts` picks the same way); English otherwise.
    fn language<'a>(&self, accepted: &'a str) -> &'a str {
        let spoken = |language: &&str| self.0.contains_key(&format!("{LANGUAGES}{language}.ts"));
        let wanted = accepted.split(',').take(MOST_LANGUAGES);
        wanted.filter_map(|one| one.trim().split(['-', ';']).next()).find(spoken).unwrap_or("en")
    }

    /// Each file that `source` needs, once.
    fn walk<'a>(&'a self, source: &'a str, named: &mut Vec<&'a str>, act: &mut impl FnMut(&Chunk)) {
        let Some((source, chunk)) = self.0.get_key_value(source) else { return };
        if named.contains(&source.as_str()) {
            return;
        }
        named.push(source);
        act(chunk);
        for import in &chunk.imports {
            self.walk(import, named, act);
        }
    }
}

impl Chunk {
    fn links(&self) -> String {
        let script = format!("    <link rel=\"modulepreload\" crossorigin href=\"/{}\">\n", self.file);
        let style = |file: &String| format!("    <link rel=\"stylesheet\" crossorigin href=\"/{file}\">\n");
        self.css.iter().map(style).fold(script, |links, link| links + &link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{
        "index.html": { "file": "assets/index.js", "css": ["assets/index.css"], "isEntry": true },
        "_shared.js": { "file": "assets/shared.js", "imports": ["index.html", "src/view/RoomPage.svelte"] },
        "src/view/RoomPage.svelte": { "file": "assets/room.js", "imports": ["index.html", "_shared.js"], "css": ["assets/room.css"] },
        "src/i18n/de.ts": { "file": "assets/de.js" },
        "src/i18n/en.ts": { "file": "assets/en.js" }
    }"#;

    fn page(view: &str, language: &str, data: Option<&str>) -> String {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_LANGUAGE, language.parse().unwrap());
        Manifest::read(JSON.as_bytes()).page("<head>\n  </head>", view, &headers, data)
    }

    #[test]
    fn what_a_page_needs_is_named_once() {
        let room = page(ROOM, "it, de-AT;q=0.9, en", Some("/api/v1/rooms/abc"));
        for file in ["room.js", "room.css", "shared.js", "de.js", "/api/v1/rooms/abc"] {
            assert_eq!(room.matches(file).count(), 1, "{file}: {room}");
        }
        // The page's own head names these.
        assert!(!room.contains("index.") && !room.contains("en.js"), "{room}");
        assert!(room.ends_with("  </head>"));
    }

    #[test]
    fn a_language_that_nobody_speaks_and_a_view_that_is_not_there_name_nothing_wrong() {
        for language in ["", "xx", "../index.html", ",;-,", "constructor"] {
            let links = page("src/view/Other.svelte", language, None);
            assert_eq!(
                links, "<head>\n    <link rel=\"modulepreload\" crossorigin href=\"/assets/en.js\">\n  </head>",
                "{language}"
            );
        }
        let without = Manifest::read(b"no manifest").page("<head>\n  </head>", ROOM, &HeaderMap::new(), None);
        assert_eq!(without, "<head>\n  </head>");
    }
}
