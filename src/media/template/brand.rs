//! The operator's colour and logo.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::media::problem::Problem;

/// A logo larger than this was not meant for a corner.
const LARGEST_LOGO: usize = 1 << 20;

/// Only `#rrggbb`: what is painted into YUV planes must be known in numbers.
pub(super) fn check_colour(text: &str) -> Result<(), Problem> {
    let is_colour =
        text.strip_prefix('#').is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|b| b.is_ascii_hexdigit()));
    is_colour
        .then_some(())
        .ok_or_else(|| Problem::new(format!("mixer.toml: brand.background: {text:?} is not like #15171d")))
}

/// The file as a `data:` address: the drawing library follows no others, and nothing is read later on.
pub(super) fn logo(folder: Option<&Path>, name: &str) -> Result<String, Problem> {
    let wrong = |what: &str| Problem::new(format!("mixer.toml: brand.logo: {name}: {what}"));
    let file = folder.ok_or_else(|| wrong("there is no folder of pipelines"))?.join(name);
    let kind = match file.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase).as_deref() {
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("svg") => "image/svg+xml",
        _ => return Err(wrong("must end in .png, .jpg or .svg")),
    };
    let content = std::fs::read(&file).map_err(|error| wrong(&error.to_string()))?;
    if content.len() > LARGEST_LOGO {
        return Err(wrong("is larger than 1 MiB"));
    }
    Ok(format!("data:{kind};base64,{}", STANDARD.encode(content)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logo_is_read_from_the_folder_or_refused() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.png"), [0x89, b'P']).unwrap();
        let told = |name: &str| logo(Some(folder.path()), name).map_err(|problem| problem.to_string());
        assert_eq!(told("a.png"), Ok("data:image/png;base64,iVA=".into()));
        for (name, part) in [("b.png", "b.png"), ("a.gif", "must end in"), ("a", "must end in")] {
            assert!(told(name).is_err_and(|text| text.contains(part) && text.contains("brand.logo")), "{name}");
        }
        assert!(logo(None, "a.png").is_err());
    }

    #[test]
    fn a_colour_is_six_digits() {
        assert!(check_colour("#0a0B0c").is_ok());
        for bad in ["", "#fff", "red", "#12345g", "#1234567"] {
            assert!(check_colour(bad).is_err(), "{bad}");
        }
    }
}
