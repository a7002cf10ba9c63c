//! What must stay true of the source as a whole, and what no compiler checks: who may import whom (the table in
//! `docs/architecture.md` is the rule itself), where `unsafe` may stand, how long a file may be, that modules say what
//! they are for, and that the protocol's page names every message.
//!
//! The source is read as text: comments, strings and test modules are taken out first, then paths are looked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Lines without tests: above the first a file is mentioned, above the second the test fails.
const LONG_FILE: usize = 400;
const TOO_LONG_FILE: usize = 600;

/// The one file that may say `unsafe`: the three classes of webrtcbin's ICE, which GStreamer has only in C.
const UNSAFE_FILE: &str = "src/transport/ice/ffi.rs";

/// Parts without a logic of their own, which join the others.
const JOINERS: [&str; 4] = ["main", "lib", "app", "preflight"];

// ---- the rules --------------------------------------------------------------------------------------------------------

#[test]
fn parts_import_only_what_the_table_allows() {
    let table = import_table();
    let crates = dependencies();
    let mut broken = Vec::new();
    for file in sources("src") {
        let part = part_of(&file);
        if JOINERS.contains(&part.as_str()) {
            continue;
        }
        let Some(row) = table.get(&part) else {
            broken.push(format!("{}: `{part}` has no row in docs/architecture.md", file.display()));
            continue;
        };
        let code = production_code(&read(&file));
        for path in inner_paths(&code, module_depth(&file)) {
            let allowed = path.starts_with(&format!("{part}::")) || path == part || row.allows(&path, &file);
            if !allowed {
                broken.push(format!("{} imports crate::{path}", file.display()));
            }
        }
        for name in outer_crates(&code, &crates) {
            if !row.allows(&name, &file) {
                broken.push(format!("{} uses the crate {name}", file.display()));
            }
        }
    }
    broken.dedup();
    assert!(broken.is_empty(), "against the table in docs/architecture.md:\n{}", broken.join("\n"));
}

#[test]
fn unsafe_stands_in_one_file() {
    let found: Vec<_> = sources("src")
        .into_iter()
        .filter(|file| file != Path::new(UNSAFE_FILE))
        .filter(|file| words(&production_code(&read(file))).any(|word| word == "unsafe"))
        .collect();
    assert!(found.is_empty(), "`unsafe` outside {UNSAFE_FILE}: {found:?}");
}

#[test]
fn every_module_says_what_it_is_for() {
    let silent: Vec<_> =
        sources("src").into_iter().chain(sources("tests")).filter(|file| !read(file).starts_with("//!")).collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn no_file_has_become_two_things() {
    let mut too_long = Vec::new();
    for file in sources("src").into_iter().chain(sources("tests")) {
        let lines = without_tests(&read(&file)).lines().count();
        if lines > TOO_LONG_FILE {
            too_long.push(format!("{} has {lines} lines", file.display()));
        } else if lines > LONG_FILE {
            println!("{} has {lines} lines: the budget is {LONG_FILE}", file.display());
        }
    }
    assert!(too_long.is_empty(), "over {TOO_LONG_FILE} lines without tests:\n{}", too_long.join("\n"));
}

#[test]
fn the_protocol_page_names_every_message() {
    let page = read(Path::new("docs/protocol.md"));
    let mut unnamed = Vec::new();
    for (file, name) in [("src/protocol/client.rs", "ClientMessage"), ("src/protocol/server.rs", "ServerMessage")] {
        let messages = variants(&read(Path::new(file)), name);
        assert!(messages.len() > 5, "{file} was read wrongly: {messages:?}");
        unnamed.extend(messages.into_iter().filter(|message| !page.contains(&format!("`{message}`"))));
    }
    assert!(unnamed.is_empty(), "docs/protocol.md does not name {unnamed:?}");
}

#[test]
fn the_reader_of_paths_sees_through_groups_and_comments() {
    let code = production_code(
        "//! crate::a\nuse crate::{rtp::{sink, description::Codec}, domain};\n/* gst:: */ let _ = \"axum::\";\n\
         fn f() { super::super::http::x(); tokio::spawn(g); }\n#[cfg(test)]\nmod tests { use crate::media::x; }",
    );
    let crates = ["tokio", "axum", "gst"].map(String::from);
    assert_eq!(inner_paths(&code, 2), ["domain", "http::x", "rtp::description::Codec", "rtp::sink"]);
    assert_eq!(outer_crates(&code, &crates), ["tokio"]);
}

// ---- the table --------------------------------------------------------------------------------------------------------

/// What one part may import. An entry `serde (words.rs)` holds for that file alone.
struct Row(Vec<(String, Option<String>)>);

impl Row {
    fn allows(&self, path: &str, file: &Path) -> bool {
        self.0.iter().any(|(entry, only)| {
            let named = path == entry || path.starts_with(&format!("{entry}::"));
            named && only.as_ref().is_none_or(|name| file.ends_with(name))
        })
    }
}

/// The rows between the marks in `docs/architecture.md`: `| part | parts it may import | crates |`.
fn import_table() -> BTreeMap<String, Row> {
    let page = read(Path::new("docs/architecture.md"));
    let (_, table) = page.split_once("<!-- imports -->").expect("the table has its first mark");
    let (table, _) = table.split_once("<!-- /imports -->").expect("the table has its second mark");
    let rows: BTreeMap<_, _> = table
        .lines()
        .filter(|line| line.starts_with("| `"))
        .flat_map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
            let entries = cells[1..].iter().flat_map(|cell| cell.split(", ")).map(entry).collect::<Vec<_>>();
            let parts: Vec<_> = cells[0].split(", ").map(bare).collect();
            parts.into_iter().map(move |part| (part, Row(entries.clone())))
        })
        .collect();
    assert!(rows.len() > 5, "the table in docs/architecture.md was read wrongly");
    rows
}

