import { describe, expect, it } from 'vitest';
import { LANGUAGES, pick, refusal, translator, type Key } from '.';
import { en } from './en';

const keys = Object.keys(en) as Key[];

function texts(message: string | Record<string, string | undefined>): string[] {
  return typeof message === 'string' ? [message] : Object.values(message).filter((text) => text !== undefined);
}

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').toSorted();
}

describe.each(Object.entries(LANGUAGES))('%s', (language, messages) => {
  it('has every text, and no other', () => {
    expect(Object.keys(messages).toSorted()).toEqual([...keys].toSorted());
    for (const key of keys) for (const text of texts(messages[key])) expect(text.trim(), key).not.toBe('');
  });

  it('fills the same places as English', () => {
    for (const key of keys) {
      const expected = places(texts(en[key])[0] ?? '');
      for (const text of texts(messages[key])) expect(places(text), `${language} ${key}`).toEqual(expected);
    }
  });

  it('leaves no place open', () => {
    const t = translator(language);
    for (const key of keys) expect(t(key, { size: '1', percent: '1', place: 'x', error: 'x', name: 'x', count: 2, text: 'x', time: 'x', page: 1, pages: 2 })).not.toMatch(/[{}]/);
  });
});

describe('French', () => {
  it('is not English left over', () => {
    const t = translator('fr');
    const same = keys.filter((key) => t(key, { count: 2 }) === translator('en')(key, { count: 2 }));
    // A bare place, and a word that both languages spell alike.
    expect(same).toEqual(['settings.invitation', 'notice.saved']);
  });

  it('counts as the French do', () => {
    const t = translator('fr');
    expect(t('room.people', { count: 0 })).toBe('0 personne');
    expect(t('room.people', { count: 2 })).toBe('2 personnes');
    expect(translator('en')('room.people', { count: 0 })).toBe('0 people');
  });
});

describe('the contract’s names', () => {
  it('are what the controls are called in English', () => {
    const t = translator('en');
    const names = (['home.create', 'pre.name', 'pre.join', 'control.mute', 'control.unmute', 'control.camera.off', 'control.camera.on', 'control.share', 'control.unshare', 'control.record', 'control.record.stop', 'control.live', 'control.live.end', 'control.lock', 'control.unlock', 'control.copy', 'control.leave'] as const).map((key) => t(key));
    expect(names).toEqual(['Create room', 'Your name', 'Join', 'Mute microphone', 'Unmute microphone', 'Turn camera off', 'Turn camera on', 'Share screen', 'Stop sharing', 'Start recording', 'Stop recording', 'Go live', 'End live', 'Lock room', 'Unlock room', 'Copy invitation', 'Leave']);
  });
});

describe('pick', () => {
  it.each([
    [['fr-CA', 'en'], 'fr'],
    [['de-DE', 'fr', 'en'], 'fr'],
    [['en-GB', 'fr'], 'en'],
    [['de'], 'en'],
    [[], 'en'],
    [['constructor'], 'en'],
  ])('%s', (preferred, language) => {
    expect(pick(preferred)).toBe(language);
  });
});

describe('refusal', () => {
  it('has words for every code of the contract', () => {
    for (const code of ['invalid_request', 'unauthorized', 'forbidden', 'not_found', 'conflict', 'gone', 'out_of_range', 'locked', 'too_many', 'room_full', 'removed', 'not_admitted', 'bad_offer', 'unavailable', 'internal']) {
      expect(en).toHaveProperty([`error.${code}`]);
    }
    expect(refusal('never_heard_of', '')).toBe(en['error.internal']);
  });
});
