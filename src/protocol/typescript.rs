//! The TypeScript twins of these types, in `web/src/protocol`. They are generated and committed: this test fails when
//! they differ from the Rust, and writes them anew with `VERANDA_UPDATE=1 cargo test typescript`.

use std::fs;
use std::path::{Path, PathBuf};

use ts_rs::{Config, TS};

use super::PROTOCOL_VERSION;
use super::client::ClientFrame;
use super::server::ServerMessage;

const FILES: [&str; 3] = ["words.ts", "client.ts", "server.ts"];

#[test]
fn the_generated_typescript_is_current() {
    let generated = tempfile::tempdir().unwrap();
    let config = Config::new().with_out_dir(generated.path());
    ClientFrame::export_all(&config).unwrap();
    ServerMessage::export_all(&config).unwrap();
    let committed = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("web/src/protocol");
    let update = std::env::var_os("VERANDA_UPDATE").is_some();
    for file in FILES {
        let text = with_version(file, fs::read_to_string(generated.path().join(file)).unwrap());
        if update {
            write(&committed.join(file), &text);
        }
        let present = fs::read_to_string(committed.join(file)).unwrap_or_default();
        assert_eq!(present, text, "web/src/protocol/{file}: run VERANDA_UPDATE=1 cargo test typescript");
    }
}

fn with_version(file: &str, mut text: String) -> String {
    if file == "client.ts" {
        text += &format!(
            "\n/**\n * The version of the protocol these types speak.\n */\nexport const PROTOCOL_VERSION = {PROTOCOL_VERSION};\n"
        );
    }
    text
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
