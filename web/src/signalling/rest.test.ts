import { afterEach, describe, expect, it, vi } from 'vitest';
import { ApiError, createRoom, fileName, recordings, roomInfo } from './rest';

function answer(status: number, body: unknown, type = 'application/json'): void {
  vi.stubGlobal('fetch', vi.fn(async () => new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers: { 'Content-Type': type } })));
}

afterEach(() => vi.unstubAllGlobals());

describe('the HTTP API', () => {
  it('makes a room', async () => {
    answer(201, { invitation: 'abc' });
    await expect(createRoom({ name: 'Tea', activity: 'family' })).resolves.toMatchObject({ invitation: 'abc' });
    const [url, init] = vi.mocked(fetch).mock.calls[0] ?? [];
    expect(url).toBe('/api/v1/rooms');
    expect(JSON.parse(String(init?.body))).toEqual({ name: 'Tea', activity: 'family' });
  });

  it('keeps the code of a problem document', async () => {
    answer(409, { code: 'room_full', detail: 'The room holds 5.' }, 'application/problem+json');
    await expect(roomInfo('abc')).rejects.toMatchObject({ status: 409, code: 'room_full', message: 'The room holds 5.' });
  });

  it('reads the status when a proxy answers with a page', async () => {
    answer(410, '<h1>Gone</h1>', 'text/html');
    await expect(roomInfo('abc')).rejects.toMatchObject({ status: 410, code: 'gone' });
  });

  it('says that the server cannot be reached', async () => {
    vi.stubGlobal('fetch', vi.fn(async () => Promise.reject(new TypeError('failed'))));
    await expect(roomInfo('abc')).rejects.toBeInstanceOf(ApiError);
    await expect(roomInfo('abc')).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('sends the host token in a header, never in an address', async () => {
    answer(200, []);
    await recordings('r1', 'secret');
    const [url, init] = vi.mocked(fetch).mock.calls[0] ?? [];
    expect(String(url)).not.toContain('secret');
    expect(new Headers(init?.headers).get('Authorization')).toBe('Bearer secret');
  });
});

describe('fileName', () => {
  it.each([
    ['attachment; filename="Tea.mp4"', 'Tea.mp4'],
    ['attachment; filename="Tea.mp4"; filename*=UTF-8\'\'Th%C3%A9.mp4', 'Thé.mp4'],
    ['attachment; filename="Tea.mp4"; filename*=UTF-8\'\'%ZZ', 'Tea.mp4'],
    ['attachment', null],
    [null, null],
  ])('%s', (header, name) => {
    expect(fileName(header)).toBe(name);
  });
});
