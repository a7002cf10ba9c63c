//! The three GstWebRTCICE classes filled from Rust: all of the program's `unsafe`.
//!
//! Layouts are GStreamer 1.22's and stay compatible to 1.28: later versions only add a fourth argument to
//! `add_candidate`, which we never read, and new vfuncs in what was padding.

use std::ffi::{c_char, c_uint};
use std::sync::{Mutex, OnceLock};

use gst::glib;
use gst::glib::translate::*;
use gst::prelude::*;
use gst::subclass::prelude::*;
use gst_webrtc_sys as sys;
use sys::{
    GstWebRTCICE as Ice, GstWebRTCICECandidateStats as CandidateStats, GstWebRTCICEComponent as Component,
    GstWebRTCICEStream as Stream, GstWebRTCICETransport as Transport,
};

use super::SendDtls;
use super::elements::{IceSink, IceSource};

mod imp {
    use super::*;

    #[derive(Debug, Default)]
    pub struct IceTransport {
        pub(super) source: OnceLock<IceSource>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for IceTransport {
        const NAME: &'static str = "VerandaIceTransport";
        type Type = super::IceTransport;
        type ParentType = gst_webrtc::WebRTCICETransport;
    }

    impl ObjectImpl for IceTransport {
        fn dispose(&self) {
            let transport: *mut Transport = self.obj().upcast_ref::<gst_webrtc::WebRTCICETransport>().as_ptr();
            // SAFETY: the object is alive during dispose; `src` and `sink` are null or hold the reference that
            // `new_transport` put there. Swapping in null makes a second dispose harmless.
            unsafe {
                for element in [
                    std::mem::replace(&mut (*transport).src, std::ptr::null_mut()),
                    std::mem::replace(&mut (*transport).sink, std::ptr::null_mut()),
                ] {
                    drop(Option::<gst::Element>::from_glib_full(element));
                }
            }
        }
    }

    impl GstObjectImpl for IceTransport {}

    #[derive(Default)]
    pub struct IceStream {
        pub(super) transport: Mutex<Option<super::IceTransport>>,
        pub(super) send: OnceLock<SendDtls>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for IceStream {
        const NAME: &'static str = "VerandaIceStream";
        type Type = super::IceStream;
        type ParentType = gst_webrtc::WebRTCICEStream;
    }

    impl ObjectImpl for IceStream {}
    impl GstObjectImpl for IceStream {}

    #[derive(Default)]
    pub struct IceAgent {
        pub(super) send: OnceLock<SendDtls>,
        pub(super) controlling: std::sync::atomic::AtomicBool,
        pub(super) streams: Mutex<Vec<super::IceStream>>,
        pub(super) on_candidate: Mutex<Option<OnCandidate>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for IceAgent {
        const NAME: &'static str = "VerandaIceAgent";
        type Type = super::IceAgent;
        type ParentType = gst_webrtc::WebRTCICE;
    }

    impl ObjectImpl for IceAgent {}
    impl GstObjectImpl for IceAgent {}

    /// webrtcbin's candidate callback. Never called (candidates are written into the answer by us), but its data must be
    /// given back.
    pub(super) struct OnCandidate {
        pub(super) data: glib::ffi::gpointer,
        pub(super) notify: glib::ffi::GDestroyNotify,
    }

    // SAFETY: the pointer is only handed back to `notify`, which webrtcbin accepts on any thread.
    unsafe impl Send for OnCandidate {}

    impl Drop for OnCandidate {
        fn drop(&mut self) {
            if let Some(notify) = self.notify {
                // SAFETY: `notify` and `data` came together through `set_on_ice_candidate`; called once.
                unsafe { notify(self.data) }
            }
        }
    }
}

glib::wrapper! {
    /// The one component of the one bundled stream.
    pub struct IceTransport(ObjectSubclass<imp::IceTransport>) @extends gst_webrtc::WebRTCICETransport, gst::Object;
}

glib::wrapper! {
    /// webrtcbin's word for a bundle of sections.
    pub struct IceStream(ObjectSubclass<imp::IceStream>) @extends gst_webrtc::WebRTCICEStream, gst::Object;
}

glib::wrapper! {
    /// What webrtcbin takes for its ICE agent.
    pub struct IceAgent(ObjectSubclass<imp::IceAgent>) @extends gst_webrtc::WebRTCICE, gst::Object;
}

impl std::fmt::Debug for imp::IceAgent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IceAgent")
    }
}

impl IceTransport {
    pub(super) fn source(&self) -> Option<IceSource> {
        self.imp().source.get().cloned()
    }
}

impl IceAgent {
    /// An agent whose DTLS goes out by `send`.
    pub fn new(send: SendDtls) -> Self {
        let agent: Self = glib::Object::new();
        let _ = agent.imp().send.set(send);
        agent
    }

