//! What this machine lacks to make a room work: elements by name with their Debian package, and every template run for
//! a second on test media.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::encoder::Encoding;
use super::pipeline::{BusEvent, Pipeline, Time};
use super::problem::Problem;
use super::template::{Templates, exists};

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Whether it is as it must be.
    pub ok: bool,
    /// What was looked at.
    pub what: String,
    /// The Debian package that has it, when it is missing.
    pub package: Option<&'static str>,
    /// What is wrong and what to do; empty when nothing is.
    pub help: String,
}

impl Finding {
    /// As it must be.
    pub fn good(what: &str) -> Self {
        Self { ok: true, what: what.to_owned(), package: None, help: String::new() }
    }

    /// Not as it must be, and the way out.
    pub fn bad(what: &str, package: Option<&'static str>, help: &str) -> Self {
        Self { ok: false, what: what.to_owned(), package, help: help.to_owned() }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", if self.ok { "ok     " } else { "MISSING" }, self.what)?;
        if let Some(package) = self.package {
            write!(f, " (apt install {package})")?;
        }
        if self.help.is_empty() { Ok(()) } else { write!(f, ": {}", self.help) }
    }
}

/// Elements that rooms need, by the Debian package that has them.
const NEEDED: [(&str, &[&str]); 7] = [
    ("libgstreamer1.0-0", &["capsfilter", "filesink", "identity", "queue"]),
    ("gstreamer1.0-nice", &["nicesrc", "nicesink"]),
    (
        "gstreamer1.0-plugins-base",
        &[
            "appsink",
            "appsrc",
            "audioconvert",
            "audioresample",
            "audiotestsrc",
            "opusdec",
            "opusenc",
            "videoconvert",
            "videorate",
            "videoscale",
            "videotestsrc",
        ],
    ),
    (
        "gstreamer1.0-plugins-good",
        &[
            "aacparse",
            "flvmux",
            "jpegenc",
            "matroskamux",
            "mp4mux",
            "rtpbin",
            "rtph264depay",
            "rtph264pay",
            "rtpjitterbuffer",
            "rtpopusdepay",
            "rtpopuspay",
            "rtpvp8depay",
            "rtpvp8pay",
            "splitmuxsink",
            "vp8dec",
            "vp8enc",
            "webmmux",
        ],
    ),
    (
        "gstreamer1.0-plugins-bad",
        &[
            "dtlsdec",
            "dtlsenc",
            "dtlssrtpdec",
            "dtlssrtpenc",
            "h264parse",
            "mpegtsmux",
            "rsvgdec",
            "rtmp2sink",
            "srtsink",
            "srtpdec",
            "srtpenc",
            "webrtcbin",
        ],
    ),
    ("gstreamer1.0-plugins-ugly", &["x264enc"]),
    ("gstreamer1.0-libav", &["avdec_h264", "avenc_aac"]),
];

/// Elements of the list that another can stand in for: the templates decide, so missing they are told but not a fault.
const REPLACEABLE: [&str; 2] = ["x264enc", "avenc_aac"];

/// A template's test.
const RUN: Duration = Duration::from_secs(1);
/// Longer is a failure, also on a busy machine.
const LIMIT: Duration = Duration::from_secs(15);

/// Looks at everything. Takes about ten seconds.
pub fn check(templates: &Templates) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for (package, elements) in NEEDED {
        for element in elements {
            let ok = exists(element) || (REPLACEABLE.contains(element) && stood_in_for(templates, element));
            let package = (!ok).then_some(package);
            findings.push(Finding { ok, what: format!("GStreamer element {element}"), package, help: String::new() });
        }
    }
    for encoding in Encoding::ALL {
        let name = &encoding.template(templates).encoder;
        findings.push(tried(format!("encoders/{name}.toml for {encoding:?}"), try_encoder(encoding, templates, false)));
        if encoding == Encoding::Main && templates.choose(name).is_ok_and(|choice| choice.cheaper.is_some()) {
            findings.push(tried(format!("encoders/{name}.toml: cheaper"), try_encoder(encoding, templates, true)));
        }
    }
    findings.push(tried("mixer.toml: tile.convert".into(), try_tile(templates)));
    for (codec, launch) in decoders(templates) {
        findings.push(tried(format!("mixer.toml: decoders.{codec}"), run(&launch)));
    }
    for name in templates.outputs.keys() {
        findings.push(tried(format!("outputs/{name}.toml"), try_output(name, templates)));
    }
    findings
}

fn tried(what: String, result: Result<(), Problem>) -> Finding {
    let help = result.as_ref().err().map(Problem::to_string).unwrap_or_default();
    Finding { ok: result.is_ok(), what, package: None, help }
}

fn stood_in_for(templates: &Templates, element: &str) -> bool {
    let used = |name: &&String| {
        templates.encoders[*name].choice.iter().any(|choice| choice.requires.iter().any(|needed| needed == element))
    };
    templates.encoders.keys().filter(used).all(|name| templates.choose(name).is_ok())
}