fn entry(cell: &str) -> (String, Option<String>) {
    match cell.split_once(" (") {
        Some((name, file)) => (bare(name), Some(bare(file.trim_end_matches(')')))),
        None => (bare(cell), None),
    }
}

fn bare(cell: &str) -> String {
    cell.trim().trim_matches('`').to_owned()
}

/// The names under which `Cargo.toml` makes other crates known.
fn dependencies() -> Vec<String> {
    let manifest: toml::Table = read(Path::new("Cargo.toml")).parse().expect("Cargo.toml is TOML");
    ["dependencies", "dev-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(|table| table.keys().map(|name| name.replace('-', "_")))
        .collect()
}

// ---- reading source ---------------------------------------------------------------------------------------------------

fn read(path: &Path) -> String {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display())).expect("the file can be read")
}

/// Every Rust file under `folder` but test modules in files or folders of their own.
fn sources(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                folders.extend((!["node_modules", "tests"].contains(&name)).then_some(path));
            } else if name.ends_with(".rs") && !name.ends_with("_tests.rs") && !is_for_tests(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Whether the module above declares this one under `#[cfg(test)]`.
fn is_for_tests(file: &Path) -> bool {
    let (Some(folder), Some(name)) = (file.parent(), file.file_stem().and_then(|name| name.to_str())) else {
        return false;
    };
    let declared = format!("#[cfg(test)]\nmod {name};");
    [folder.join("mod.rs"), folder.join("lib.rs"), folder.with_extension("rs")]
        .iter()
        .any(|above| fs::read_to_string(above).is_ok_and(|text| text.contains(&declared)))
}

/// `src/rtp/packet.rs` -> `rtp`, `src/config.rs` -> `config`
fn part_of(file: &Path) -> String {
    let first = file.components().nth(1).expect("below src").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_owned()
}

/// How many `super::` lead from a file's module to the crate.
fn module_depth(file: &Path) -> usize {
    let below_src = file.components().count() - 1;
    if file.ends_with("mod.rs") { below_src - 1 } else { below_src }
}

/// The code without comments, strings, test modules and what stands in attributes for tests.
fn production_code(text: &str) -> String {
    without_tests(&blank(text))
}

/// The text without items under `#[cfg(test)]`, and without `#[cfg_attr(test, …)]`.
fn without_tests(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = ["#[cfg(test)]", "#[cfg_attr(test"].iter().filter_map(|mark| rest.find(mark)).min() {
        kept.push_str(&rest[..at]);
        let item = &rest[at..];
        let end = if item.starts_with("#[cfg_attr") { closing(item, '[', ']') } else { end_of_item(item) };
        rest = &item[end..];
    }
    kept + rest
}

/// Where the item behind an attribute ends: at its closing brace, or at a semicolon before any brace.
fn end_of_item(item: &str) -> usize {
    match item.find(['{', ';']) {
        Some(at) if item[at..].starts_with('{') => at + closing(&item[at..], '{', '}'),
        Some(at) => at + 1,
        None => item.len(),
    }
}

/// The length of `text` up to and with the bracket that closes its first.
fn closing(text: &str, open: char, close: char) -> usize {
    let mut depth = 0;
    for (at, letter) in text.char_indices() {
        if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
            if depth == 0 {
                return at + 1;
            }
        }
    }
    text.len()
}