    pub(super) fn transport(&self) -> Option<IceTransport> {
        let streams = self.imp().streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let transport = streams.first()?.imp().transport.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        transport.clone()
    }

    /// Makes a webrtcbin that uses this agent.
    ///
    /// # Errors
    /// The element is missing (gstreamer1.0-plugins-bad).
    pub fn webrtcbin(&self) -> Result<gst::Element, glib::BoolError> {
        let before = self.ref_count();
        let webrtcbin = gst::ElementFactory::make("webrtcbin").property("ice-agent", self).build()?;
        if self.ref_count() == before {
            // 1.22 (and 1.26) keep the agent without a reference of their own and drop one at the end: give them one.
            // SAFETY: the pointer is a live object; this reference is released by webrtcbin's dispose.
            unsafe { glib::gobject_ffi::g_object_ref(self.as_ptr().cast()) };
        }
        Ok(webrtcbin)
    }
}

fn new_transport(component: Component, send: SendDtls) -> IceTransport {
    let component = if component == sys::GST_WEBRTC_ICE_COMPONENT_RTCP {
        gst_webrtc::WebRTCICEComponent::Rtcp
    } else {
        gst_webrtc::WebRTCICEComponent::Rtp
    };
    let transport: IceTransport = glib::Object::builder().property("component", component).build();
    let (source, sink) = (IceSource::new(), IceSink::new(send));
    let _ = transport.imp().source.set(source.clone());
    let pointer: *mut Transport = transport.upcast_ref::<gst_webrtc::WebRTCICETransport>().as_ptr();
    // SAFETY: a new object nobody else has; the fields are "filled by subclasses". webrtcbin takes references of its own by
    // gst_bin_add; ours are released in dispose.
    unsafe {
        (*pointer).role = sys::GST_WEBRTC_ICE_ROLE_CONTROLLED;
        (*pointer).src = source.upcast::<gst::Element>().into_glib_ptr();
        (*pointer).sink = sink.upcast::<gst::Element>().into_glib_ptr();
    }
    transport
}

// SAFETY: adds no class data and overrides nothing.
unsafe impl IsSubclassable<imp::IceTransport> for gst_webrtc::WebRTCICETransport {}

// SAFETY: fills vfuncs with functions of the class struct's own signatures.
unsafe impl IsSubclassable<imp::IceStream> for gst_webrtc::WebRTCICEStream {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<imp::IceStream>(class);
        let class = class.as_mut();
        class.find_transport = Some(stream_find_transport);
        class.gather_candidates = Some(stream_gather);
    }
}

// SAFETY: as above. Every vfunc is filled: the base class asserts on a null one.
unsafe impl IsSubclassable<imp::IceAgent> for gst_webrtc::WebRTCICE {
    fn class_init(class: &mut glib::Class<Self>) {
        Self::parent_class_init::<imp::IceAgent>(class);
        let class = class.as_mut();
        class.add_stream = Some(add_stream);
        class.find_transport = Some(find_transport);
        class.gather_candidates = Some(gather);
        class.add_candidate = Some(add_candidate);
        class.set_local_credentials = Some(set_credentials);
        class.set_remote_credentials = Some(set_credentials);
        class.add_turn_server = Some(add_turn_server);
        class.set_is_controller = Some(set_is_controller);
        class.get_is_controller = Some(get_is_controller);
        class.set_force_relay = Some(set_force_relay);
        class.set_stun_server = Some(set_text);
        class.get_stun_server = Some(get_text);
        class.set_turn_server = Some(set_text);
        class.get_turn_server = Some(get_text);
        class.set_http_proxy = Some(set_text);
        class.get_http_proxy = Some(get_text);
        class.set_tos = Some(set_tos);
        class.set_on_ice_candidate = Some(set_on_ice_candidate);
        class.get_local_candidates = Some(no_candidates);
        class.get_remote_candidates = Some(no_candidates);
        class.get_selected_pair = Some(no_pair);
    }
}

/// # Safety
/// `pointer` is an `IceAgent`: the vfuncs of its class are only called with instances of it.
unsafe fn agent<'a>(pointer: *mut Ice) -> &'a imp::IceAgent {
    // SAFETY: see above; the instance struct begins with the parent's, and the caller keeps the object alive.
    unsafe { (*pointer.cast::<<imp::IceAgent as ObjectSubclass>::Instance>()).imp() }
}

/// # Safety
/// `pointer` is an `IceStream`, as above.
unsafe fn stream<'a>(pointer: *mut Stream) -> &'a imp::IceStream {
    // SAFETY: as `agent`.
    unsafe { (*pointer.cast::<<imp::IceStream as ObjectSubclass>::Instance>()).imp() }
}

