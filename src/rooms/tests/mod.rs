//! Rooms with a fake media side at the other end of the channel, in virtual time.