/// The text with comments and the insides of string literals made blank; lines stay where they are.
fn blank(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        let skip = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |at| at + 2)
        } else if let Some(hashes) = raw_string(rest) {
            let end = format!("\"{}", "#".repeat(hashes));
            let start = hashes + 2;
            rest[start..].find(&end).map_or(rest.len(), |at| start + at + end.len())
        } else if letter == '"' {
            string_end(rest)
        } else if rest.starts_with("'\"'") || rest.starts_with("'{'") || rest.starts_with("'}'") {
            3
        } else {
            out.push(letter);
            rest = &rest[letter.len_utf8()..];
            continue;
        };
        out.extend(rest[..skip].chars().filter(|letter| *letter == '\n'));
        rest = &rest[skip..];
    }
    out
}

/// The number of `#` of a raw string that begins here.
fn raw_string(text: &str) -> Option<usize> {
    let behind = text.strip_prefix('r')?;
    let hashes = behind.len() - behind.trim_start_matches('#').len();
    behind[hashes..].starts_with('"').then_some(hashes)
}

fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|letter: char| !letter.is_alphanumeric() && letter != '_')
}

/// Every path that starts at the crate (by `crate::` or by enough `super::`), groups spelled out.
fn inner_paths(code: &str, depth: usize) -> Vec<String> {
    let to_root = "super::".repeat(depth);
    let mut found = Vec::new();
    for start in ["crate::", &to_root] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if !before.is_some_and(|letter| letter.is_alphanumeric() || matches!(letter, '_' | ':' | '$')) {
                spell_out(&code[at + start.len()..], "", &mut found);
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// One path or group of them; returns how much of `tree` it took.
fn spell_out(tree: &str, prefix: &str, found: &mut Vec<String>) -> usize {
    let trimmed = tree.trim_start();
    let indent = tree.len() - trimmed.len();
    if let Some(group) = trimmed.strip_prefix('{') {
        let mut at = 0;
        while at < group.len() {
            at += group[at..].len() - group[at..].trim_start_matches([',', ' ', '\n']).len();
            if group[at..].starts_with('}') {
                break;
            }
            at += spell_out(&group[at..], prefix, found).max(1);
        }
        return indent + at + 2;
    }
    let name: String = trimmed.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect();
    let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}::{name}") };
    let behind = &trimmed[name.len()..];
    if let Some(more) = behind.strip_prefix("::").filter(|more| !more.starts_with(['<', '*'])) {
        return indent + name.len() + 2 + spell_out(more, &path, found);
    }
    if !name.is_empty() && name != "self" {
        found.push(path);
    } else if name == "self" {
        found.push(prefix.to_owned());
    }
    indent + name.len()
}

/// Which of `crates` the code names at the start of a path.
fn outer_crates(code: &str, crates: &[String]) -> Vec<String> {
    let starts_path = |name: &str| {
        code.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = code[..at].trim_end_matches("::");
            let leading = before.len() < at;
            let letter = code[..at].chars().next_back();
            // `::name` is the crate as well; `a::name` is something of a.
            let inside = letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '_');
            let behind_path = leading && before.chars().next_back().is_some_and(|l| l.is_alphanumeric() || l == '_');
            !inside && !behind_path
        })
    };
    crates.iter().filter(|name| starts_path(name)).cloned().collect()
}

/// The variants of an enum as the wire spells them.
fn variants(text: &str, name: &str) -> Vec<String> {
    let code = production_code(text);
    let at = code.find(&format!("enum {name} ")).expect("the enum is there");
    let body = &code[at..at + closing(&code[at..], '{', '}')];
    let mut depth = 0;
    let mut found = Vec::new();
    for line in body.lines() {
        let line_name: String = line.trim().chars().take_while(|letter| letter.is_alphanumeric()).collect();
        if depth == 1 && line_name.starts_with(char::is_uppercase) {
            found.push(snake_case(&line_name));
        }
        depth += line.matches('{').count();
        depth -= line.matches('}').count();
    }
    found
}

fn snake_case(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