unsafe extern "C" fn stream_find_transport(pointer: *mut Stream, component: Component) -> *mut Transport {
    // SAFETY: a vfunc of IceStream's class.
    let stream = unsafe { stream(pointer) };
    let Some(send) = stream.send.get() else { return std::ptr::null_mut() };
    let mut transport = stream.transport.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let transport = transport.get_or_insert_with(|| new_transport(component, send.clone()));
    // Transfer full: the caller gets a reference of its own.
    transport.clone().upcast::<gst_webrtc::WebRTCICETransport>().into_glib_ptr()
}

unsafe extern "C" fn stream_gather(_: *mut Stream) -> glib::ffi::gboolean {
    glib::ffi::GTRUE
}

unsafe extern "C" fn add_stream(pointer: *mut Ice, session: c_uint) -> *mut Stream {
    // SAFETY: a vfunc of IceAgent's class.
    let agent = unsafe { agent(pointer) };
    let stream: IceStream = glib::Object::new();
    if let Some(send) = agent.send.get() {
        let _ = stream.imp().send.set(send.clone());
    }
    let raw: *mut Stream = stream.upcast_ref::<gst_webrtc::WebRTCICEStream>().as_ptr();
    // SAFETY: a new object nobody else has.
    unsafe { (*raw).stream_id = session + 1 };
    // The result is borrowed: the agent owns its streams, webrtcbin never releases them.
    agent.streams.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(stream);
    raw
}

unsafe extern "C" fn find_transport(_: *mut Ice, stream: *mut Stream, component: Component) -> *mut Transport {
    // SAFETY: the stream is one that `add_stream` returned.
    unsafe { stream_find_transport(stream, component) }
}

unsafe extern "C" fn gather(_: *mut Ice, pointer: *mut Stream) -> glib::ffi::gboolean {
    use gst_webrtc::WebRTCICEGatheringState as State;
    // SAFETY: the stream is one that `add_stream` returned.
    let stream = unsafe { stream(pointer) };
    let transport = stream.transport.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let Some(transport) = transport else { return glib::ffi::GFALSE };
    let transport = transport.upcast::<gst_webrtc::WebRTCICETransport>();
    transport.gathering_state_change(State::Gathering);
    transport.gathering_state_change(State::Complete);
    glib::ffi::GTRUE
}

unsafe extern "C" fn add_candidate(_: *mut Ice, _: *mut Stream, _: *const c_char, _: *mut gst::ffi::GstPromise) {}

/// Both directions: the net thread reads the credentials from the answer's text.
unsafe extern "C" fn set_credentials(
    _: *mut Ice,
    _: *mut Stream,
    _: *const c_char,
    _: *const c_char,
) -> glib::ffi::gboolean {
    glib::ffi::GTRUE
}

unsafe extern "C" fn add_turn_server(_: *mut Ice, _: *const c_char) -> glib::ffi::gboolean {
    glib::ffi::GFALSE
}

unsafe extern "C" fn set_is_controller(pointer: *mut Ice, controlling: glib::ffi::gboolean) {
    // SAFETY: a vfunc of IceAgent's class.
    unsafe { agent(pointer) }.controlling.store(controlling != 0, std::sync::atomic::Ordering::Relaxed);
}

unsafe extern "C" fn get_is_controller(pointer: *mut Ice) -> glib::ffi::gboolean {
    // SAFETY: a vfunc of IceAgent's class.
    unsafe { agent(pointer) }.controlling.load(std::sync::atomic::Ordering::Relaxed).into_glib()
}

unsafe extern "C" fn set_force_relay(_: *mut Ice, _: glib::ffi::gboolean) {}

unsafe extern "C" fn set_text(_: *mut Ice, _: *const c_char) {}

unsafe extern "C" fn get_text(_: *mut Ice) -> *mut c_char {
    std::ptr::null_mut()
}

unsafe extern "C" fn set_tos(_: *mut Ice, _: *mut Stream, _: c_uint) {}

unsafe extern "C" fn set_on_ice_candidate(
    pointer: *mut Ice,
    _: sys::GstWebRTCICEOnCandidateFunc,
    data: glib::ffi::gpointer,
    notify: glib::ffi::GDestroyNotify,
) {
    // SAFETY: a vfunc of IceAgent's class.
    let agent = unsafe { agent(pointer) };
    let new = imp::OnCandidate { data, notify };
    // The old one is dropped after the lock: its notify is foreign code.
    let _old = agent.on_candidate.lock().unwrap_or_else(std::sync::PoisonError::into_inner).replace(new);
}

unsafe extern "C" fn no_candidates(_: *mut Ice, _: *mut Stream) -> *mut *mut CandidateStats {
    // SAFETY: one null pointer, an empty null-terminated array that the caller frees with g_free.
    unsafe { glib::ffi::g_malloc0(size_of::<*mut CandidateStats>()).cast() }
}

unsafe extern "C" fn no_pair(
    _: *mut Ice,
    _: *mut Stream,
    _: *mut *mut CandidateStats,
    _: *mut *mut CandidateStats,
) -> glib::ffi::gboolean {
    glib::ffi::GFALSE
}
