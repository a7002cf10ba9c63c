import { describe, expect, it } from 'vitest';
import { Memory, type MadeRoom, type Shelf } from './memory';
import { isQuality, pictureWish } from './quality';
import { routeOf } from './route';
import { streamUrl, targetUrl } from './stream';
import { duration, since } from './time';

describe('routeOf', () => {
  it.each([
    ['/', '', { page: 'home' }],
    ['/r/aB3-_x', '', { page: 'room', invitation: 'aB3-_x', hostToken: null }],
    ['/r/abc/', '#host=tok-en', { page: 'room', invitation: 'abc', hostToken: 'tok-en' }],
    ['/r/abc', '#host=<x>', { page: 'room', invitation: 'abc', hostToken: null }],
    ['/r/', '', { page: 'unknown' }],
    ['/r/a b', '', { page: 'unknown' }],
  ])('%s%s', (path, fragment, route) => {
    expect(routeOf(path, fragment)).toEqual(route);
  });
});

describe('streamUrl', () => {
  it.each([
    ['rtmp://live.example/app', 'key', 'rtmp://live.example/app/key'],
    ['rtmps://live.example/app/', '/key', 'rtmps://live.example/app/key'],
    [' rtmp://live.example/app/key ', '', 'rtmp://live.example/app/key'],
    ['https://live.example/app', 'key', null],
    ['srt://live.example:9000', 'live/x', 'srt://live.example:9000?streamid=live%2Fx'],
    ['srt://live.example:9000?latency=200', 'x', 'srt://live.example:9000?latency=200&streamid=x'],
    ['rtmp://', 'key', null],
    ['rtmp:///app', 'key', null],
    ['', '', null],
  ])('%s + %s', (address, key, url) => {
    expect(streamUrl(address, key)).toBe(url);
  });
});

describe('targetUrl', () => {
  it('asks a service for its key alone', () => {
    expect(targetUrl('youtube', '', ' abc ', false)).toBe('rtmps://a.rtmps.youtube.com:443/live2/abc');
    expect(targetUrl('twitch', 'ignored', '', false)).toBeNull();
    expect(targetUrl('server', 'rtmp://a.example/app', 'key', false)).toBe('rtmp://a.example/app/key');
    expect([false, true].map((whole) => targetUrl('hls', '', '', whole))).toEqual(['hls:', 'hls:event']);
  });
});

describe('the picture to ask for', () => {
  it('is 16:9, and left to what runs', () => {
    expect([360, 720, 1080].map((height) => (isQuality(height) ? pictureWish(height, false) : {}))).toEqual([
      { width: 640, height: 360 },
      { width: 1280, height: 720 },
      { width: 1920, height: 1080 },
    ]);
    expect(pictureWish(1080, true)).toEqual({});
    expect(isQuality(480)).toBe(false);
  });
});

describe('times', () => {
  it.each([
    [0, '0:00'],
    [187.4, '3:07'],
    [3729, '1:02:09'],
    [-4, '0:00'],
  ])('%d s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('never run backwards when clocks differ', () => {
    expect(since('2026-11-22T10:00:10Z', Date.parse('2026-11-22T10:00:00Z'))).toBe(0);
    expect(since('not a time', 5)).toBe(0);
  });
});

function shelf(): Shelf {
  const kept = new Map<string, string>();
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value), removeItem: (key) => void kept.delete(key) };
}

const ROOM: MadeRoom = { id: 'r1', name: 'Tea', activity: 'family', invitation: 'one', host_token: 'secret', created_at: '' };

describe('Memory', () => {
  it('finds host token, room and place under a renewed invitation', () => {
    const [lasting, visit] = [shelf(), shelf()];
    const memory = new Memory(() => lasting, () => visit);
    memory.keepRoom(ROOM);
    memory.keepResume('one', 'place');
    memory.renewInvitation('one', 'two');
    expect(memory.hostToken('two')).toBe('secret');
    expect(memory.hostToken('one')).toBeUndefined();
    expect(memory.resume('two')).toBe('place');
    expect(memory.rooms().map(({ invitation }) => invitation)).toEqual(['two']);
    memory.forgetRoom('two');
    expect(memory.rooms()).toEqual([]);
    expect(memory.hostToken('two')).toBeUndefined();
  });

  it('hands the place of a window that is gone to the next one, and to nobody once it was left', () => {
    const lasting = shelf();
    const window = () => new Memory(() => lasting, ((own) => () => own)(shelf()));
    const [crashed, next, other] = [window(), window(), window()];
    crashed.keepResume('one', 'place');
    next.takePlace('two');
    expect(next.resume('two')).toBeUndefined();
    next.takePlace('one');
    expect(next.resume('one')).toBe('place');
    other.keepResume('one', 'another');
    next.takePlace('one');
    expect(next.resume('one')).toBe('place');
    next.keepResume('one', null);
    expect(window()).toSatisfy((fresh: Memory) => (fresh.takePlace('one'), fresh.resume('one') === 'another'));
    other.keepResume('one', null);
    expect(window()).toSatisfy((fresh: Memory) => (fresh.takePlace('one'), fresh.resume('one') === undefined));
  });

  it('works without storage', () => {
    const refused = (): Shelf => {
      throw new Error('refused');
    };
    const memory = new Memory(refused, refused);
    memory.keepRoom(ROOM);
    memory.keepName('Ada');
    expect(memory.rooms()).toEqual([]);
    expect(memory.name()).toBe('');
  });

  it('lets damaged memories be', () => {
    const lasting = shelf();
    lasting.setItem('veranda.rooms', '[{"id":5},null,"x"]');
    expect(new Memory(() => lasting, shelf).rooms()).toEqual([]);
    lasting.setItem('veranda.rooms', '{');
    expect(new Memory(() => lasting, shelf).rooms()).toEqual([]);
  });
});
