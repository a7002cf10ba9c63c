//! The two elements between a peer's webrtcbin and the net thread: DTLS in, DTLS out. RTP never passes here.

use std::sync::{LazyLock, OnceLock};

use gst::glib;
use gst::prelude::*;
use gst::subclass::prelude::*;

use super::SendDtls;

/// First bytes of DTLS records (RFC 7983 section 7).
const DTLS: std::ops::RangeInclusive<u8> = 20..=63;

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct IceSource {
        started: OnceLock<()>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for IceSource {
        const NAME: &'static str = "VerandaIceSource";
        type Type = super::IceSource;
        type ParentType = gst::Element;
    }

    impl IceSource {
        fn pad(&self) -> Option<gst::Pad> {
            self.obj().static_pad("src")
        }

        pub(super) fn push(&self, record: &[u8]) {
            let Some(pad) = self.pad() else { return };
            self.started.get_or_init(|| {
                pad.push_event(gst::event::StreamStart::new("ice"));
                // webrtcbin filters for this name, whatever the records are.
                pad.push_event(gst::event::Caps::new(&gst::Caps::new_empty_simple("application/x-rtp")));
                pad.push_event(gst::event::Segment::new(&gst::FormattedSegment::<gst::ClockTime>::new()));
            });
            let mut buffer = gst::Buffer::from_slice(record.to_vec());
            if let (Some(buffer), Some(now)) = (buffer.get_mut(), self.obj().current_running_time()) {
                buffer.set_pts(now);
                buffer.set_dts(now);
            }
            // Flushing or not linked: the peer is going away, and DTLS repeats what matters.
            let _ = pad.push(buffer);
        }
    }

    impl ObjectImpl for IceSource {
        fn constructed(&self) {
            self.parent_constructed();
            let template = self.obj().pad_template("src").expect("the class has it");
            let pad = gst::Pad::builder_from_template(&template)
                .event_function(|_, _, _| true)
                .query_function(|pad, parent, query| match query.view_mut() {
                    gst::QueryViewMut::Latency(latency) => {
                        latency.set(true, gst::ClockTime::ZERO, gst::ClockTime::NONE);
                        true
                    }
                    _ => gst::Pad::query_default(pad, parent, query),
                })
                .build();
            self.obj().add_pad(&pad).expect("the only pad of a new element");
        }
    }

    impl GstObjectImpl for IceSource {}

    impl ElementImpl for IceSource {
        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<[gst::PadTemplate; 1]> = LazyLock::new(|| [any("src", gst::PadDirection::Src)]);
            &*TEMPLATES
        }
    }

    #[derive(Default)]
    pub struct IceSink {
        pub(super) send: OnceLock<SendDtls>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for IceSink {
        const NAME: &'static str = "VerandaIceSink";
        type Type = super::IceSink;
        type ParentType = gst::Element;
    }

    impl IceSink {
        /// Only DTLS goes out: webrtcbin's own RTCP about media it never sees is dropped.
        fn take(&self, buffer: &gst::BufferRef) {
            if let (Some(send), Ok(bytes)) = (self.send.get(), buffer.map_readable())
                && bytes.first().is_some_and(|first| DTLS.contains(first))
            {
                send(&bytes);
            }
        }
    }

    impl ObjectImpl for IceSink {
        fn constructed(&self) {
            self.parent_constructed();
            let template = self.obj().pad_template("sink").expect("the class has it");
            let pad = gst::Pad::builder_from_template(&template)
                .chain_function(|_, parent, buffer| {
                    Self::catch_panic_pad_function(
                        parent,
                        || Err(gst::FlowError::Error),
                        |sink| {
                            sink.take(&buffer);
                            Ok(gst::FlowSuccess::Ok)
                        },
                    )
                })
                .chain_list_function(|_, parent, list| {
                    Self::catch_panic_pad_function(
                        parent,
                        || Err(gst::FlowError::Error),
                        |sink| {
                            list.iter().for_each(|buffer| sink.take(buffer));
                            Ok(gst::FlowSuccess::Ok)
                        },
                    )
                })
                .event_function(|_, _, _| true)
                .build();
            self.obj().add_pad(&pad).expect("the only pad of a new element");
        }
    }

    impl GstObjectImpl for IceSink {}

    impl ElementImpl for IceSink {
        fn pad_templates() -> &'static [gst::PadTemplate] {
            static TEMPLATES: LazyLock<[gst::PadTemplate; 1]> =
                LazyLock::new(|| [any("sink", gst::PadDirection::Sink)]);
            &*TEMPLATES
        }
    }

    fn any(name: &str, direction: gst::PadDirection) -> gst::PadTemplate {
        gst::PadTemplate::new(name, direction, gst::PadPresence::Always, &gst::Caps::new_any())
            .expect("name and caps are valid")
    }
}

glib::wrapper! {
    /// DTLS from the network into webrtcbin: one `src` pad, no task.
    pub struct IceSource(ObjectSubclass<imp::IceSource>) @extends gst::Element, gst::Object;
}

glib::wrapper! {
    /// DTLS from webrtcbin to the network: one `sink` pad.
    pub struct IceSink(ObjectSubclass<imp::IceSink>) @extends gst::Element, gst::Object;
}

impl IceSource {
    pub(super) fn new() -> Self {
        glib::Object::new()
    }

    pub(super) fn push(&self, record: &[u8]) {
        self.imp().push(record);
    }
}

impl IceSink {
    pub(super) fn new(send: SendDtls) -> Self {
        let sink: Self = glib::Object::new();
        let _ = sink.imp().send.set(send);
        sink
    }
}
