// Written by hand until the generated file of the same name (ts-rs, from src/domain/words.rs) replaces it.

export type Activity = "catch_up" | "family" | "work" | "class" | "party" | "show";

export type Role = "host" | "guest";

export type ParticipantKind = "browser" | "whip" | "whep";

export type ViewMode = "tiles" | "mix";

export type Layout = "grid" | "speaker" | "stage";

export type TrackSource = "microphone" | "camera" | "screen" | "screen_sound";

export type RecordingState = "starting" | "live" | "finishing" | "complete" | "failed";

export type StreamState = "connecting" | "live" | "retrying" | "ended" | "failed";

export type MediaState = { microphone: boolean, camera: boolean, screen: boolean, screen_sound: boolean, };