/// Test media in the raw formats of the mix.
fn raw(encoding_is_picture: bool, templates: &Templates) -> String {
    let canvas = templates.mixer.canvas;
    if encoding_is_picture {
        let (width, height, rate) = (canvas.width, canvas.height, canvas.framerate);
        format!(
            "videotestsrc num-buffers={rate} ! video/x-raw,format=I420,width={width},height={height},framerate={rate}/1"
        )
    } else {
        "audiotestsrc num-buffers=50 samplesperbuffer=960 ! \
         audio/x-raw,format=F32LE,layout=interleaved,rate=48000,channels=2"
            .to_owned()
    }
}

/// Test media encoded as this machine does, or as it does when it is too busy.
fn encoded(encoding: Encoding, templates: &Templates, cheaper: bool) -> Result<String, Problem> {
    let template = encoding.template(templates);
    let choice = templates.choose(&template.encoder)?;
    let launch = choice.cheaper.as_ref().filter(|_| cheaper).unwrap_or(&choice.launch);
    Ok(format!("{} ! {} ! {launch}", raw(encoding.is_picture(), templates), template.convert))
}

fn try_encoder(encoding: Encoding, templates: &Templates, cheaper: bool) -> Result<(), Problem> {
    let choice = templates.choose(&encoding.template(templates).encoder)?;
    let pipeline = launched(&format!("{} ! fakesink", encoded(encoding, templates, cheaper)?))?;
    let property = &choice.bitrate.property;
    let encoder = pipeline.by_name("encoder").ok_or_else(|| Problem::new("has no element named 'encoder'"))?;
    if encoder.find_property(property).is_none() {
        return Err(Problem::new(format!("'encoder' has no property '{property}'")).within(&choice.name));
    }
    to_the_end(&pipeline).map_err(|problem| problem.within(&choice.name))
}

/// Live and endless: what counts is that something comes out.
fn try_tile(templates: &Templates) -> Result<(), Problem> {
    let convert = &templates.mixer.tile.convert;
    let text = format!("videotestsrc is-live=true ! {convert} ! video/x-raw,format=I420 ! fakesink name=done");
    let pipeline = launched(&text)?;
    let done = pipeline.by_name("done").ok_or_else(|| Problem::new("no end"))?;
    let started = pipeline.set_state(gst::State::Playing).map_err(|_| Problem::new("does not start"));
    let result = started.and_then(|_| until_something_comes(&pipeline, &done));
    let _ = pipeline.set_state(gst::State::Null);
    result
}

fn until_something_comes(pipeline: &gst::Pipeline, end: &gst::Element) -> Result<(), Problem> {
    let (came, wait) = std::sync::mpsc::channel();
    if let Some(pad) = end.static_pad("sink") {
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            let _ = came.send(());
            gst::PadProbeReturn::Remove
        });
    }
    wait.recv_timeout(LIMIT).map_err(|_| error_of(pipeline).unwrap_or_else(|| Problem::new("nothing comes out")))
}

fn error_of(pipeline: &gst::Pipeline) -> Option<Problem> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    match message.view() {
        gst::MessageView::Error(error) => Some(Problem::new(error.error().message())),
        _ => None,
    }
}

fn decoders(templates: &Templates) -> Vec<(&'static str, String)> {
    let decoders = &templates.mixer.decoders;
    let camera = "videotestsrc num-buffers=30 ! video/x-raw,format=I420,width=320,height=180,framerate=30/1";
    let mut all = vec![
        ("vp8", format!("{camera} ! vp8enc deadline=1 ! rtpvp8pay pt=96 ! {} ! fakesink", decoders.vp8)),
        (
            "opus",
            format!("audiotestsrc num-buffers=50 ! audioconvert ! opusenc ! rtpopuspay ! {} ! fakesink", decoders.opus),
        ),
    ];
    if let Ok(choice) = templates.choose("h264") {
        let launch = &choice.launch;
        all.push(("h264", format!("{camera} ! {launch} ! h264parse ! rtph264pay ! {} ! fakesink", decoders.h264)));
    }
    all
}

fn run(launch: &str) -> Result<(), Problem> {
    to_the_end(&launched(launch)?)
}

fn launched(launch: &str) -> Result<gst::Pipeline, Problem> {
    let element = gst::parse::launch(launch).map_err(|error| Problem::new(error.message()))?;
    element.downcast().map_err(|_| Problem::new("is not a whole pipeline"))
}

