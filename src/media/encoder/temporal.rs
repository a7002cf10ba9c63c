//! Temporal layers of VP8 (RFC 7741 section 4.2): of each four frames the forwarder can leave out the two of TID 2, and then the
//! one of TID 1, for a viewer whose line does not carry them all. What vp8enc calls its references follows from that:
//!
//! ```text
//! TID 2        1           3        none refers to these
//! TID 1              2              kept as "golden"; 3 refers to it
//! TID 0  0                       4  kept as "last"; all refer to it
//! ```

use gst::glib::{Value, ValueArray};
use gst::prelude::*;

use crate::media::problem::Problem;

/// TIDs in turn, and of which of those the frames refer to nothing but TID 0.
const TIDS: [i32; 4] = [0, 2, 1, 2];
const SYNC: &str = "<false,true,true,false>";
/// Of the frames a layer and those below have one in so many, and so many percent of the bits.
const ONE_IN: [i32; 3] = [4, 2, 1];
const PERCENT: [u32; 3] = [40, 64, 100];
/// What no frame above TID 0 may change: the tables of probabilities are the next frame's as well.
const REFERENCES: &str = "<no-ref-golden+no-ref-alt+no-upd-golden+no-upd-alt,\
    no-ref-golden+no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+no-upd-entropy,\
    no-ref-golden+no-ref-alt+no-upd-last+no-upd-alt+no-upd-entropy,\
    no-ref-alt+no-upd-last+no-upd-golden+no-upd-alt+no-upd-entropy>";

/// Sets a vp8enc up for them, with so many bit/s in all.
pub(super) fn set(encoder: &gst::Element, bitrate: u32) -> Result<(), Problem> {
    let property = |name: &str| format!("temporal-scalability-{name}");
    if encoder.find_property(&property("layer-id")).is_none() {
        return Err(Problem::new("the element named 'encoder' has no temporal layers"));
    }
    let list = |values: &[i32]| ValueArray::new(values.iter().map(Value::from));
    let rates = PERCENT.map(|percent| i32::try_from(u64::from(bitrate) * u64::from(percent) / 100).unwrap_or(i32::MAX));
    for (name, values) in [("layer-id", &TIDS[..]), ("rate-decimator", &ONE_IN), ("target-bitrate", &rates)] {
        encoder.set_property(&property(name), list(values));
    }
    encoder.set_property_from_str(&property("layer-flags"), REFERENCES);
    encoder.set_property_from_str(&property("layer-sync-flags"), SYNC);
    encoder.set_property(&property("number-layers"), ONE_IN.len() as i32);
    encoder.set_property(&property("periodicity"), TIDS.len() as i32);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_four_frames_one_is_of_each_lower_layer() {
        gst::init().expect("GStreamer");
        let line = "videotestsrc num-buffers=9 ! video/x-raw,width=64,height=48,framerate=15/1 ! vp8enc name=encoder deadline=1 \
            ! rtpvp8pay picture-id-mode=2 ! appsink name=out sync=false";
        let pipeline = gst::parse::launch(line).expect("elements").downcast::<gst::Pipeline>().expect("a pipeline");
        set(&pipeline.by_name("encoder").expect("an encoder"), 70_000).expect("temporal layers");
        let out = pipeline.by_name("out").and_downcast::<gst_app::AppSink>().expect("an end");
        pipeline.set_state(gst::State::Playing).expect("it plays");
        let tid = |sample: gst::Sample| {
            let packet = sample.buffer()?.map_readable().ok()?;
            // After RTP's header: X, then I, L and T, the picture id in 15 bits, TL0PICIDX (RFC 7741 section 4.2).
            ((packet[12] & 0x80, packet[13] & 0xe0) == (0x80, 0xe0)).then(|| packet[17] >> 6)
        };
        let tids: Vec<u8> = std::iter::from_fn(|| out.pull_sample().ok()).filter_map(tid).collect();
        pipeline.set_state(gst::State::Null).expect("it stops");
        assert_eq!(tids, [0, 2, 1, 2, 0, 2, 1, 2, 0]);
    }
}
