//! The folder `pipelines/`: encoders, mixer and outputs as data, in GStreamer's launch syntax. The defaults are in the
//! program; an operator's folder replaces them file by file. The first choice of an encoder whose elements exist wins.

mod brand;

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Everything in `pipelines/`.
#[derive(Debug, Clone)]
pub struct Templates {
    pub(crate) mixer: MixerTemplate,
    pub(crate) encoders: BTreeMap<String, Encoder>,
    pub(crate) outputs: BTreeMap<String, Output>,
}

/// `mixer.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MixerTemplate {
    pub(crate) canvas: Canvas,
    #[serde(default)]
    pub(crate) brand: Brand,
    pub(crate) decoders: Decoders,
    pub(crate) tile: TileChain,
    pub(crate) renditions: Renditions,
    #[serde(default)]
    pub(crate) busy: Busy,
}

/// When a machine that is too busy is given less to do, and more again. Seconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Busy {
    /// Of strain, before a step down.
    pub(crate) down: f64,
    /// Of calm, before a step up.
    pub(crate) up: f64,
}

impl Default for Busy {
    fn default() -> Self {
        Self { down: 1.5, up: 15.0 }
    }
}

/// The size and rate of the composed picture.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Canvas {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) framerate: u32,
}

/// What the operator's own pictures look like.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Brand {
    /// Behind the tiles: `#rrggbb`.
    pub(crate) background: String,
    /// A PNG, JPEG or SVG file in the folder of `mixer.toml`, drawn in the top right corner.
    pub(crate) logo: Option<String>,
    /// Its content, as an address that an SVG can hold.
    #[serde(skip)]
    pub(crate) logo_data: Option<String>,
}

impl Default for Brand {
    fn default() -> Self {
        Self { background: "#15171d".into(), logo: None, logo_data: None }
    }
}

/// From ordered RTP to raw media, per codec.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decoders {
    pub(crate) vp8: String,
    pub(crate) h264: String,
    pub(crate) opus: String,
}

/// What is done to a decoded picture before it is drawn.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TileChain {
    pub(crate) convert: String,
}

/// The encodings of the mix.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Renditions {
    pub(crate) main: RenditionTemplate,
    pub(crate) low: RenditionTemplate,
    pub(crate) aac: RenditionTemplate,
    pub(crate) opus: RenditionTemplate,
}

/// One encoding.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RenditionTemplate {
    /// The file in `encoders/`, without its ending.
    pub(crate) encoder: String,
    /// bit/s. Without one, of `main` alone, it follows from size and rate.
    pub(crate) bitrate: Option<u32>,
    pub(crate) convert: String,
}

/// A file of `encoders/`: choices, best first.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Encoder {
    pub(crate) choice: Vec<Choice>,
}

/// One way to encode.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Choice {
    pub(crate) name: String,
    pub(crate) requires: Vec<String>,
    pub(crate) launch: String,
    /// The same for a machine that is too busy.
    pub(crate) cheaper: Option<String>,
    pub(crate) bitrate: Bitrate,
    /// Its frames are put into temporal layers: see [`super::encoder::temporal`]. For vp8enc alone.
    #[serde(default)]
    pub(crate) temporal: bool,
    /// Samples at 48 kHz by which what comes out is later than its times say.
    #[serde(default)]
    pub(crate) delay: u32,
}

/// How the element named `encoder` wants its bitrate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bitrate {
    pub(crate) property: String,
    pub(crate) unit: Unit,
}

/// Encoders disagree on the unit.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) enum Unit {
    #[serde(rename = "bit/s")]
    Bit,
    #[serde(rename = "kbit/s")]
    Kilobit,
}

impl Unit {
    /// From bit/s.
    pub(crate) fn of(self, bits: u32) -> u32 {
        match self {
            Unit::Bit => bits,
            Unit::Kilobit => bits / 1000,
        }
    }
}

/// A file of `outputs/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Output {
    pub(crate) requires: Vec<String>,
    pub(crate) launch: String,
}

const MIXER: &str = include_str!("../../pipelines/mixer.toml");
const ENCODERS: [(&str, &str); 4] = [
    ("h264", include_str!("../../pipelines/encoders/h264.toml")),
    ("vp8", include_str!("../../pipelines/encoders/vp8.toml")),
    ("aac", include_str!("../../pipelines/encoders/aac.toml")),
    ("opus", include_str!("../../pipelines/encoders/opus.toml")),
];
const OUTPUTS: [(&str, &str); 4] = [
    ("mp4", include_str!("../../pipelines/outputs/mp4.toml")),
    ("rtmp", include_str!("../../pipelines/outputs/rtmp.toml")),
    ("srt", include_str!("../../pipelines/outputs/srt.toml")),
    ("hls", include_str!("../../pipelines/outputs/hls.toml")),
];

impl Templates {
    /// Reads the folder; files that it doesn't have are the program's own. The error is one line with file and key.
    pub fn load(folder: Option<&Path>) -> Result<Self, Problem> {
        let files = |place: &str, list: &[(&'static str, &'static str)]| -> Vec<(String, String, &'static str)> {
            list.iter().map(|(name, text)| ((*name).to_owned(), format!("{place}/{name}.toml"), *text)).collect()
        };
        let mut encoders = BTreeMap::new();
        for (name, file, text) in files("encoders", &ENCODERS) {
            encoders.insert(name, read::<Encoder>(folder, &file, text)?);
        }
        let mut outputs = BTreeMap::new();
        for (name, file, text) in files("outputs", &OUTPUTS) {
            outputs.insert(name, read::<Output>(folder, &file, text)?);
        }
        let mut mixer: MixerTemplate = read(folder, "mixer.toml", MIXER)?;
        if let Some(logo) = &mixer.brand.logo {
            mixer.brand.logo_data = Some(brand::logo(folder, logo)?);
        }
        let templates = Self { mixer, encoders, outputs };
        templates.verify()?;
        Ok(templates)
    }

