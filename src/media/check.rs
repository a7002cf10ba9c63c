//! What this machine lacks to make a room work: elements by name with their Debian package, and every template run for
//! a second on test media.
