//! The mix as RTP for viewers: one packetiser per encoding, its packets published to the forwarder like a person's.

use std::sync::Arc;

use gst_app::{AppSink, AppSinkCallbacks};

use crate::domain::media::{Feed, Rendition};
use crate::media::encoder::Encoding;
use crate::media::link::{Rules, Stream, Tap, inlet};
use crate::media::links::Links;
use crate::media::pipeline::{BusEvent, Pipeline, Time};
use crate::media::problem::Problem;
use crate::media::window::Window;
use crate::rtp::description::CodecName;
use crate::rtp::sink::local_payload_type;

/// Encoded media that may wait for the packetiser.
const MOST_WAITING: gst::ClockTime = gst::ClockTime::from_seconds(1);

/// A running packetiser.
pub(crate) struct Viewer {
    _tap: Tap,
    _pipeline: Pipeline,
}

/// What carries this encoding to viewers, if it is for them.
pub(crate) fn feed(encoding: Encoding) -> Option<Feed> {
    match encoding {
        Encoding::Main => Some(Feed::MixPicture(Rendition::Main)),
        Encoding::Low => Some(Feed::MixPicture(Rendition::Low)),
        Encoding::Opus => Some(Feed::MixSound),
        Encoding::Aac => None,
    }
}

impl Viewer {
    /// Starts publishing the encoded stream.
    pub(crate) fn start(
        encoding: Encoding,
        stream: &Stream,
        links: Arc<dyn Links>,
        time: &Time,
        tell: impl Fn(BusEvent) + Send + Sync + 'static,
    ) -> Result<Self, Problem> {
        let feed = feed(encoding).ok_or_else(|| Problem::new("no viewer takes AAC"))?;
        let (payloader, codec) = match encoding {
            Encoding::Main => {
                ("h264parse ! rtph264pay config-interval=-1 aggregate-mode=zero-latency", CodecName::H264)
            }
            Encoding::Low => ("rtpvp8pay picture-id-mode=2", CodecName::Vp8),
            Encoding::Opus | Encoding::Aac => ("rtpopuspay", CodecName::Opus),
        };
        let launch = format!(
            "appsrc name=encoded is-live=true ! {payloader} name=payloader timestamp-offset=0 mtu=1200 pt={} ! \
             appsink name=packets sync=false async=false enable-last-sample=false",
            local_payload_type(codec)
        );
        let pipeline = Pipeline::parse(&launch, time, tell)?;
        publish(&pipeline.named("packets")?, feed, links, time.clone());
        let source = inlet(&pipeline, "encoded")?;
        pipeline.play()?;
        let rules = Rules { window: Window::whole(), leads: false, keyed: encoding.is_picture(), most: MOST_WAITING };
        let tap = stream.tap(&source, rules);
        if encoding.is_picture() {
            stream.request_key_frame();
        }
        Ok(Self { _tap: tap, _pipeline: pipeline })
    }
}

fn publish(packets: &AppSink, feed: Feed, links: Arc<dyn Links>, time: Time) {
    packets.set_callbacks(
        AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                if let Some((buffer, pts)) = sample.buffer().and_then(|buffer| Some((buffer, buffer.pts()?)))
                    && let Ok(packet) = buffer.map_readable()
                {
                    links.publish(feed, &packet, time.instant(pts));
                }
                Ok(gst::FlowSuccess::Ok)
            })
            .build(),
    );
}