    /// What types alone can't say.
    fn verify(&self) -> Result<(), Problem> {
        let canvas = self.mixer.canvas;
        let sized = |n: u32| (16..=4096).contains(&n) && n.is_multiple_of(2);
        if !sized(canvas.width) || !sized(canvas.height) || !(1..=60).contains(&canvas.framerate) {
            return Err(Problem::new("mixer.toml: [canvas]: even width and height up to 4096, framerate 1 to 60"));
        }
        let Busy { down, up } = self.mixer.busy;
        if !(0.1..=60.0).contains(&down) || !(0.5..=3600.0).contains(&up) {
            return Err(Problem::new("mixer.toml: [busy]: down 0.1 to 60, up 0.5 to 3600 seconds"));
        }
        brand::check_colour(&self.mixer.brand.background)?;
        let renditions = &self.mixer.renditions;
        for (key, rendition) in
            [("main", &renditions.main), ("low", &renditions.low), ("aac", &renditions.aac), ("opus", &renditions.opus)]
        {
            if rendition.bitrate.is_none() && key != "main" {
                return Err(Problem::new(format!("mixer.toml: renditions.{key}.bitrate is missing")));
            }
            if !self.encoders.contains_key(&rendition.encoder) {
                let encoder = &rendition.encoder;
                return Err(Problem::new(format!(
                    "mixer.toml: renditions.{key}.encoder: no file encoders/{encoder}.toml"
                )));
            }
        }
        Ok(())
    }

    /// What the mix is drawn on where nobody asks for anything else.
    pub fn canvas(&self) -> crate::domain::canvas::Canvas {
        let Canvas { width, height, framerate } = self.mixer.canvas;
        crate::domain::canvas::Canvas { width, height, fps: framerate, bitrate: None }
    }

    /// The first choice of an encoder that this machine can run.
    pub(crate) fn choose(&self, encoder: &str) -> Result<&Choice, Problem> {
        let file = format!("encoders/{encoder}.toml");
        let choices = &self.encoders.get(encoder).ok_or_else(|| Problem::new("no such file").within(&file))?.choice;
        let missing = |choice: &&Choice| choice.requires.iter().find(|element| !exists(element)).cloned();
        choices.iter().find(|choice| missing(choice).is_none()).ok_or_else(|| {
            let needs = |choice: &Choice| Some(format!("{} needs {}", choice.name, missing(&choice)?));
            let all: Vec<String> = choices.iter().filter_map(needs).collect();
            Problem::new(format!("no choice has all its elements on this machine: {}", all.join(", "))).within(&file)
        })
    }

    /// The launch text of an output.
    pub(crate) fn output(&self, name: &str) -> Result<&str, Problem> {
        let file = format!("outputs/{name}.toml");
        let output = self.outputs.get(name).ok_or_else(|| Problem::new("no such file").within(&file))?;
        match output.requires.iter().find(|element| !exists(element)) {
            None => Ok(&output.launch),
            Some(missing) => Err(Problem::new(format!("element '{missing}' is not installed")).within(&file)),
        }
    }
}

/// Whether GStreamer has an element of this name here.
pub(crate) fn exists(element: &str) -> bool {
    gst::ElementFactory::find(element).is_some()
}

fn read<T: DeserializeOwned>(folder: Option<&Path>, file: &str, default: &str) -> Result<T, Problem> {
    let own = match folder.map(|folder| std::fs::read_to_string(folder.join(file))) {
        None => None,
        Some(Ok(text)) => Some(text),
        Some(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => None,
        Some(Err(error)) => return Err(Problem::new(error.to_string()).within(file)),
    };
    let text = own.as_deref().unwrap_or(default);
    toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start].lines().count().max(1));
        // toml's own text runs over several lines with a drawing; the line and its key say the same in one.
        let key = line.and_then(|n| text.lines().nth(n - 1)).map(str::trim).unwrap_or_default();
        let message = error.message().lines().next().unwrap_or_default().to_owned();
        Problem::new(format!("{message} (line {}: {key})", line.unwrap_or(1))).within(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_programs_own_templates_are_read() {
        let templates = Templates::load(None).expect("embedded");
        assert_eq!(templates.mixer.canvas.width, 1280);
        assert_eq!(templates.encoders["h264"].choice[0].name, "x264");
    }

    #[test]
    fn a_mistake_is_told_in_one_line_with_file_and_key() {
        let folder = tempfile::tempdir().unwrap();
        let told = |file: &str, text: &str| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text).unwrap();
            let told = Templates::load(Some(folder.path())).unwrap_err().to_string();
            std::fs::remove_file(path).unwrap();
            assert_eq!(told.lines().count(), 1, "{told}");
            told
        };
        let bad_unit = "[[choice]]\nname='x'\nrequires=[]\nlaunch='x'\nbitrate={property='b',unit='baud'}";
        let bad = told("encoders/h264.toml", bad_unit);
        assert!(bad.starts_with("encoders/h264.toml") && bad.contains("bitrate"), "{bad}");
        let bad = told("outputs/mp4.toml", "requires = []\nlunch = 'x'");
        assert!(bad.starts_with("outputs/mp4.toml") && bad.contains("lunch"), "{bad}");
        let bad = told("mixer.toml", &MIXER.replace("width = 1280", "width = 1281"));
        assert!(bad.contains("canvas"), "{bad}");
        assert!(Templates::load(Some(folder.path())).is_ok());
    }
}
