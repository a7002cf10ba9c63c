// What this browser remembers: rooms made here, the host's token of each, a name, chosen devices. Storage may be refused
// (private windows), and then nothing is remembered and everything works.

import type { Activity } from '../protocol/words';

export interface MadeRoom {
  id: string;
  name: string;
  activity: Activity;
  invitation: string;
  host_token: string;
  created_at: string;
}

/** The part of `Storage` used here. */
export type Shelf = Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>;

const MOST_ROOMS = 24;
const LAST_PLACE = 'veranda.place';

export class Memory {
  constructor(
    private readonly lasting: () => Shelf,
    private readonly visit: () => Shelf,
  ) {}

  name(): string {
    return read(this.lasting, 'veranda.name') ?? '';
  }

  keepName(name: string): void {
    write(this.lasting, 'veranda.name', name);
  }

  device(kind: string): string | undefined {
    return read(this.lasting, `veranda.device.${kind}`) ?? undefined;
  }

  keepDevice(kind: string, id: string): void {
    write(this.lasting, `veranda.device.${kind}`, id);
  }

  prefs(): string | null {
    return read(this.lasting, 'veranda.prefs');
  }

  keepPrefs(text: string): void {
    write(this.lasting, 'veranda.prefs', text);
  }

  /** Devices this person came in without last time, by choice. */
  leftOff(): string[] {
    return (read(this.lasting, 'veranda.off') ?? '').split(',').filter((kind) => kind !== '');
  }

  keepLeftOff(kinds: string[]): void {
    write(this.lasting, 'veranda.off', kinds.length === 0 ? null : kinds.join(','));
  }

  hostToken(invitation: string): string | undefined {
    return read(this.lasting, `veranda.host.${invitation}`) ?? undefined;
  }

  keepHostToken(invitation: string, token: string): void {
    write(this.lasting, `veranda.host.${invitation}`, token);
  }

  /** The place in a room, for this window's life: two windows are two people. */
  resume(invitation: string): string | undefined {
    return read(this.visit, `veranda.resume.${invitation}`) ?? undefined;
  }

  keepResume(invitation: string, token: string | null): void {
    if (token !== null) write(this.lasting, LAST_PLACE, `${invitation} ${token}`);
    else if (this.#lastPlace(invitation) === this.resume(invitation)) this.forgetPlace();
    write(this.visit, `veranda.resume.${invitation}`, token);
  }

  /** No window of this browser is in the room: what is left of the last one that was (it crashed, it was closed) is this one's. */
  takePlace(invitation: string): void {
    const place = this.#lastPlace(invitation);
    if (place !== undefined && this.resume(invitation) === undefined) this.keepResume(invitation, place);
  }

  /** The place stays this window's alone. */
  forgetPlace(): void {
    write(this.lasting, LAST_PLACE, null);
  }

  #lastPlace(invitation: string): string | undefined {
    const [room, token] = (read(this.lasting, LAST_PLACE) ?? '').split(' ');
    return room === invitation ? token : undefined;
  }

  rooms(): MadeRoom[] {
    try {
      const value: unknown = JSON.parse(read(this.lasting, 'veranda.rooms') ?? '[]');
      return Array.isArray(value) ? value.filter(isMadeRoom) : [];
    } catch {
      return [];
    }
  }

  keepRoom(room: MadeRoom): void {
    const others = this.rooms().filter(({ id }) => id !== room.id);
    this.#keepRooms([room, ...others].slice(0, MOST_ROOMS));
    this.keepHostToken(room.invitation, room.host_token);
  }

  renameRoom(id: string, name: string): void {
    this.#keepRooms(this.rooms().map((room) => (room.id === id ? { ...room, name } : room)));
  }

  forgetRoom(invitation: string): void {
    this.#keepRooms(this.rooms().filter((room) => room.invitation !== invitation));
    write(this.lasting, `veranda.host.${invitation}`, null);
  }

  /** A new invitation: the token and the room are found under its code from now on. */
  renewInvitation(before: string, now: string): void {
    const token = this.hostToken(before);
    const place = this.resume(before);
    if (place !== undefined) this.keepResume(now, place);
    if (token === undefined || before === now) return;
    this.keepHostToken(now, token);
    write(this.lasting, `veranda.host.${before}`, null);
    this.#keepRooms(this.rooms().map((room) => (room.invitation === before ? { ...room, invitation: now } : room)));
  }

  #keepRooms(rooms: MadeRoom[]): void {
    write(this.lasting, 'veranda.rooms', JSON.stringify(rooms));
  }
}

function read(shelf: () => Shelf, key: string): string | null {
  try {
    return shelf().getItem(key);
  } catch {
    return null;
  }
}

function write(shelf: () => Shelf, key: string, value: string | null): void {
  try {
    if (value === null) shelf().removeItem(key);
    else shelf().setItem(key, value);
  } catch {
    // Refused or full: the page works without.
  }
}

function isMadeRoom(value: unknown): value is MadeRoom {
  if (typeof value !== 'object' || value === null) return false;
  const room = value as Record<string, unknown>;
  return ['id', 'name', 'activity', 'invitation', 'host_token', 'created_at'].every((key) => typeof room[key] === 'string');
}
