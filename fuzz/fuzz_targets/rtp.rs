#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| veranda_fuzz::rtp(data));