/// Runs test media through, to its end.
fn to_the_end(pipeline: &gst::Pipeline) -> Result<(), Problem> {
    let started = pipeline.set_state(gst::State::Playing).map_err(|_| Problem::new("does not start"));
    let result = started.and_then(|_| {
        let bus = pipeline.bus().ok_or_else(|| Problem::new("no bus"))?;
        let limit = gst::ClockTime::try_from(LIMIT).ok();
        match bus.timed_pop_filtered(limit, &[gst::MessageType::Eos, gst::MessageType::Error]) {
            None => Err(Problem::new("does not come to its end")),
            Some(message) => match message.view() {
                gst::MessageView::Error(error) => Err(Problem::new(error.error().message())),
                _ => Ok(()),
            },
        }
    });
    let _ = pipeline.set_state(gst::State::Null);
    result
}

/// An output with a second of encoded media. What goes to a server is only built: there is none to send it to.
fn try_output(name: &str, templates: &Templates) -> Result<(), Problem> {
    let launch = templates.output(name)?;
    let time = Time::start();
    let (tell, heard) = std::sync::mpsc::channel();
    let output = Pipeline::parse(launch, &time, move |event| drop(tell.send(event)))?;
    let sink: gst::Element = output.named("sink")?;
    let ins = [super::link::inlet(&output, "video")?, super::link::inlet(&output, "audio")?];
    // Two checks of one process may run side by side.
    static RUNS: AtomicU64 = AtomicU64::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("veranda-check-{}-{run}-{name}", std::process::id()));
    match name {
        "mp4" => sink.set_property_from_str("location", &folder.with_extension("mp4").to_string_lossy()),
        "hls" => {
            std::fs::create_dir_all(&folder).map_err(|error| Problem::new(error.to_string()))?;
            sink.set_property_from_str("location", &folder.join("%05d.ts").to_string_lossy());
        }
        _ => return Ok(()),
    }
    output.play()?;
    let fed = feed(&ins, templates);
    let ended = fed.and_then(|()| {
        loop {
            match heard.recv_timeout(LIMIT) {
                Ok(BusEvent::Eos) => return Ok(()),
                Ok(BusEvent::Part { .. }) => {}
                Ok(BusEvent::Error { text, .. }) => return Err(Problem::new(text)),
                Err(_) => return Err(Problem::new("does not come to its end")),
            }
        }
    });
    drop(output);
    let _ = std::fs::remove_file(folder.with_extension("mp4"));
    let _ = std::fs::remove_dir_all(&folder);
    ended
}

/// Encodes a second of test media into the appsrcs.
fn feed(ins: &[gst_app::AppSrc; 2], templates: &Templates) -> Result<(), Problem> {
    for (appsrc, encoding) in ins.iter().zip([Encoding::Main, Encoding::Aac]) {
        let launch = format!("{} ! appsink name=out sync=false", encoded(encoding, templates, false)?);
        let pipeline = launched(&launch)?;
        let out = pipeline.by_name("out").and_then(|out| out.downcast::<gst_app::AppSink>().ok());
        let out = out.ok_or_else(|| Problem::new("no end"))?;
        pipeline.set_state(gst::State::Playing).map_err(|_| Problem::new("does not start"))?;
        let end = Instant::now() + LIMIT;
        while let Some(sample) = out.try_pull_sample(gst::ClockTime::try_from(RUN * 5).ok()) {
            if Instant::now() > end || appsrc.push_sample(&rebased(&sample)).is_err() {
                break;
            }
        }
        let _ = pipeline.set_state(gst::State::Null);
        let _ = appsrc.end_of_stream();
    }
    Ok(())
}

/// With times from zero: x264enc shifts its own by 1000 h.
fn rebased(sample: &gst::Sample) -> gst::Sample {
    let segment = sample.segment().and_then(|segment| segment.downcast_ref::<gst::ClockTime>().cloned());
    let buffer = sample.buffer_owned().map(|mut buffer| {
        let running = segment.and_then(|segment| segment.to_running_time(buffer.pts()?));
        let writable = buffer.make_mut();
        writable.set_pts(running);
        writable.set_dts(running);
        buffer
    });
    let mut rebased = gst::Sample::builder();
    if let Some(buffer) = &buffer {
        rebased = rebased.buffer(buffer);
    }
    let caps = sample.caps_owned();
    if let Some(caps) = &caps {
        rebased = rebased.caps(caps);
    }
    rebased.build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_everything() {
        gst::init().unwrap();
        let findings = check(&Templates::load(None).unwrap());
        let faults: Vec<&Finding> = findings.iter().filter(|finding| !finding.ok).collect();
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(findings.len() > 40);
    }

    #[test]
    fn a_broken_template_is_found_by_its_name() {
        gst::init().unwrap();
        let mut templates = Templates::load(None).unwrap();
        templates.encoders.get_mut("opus").unwrap().choice[0].launch = "opusenc name=encoder no-such=1".into();
        templates.mixer.decoders.vp8 = "rtpvp8depay ! nosuchdec".into();
        let faults: Vec<String> =
            check(&templates).into_iter().filter(|finding| !finding.ok).map(|finding| finding.what).collect();
        assert_eq!(faults, ["encoders/opus.toml for Opus", "mixer.toml: decoders.vp8"]);
    }
}
