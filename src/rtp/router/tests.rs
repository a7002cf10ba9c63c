//! The router from outside.
