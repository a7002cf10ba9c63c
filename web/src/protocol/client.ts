// Written by hand until the generated file of the same name (ts-rs, from src/protocol/client.rs) replaces it.
import type { Activity, Layout, MediaState, Role, TrackSource, ViewMode } from "./words";

export type ClientFrame = { request?: number, } & ClientMessage;

export type ClientMessage = { "type": "join", protocol: number, name: string, host_token?: string, resume?: string, media: MediaState, } | { "type": "offer", sdp: string, } | { "type": "media", media: MediaState, } | { "type": "view", mode: ViewMode, tiles: Array<ViewTile>, } | { "type": "leave", } | { "type": "change_room", name?: string, activity?: Activity, locked?: boolean, lobby?: boolean, layout?: Layout, } | { "type": "renew_invitation", } | { "type": "mute", participant: string, muted: boolean, } | { "type": "set_role", participant: string, role: Role, } | { "type": "remove", participant: string, } | { "type": "admit", participant: string, admitted: boolean, } | { "type": "end_room", } | { "type": "start_recording", } | { "type": "stop_recording", recording: string, } | { "type": "start_stream", url: string, } | { "type": "stop_stream", stream: string, };

export type ViewTile = { participant: string, source: TrackSource, height: number, pinned: boolean, };
