// The few calls of the HTTP API that the page makes: see contract.md.

import type { Activity, Layout, RecordingState, Rules, TrackSource } from '../protocol/words';
import type { Timeline } from '../state/chapters';

/** Of `POST /rooms`. */
export interface NewRoom {
  id: string;
  name: string;
  activity: Activity;
  invitation: string;
  url: string;
  host_url: string;
  host_token: string;
  max_participants: number;
  created_at: string;
}

/** Of `GET /rooms/{invitation}`. */
export interface RoomInfo {
  id: string;
  name: string;
  activity: Activity;
  locked: boolean;
  rules: Rules;
  participants: number;
  /** In order of arrival; only where the host lets them be shown. */
  names?: string[];
  max_participants: number;
  recording: boolean;
  live: boolean;
}

/** Of `GET /rooms/{id}/recordings`. */
export interface RecordingInfo {
  id: string;
  state: RecordingState;
  layout: Layout;
  started_at: string;
  duration: number;
  bytes: number;
  files: string[];
  tracks: TrackInfo[];
  upload?: UploadInfo;
  error?: string | null;
}

/** One person's own media, beside a recording. */
export interface TrackInfo {
  name: string;
  kind: TrackSource;
  file: string;
  bytes: number;
}

/** How far a recording is on its way to the operator's storage. */
export interface UploadInfo {
  state: 'pending' | 'uploading' | 'done' | 'failed';
  sent: number;
  total: number;
  location: string;
  local: boolean;
  error?: string;
}

/** An answer that is not a success; `code` is a stable word of the contract, or `unreachable`. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

async function call(path: string, init: RequestInit, token?: string): Promise<Response> {
  const headers = new Headers(init.headers);
  if (token !== undefined) headers.set('Authorization', `Bearer ${token}`);
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, { cache: 'no-store', ...init, headers });
  } catch {
    throw new ApiError(0, 'unreachable', 'The server cannot be reached.');
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<ApiError> {
  const byStatus: Record<number, string> = { 401: 'unauthorized', 403: 'forbidden', 404: 'not_found', 410: 'gone', 423: 'locked', 429: 'too_many' };
  let code = byStatus[response.status] ?? 'internal';
  let message = response.statusText;
  try {
    const problem = (await response.json()) as { code?: unknown; detail?: unknown; title?: unknown };
    if (typeof problem.code === 'string') code = problem.code;
    if (typeof problem.detail === 'string') message = problem.detail;
    else if (typeof problem.title === 'string') message = problem.title;
  } catch {
    // Not a problem document (a proxy's page, perhaps): the status says enough.
  }
  return new ApiError(response.status, code, message);
}

/** What a new room begins with. */
export interface RoomWish {
  name: string;
  activity: Activity;
  lobby?: boolean;
  layout?: Layout;
  rules?: Rules;
}

export async function createRoom(body: RoomWish): Promise<NewRoom> {
  const headers = { 'Content-Type': 'application/json' };
  const response = await call('/rooms', { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as NewRoom;
}

export async function roomInfo(invitation: string, cache: 'default' | 'no-store' = 'no-store'): Promise<RoomInfo> {
  return (await (await call(`/rooms/${encodeURIComponent(invitation)}`, { cache })).json()) as RoomInfo;
}

/** What a look at a room's door shows: the room, why there is none, or nothing yet. */
export type Look = { info: RoomInfo } | { error: ApiError } | null;

export async function lookAt(invitation: string, cache: 'default' | 'no-store' = 'no-store'): Promise<Look> {
  try {
    return { info: await roomInfo(invitation, cache) };
  } catch (error) {
    return error instanceof ApiError ? { error } : null;
  }
}

export async function renameRoom(id: string, token: string, name: string): Promise<RoomInfo> {
  const headers = { 'Content-Type': 'application/json' };
  return (await (await call(`/rooms/${id}`, { method: 'PATCH', headers, body: JSON.stringify({ name }) }, token)).json()) as RoomInfo;
}

export async function endRoom(id: string, token: string): Promise<void> {
  await call(`/rooms/${id}`, { method: 'DELETE' }, token);
}

/** An address a player can use for a while: it sends no token. */
export async function recordingLink(id: string, token: string): Promise<string> {
  const link = (await (await call(`/recordings/${id}/link`, { method: 'POST' }, token)).json()) as { url: string };
  return link.url;
}

/** Who was in a recording, and when. */
export async function recordingTimeline(id: string, token: string): Promise<Timeline> {
  return (await (await call(`/recordings/${id}/timeline`, {}, token)).json()) as Timeline;
}

export async function recordings(room: string, token: string): Promise<RecordingInfo[]> {
  return (await (await call(`/rooms/${room}/recordings`, {}, token)).json()) as RecordingInfo[];
}

export async function deleteRecording(id: string, token: string): Promise<void> {
  await call(`/recordings/${id}`, { method: 'DELETE' }, token);
}

/** The finished file (or another of its folder) and the name the server gives it. The token goes in a header, so a plain link would not do. */
export async function recordingFile(id: string, token: string, which = 'file'): Promise<{ blob: Blob; name: string }> {
  const response = await call(`/recordings/${id}/${which}`, {}, token);
  const plain = which === 'file' ? `recording-${id}.mp4` : `recording-${id}-${which.replace('tracks/', '')}${which === 'timeline' ? '.json' : ''}`;
  const name = fileName(response.headers.get('Content-Disposition')) ?? plain;
  return { blob: await response.blob(), name };
}

/** The file name of a `Content-Disposition` (RFC 6266), its UTF-8 form first. */
export function fileName(disposition: string | null): string | null {
  const extended = disposition?.match(/filename\*=UTF-8''([^;]+)/i)?.[1];
  if (extended !== undefined) {
    try {
      return decodeURIComponent(extended.trim());
    } catch {
      // A broken escape: the plain form is still there.
    }
  }
  return disposition?.match(/filename="?([^";]+)"?/i)?.[1] ?? null;
}
