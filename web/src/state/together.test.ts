import { describe, expect, it } from 'vitest';
import { meter } from '../session/level.svelte';
import { wave } from '../session/sounds';
import { howToAllow } from '../view/browser';
import { parts } from './links';
import { readPrefs, USUAL_PREFS } from './prefs';
import { initial, reduce, type RoomState } from './room';
import { routeOf } from './route';
import { cue } from './sounds';

describe('links in a text', () => {
  const links = (text: string) => parts(text).flatMap(({ href }) => (href === undefined ? [] : [href]));

  it.each([
    ['see https://example.org/a?b=c#d.', ['https://example.org/a?b=c#d']],
    ['(https://en.wikipedia.org/wiki/Porch_(house)), yes', ['https://en.wikipedia.org/wiki/Porch_(house)']],
    ['http://a.example and https://b.example!', ['http://a.example/', 'https://b.example/']],
    ['javascript:alert(1) data:text/html,x ftp://a.example example.org', []],
    ['https://bank.example@evil.example/', []],
    ['https://', []],
    ['<a href="https://a.example">x</a>', ['https://a.example/']],
    ['https://a.example/\u202egnp.exe', ['https://a.example/']],
  ])('%s', (text, expected) => {
    expect(links(text)).toEqual(expected);
  });

  it('loses nothing of the text', () => {
    for (const text of ['', 'a https://b.example, c', '🎉'.repeat(3000), '<script>https://x.example</script>\n']) {
      expect(parts(text).map((part) => part.text).join('')).toBe(text);
    }
  });
});

describe('sounds', () => {
  const inside: RoomState = { ...initial(), phase: { kind: 'inside' }, you: 'me' };

  it('go with what happens, and keep quiet otherwise', () => {
    expect(cue(inside, reduce(inside, { type: 'notice', kind: 'joined' }))).toBe('join');
    expect(cue(inside, reduce(inside, { type: 'notice', kind: 'copied' }))).toBeNull();
    expect(cue(inside, { ...inside, waiting: [{ participant: 'p', name: 'P' }] })).toBe('knock');
    expect(cue(inside, { ...inside, unread: 1 })).toBe('message');
    expect(cue({ ...inside, unread: 1 }, inside)).toBeNull();
    expect(cue(initial(), { ...inside, unread: 3 }), 'what was there before one came').toBeNull();
  });
});

describe('a tone', () => {
  it('is a WAV file that begins and ends in silence', () => {
    const bytes = wave([440, 880]);
    const samples = new Int16Array(bytes, 44);
    expect(new TextDecoder().decode(bytes.slice(0, 4))).toBe('RIFF');
    expect([samples[0], Math.abs(samples.at(-1) ?? 9) < 200, Math.max(...samples) > 5000]).toEqual([0, true, true]);
    expect(new DataView(bytes).getUint32(4, true)).toBe(bytes.byteLength - 8);
  });
});

describe('settings that were kept', () => {
  it('are taken as far as they make sense', () => {
    expect(readPrefs(null)).toEqual(USUAL_PREFS);
    expect(readPrefs('{')).toEqual(USUAL_PREFS);
    expect(readPrefs('null')).toEqual(USUAL_PREFS);
    expect(readPrefs('{"sounds":false,"layout":"holo","self":"small","extra":1,"keys":"no"}')).toEqual({ ...USUAL_PREFS, sounds: false, self: 'small' });
  });
});

describe('the meter', () => {
  it('is empty in silence and full when it is loud', () => {
    expect(meter(new Float32Array(512))).toBe(0);
    expect(meter([])).toBe(0);
    expect(meter(new Float32Array(512).fill(0.5))).toBe(1);
    expect(meter(new Float32Array(512).fill(0.02))).toBeGreaterThan(0.3);
  });
});

describe('addresses', () => {
  it.each([
    ['/r/abc', '#host=tok', { page: 'room', invitation: 'abc', hostToken: 'tok' }],
    ['/r/abc', '#host=<script>', { page: 'room', invitation: 'abc', hostToken: null }],
    ['/r/abc', `#host=${'x'.repeat(10_000)}`, { page: 'room', invitation: 'abc', hostToken: null }],
    ['/r/abc', '#host=', { page: 'room', invitation: 'abc', hostToken: null }],
    ['/r/', '', { page: 'unknown' }],
    ['/r/a%2Fb', '', { page: 'unknown' }],
    ['/privacy', '', { page: 'privacy' }],
  ])('%s %s', (path, fragment, route) => {
    expect(routeOf(path, fragment)).toEqual(route);
  });
});

describe('how to allow devices', () => {
  it.each([
    ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36', 'chromium'],
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'firefox'],
    ['Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1', 'ios'],
    ['Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 Version/18.0 Safari/605.1.15', 'safari'],
    ['Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36', 'android'],
    ['', 'other'],
  ])('%s', (agent, expected) => {
    expect(howToAllow(agent)).toBe(expected);
  });
});
