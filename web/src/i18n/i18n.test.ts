import { describe, expect, it } from 'vitest';
import { LANGUAGES, pick, refusal, speak, translator, type Key, type Messages } from '.';
import { de } from './de';
import { en } from './en';
import { es } from './es';
import { fr } from './fr';

const ALL: Record<string, Messages> = { en, de, es, fr };
const keys = Object.keys(en) as Key[];

function texts(message: string | Record<string, string | undefined>): string[] {
  return typeof message === 'string' ? [message] : Object.values(message).filter((text) => text !== undefined);
}

function places(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').toSorted();
}

describe.each(Object.entries(ALL))('%s', (language, messages) => {
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
    const t = translator(language, messages);
    for (const key of keys) expect(t(key, { size: '1', percent: '1', place: 'x', error: 'x', name: 'x', count: 2, text: 'x', time: 'x', page: 1, pages: 2 })).not.toMatch(/[{}]/);
  });
});

describe('each language', () => {
  /** Names of services, bare places, and words that languages share. */
  const SHARED = /^(invite\.(whatsapp|messenger|telegram|sms|mail)|notice\.(chat|saved)|reaction\.said|settings\.(invitation|streams)|mark\.live|stream\.(live|megabytes)|view\.self\.tile|handling\.label)$/;

  it.each(Object.entries(ALL).filter(([language]) => language !== 'en'))('%s is not English left over', (language, messages) => {
    const [t, english] = [translator(language, messages), translator('en', en)];
    const same = keys.filter((key) => t(key, { count: 2 }) === english(key, { count: 2 }));
    expect(same.filter((key) => !SHARED.test(key))).toEqual([]);
  });

  it('is loaded by its name', async () => {
    for (const [language, messages] of Object.entries(ALL)) expect(await LANGUAGES[language]?.()).toBe(messages);
    expect(Object.keys(LANGUAGES).toSorted()).toEqual(Object.keys(ALL).toSorted());
  });

  it('has the plural forms that Intl asks it for', () => {
    for (const [language, messages] of Object.entries(ALL)) {
      const wanted = new Intl.PluralRules(language).resolvedOptions().pluralCategories;
      for (const key of keys) {
        const message = messages[key];
        if (typeof message !== 'string') for (const form of wanted) expect(message[form] ?? (form === 'many' ? message.other : undefined), `${language} ${key} ${form}`).toBeDefined();
      }
    }
  });

  it('counts as its people do', () => {
    const said = (language: string, count: number) => translator(language, ALL[language] as Messages)('room.people', { count });
    expect([said('fr', 0), said('fr', 2), said('en', 0), said('de', 1), said('es', 1), said('es', 3)]).toEqual(['0 personne', '2 personnes', '0 people', '1 Person', '1 persona', '3 personas']);
  });
});

describe('the contract’s names', () => {
  it('are what the controls are called in English', () => {
    const t = translator('en', en);
    const names = (['home.create', 'pre.name', 'pre.join', 'control.mute', 'control.unmute', 'control.camera.off', 'control.camera.on', 'control.share', 'control.unshare', 'control.record', 'control.record.stop', 'control.live', 'control.live.end', 'control.lock', 'control.unlock', 'control.copy', 'control.leave'] as const).map((key) => t(key));
    expect(names).toEqual(['Create room', 'Your name', 'Join', 'Mute microphone', 'Unmute microphone', 'Turn camera off', 'Turn camera on', 'Share screen', 'Stop sharing', 'Start recording', 'Stop recording', 'Go live', 'End live', 'Lock room', 'Unlock room', 'Copy invitation', 'Leave']);
  });
});

describe('pick', () => {
  it.each([
    [['fr-CA', 'en'], 'fr'],
    [['it-IT', 'fr', 'en'], 'fr'],
    [['de-AT'], 'de'],
    [['es-419', 'en'], 'es'],
    [['en-GB', 'fr'], 'en'],
    [['it'], 'en'],
    [[], 'en'],
    [['constructor'], 'en'],
  ])('%s', (preferred, language) => {
    expect(pick(preferred)).toBe(language);
  });
});

describe('refusal', () => {
  it('has words for every code of the contract', async () => {
    await speak();
    for (const code of ['invalid_request', 'unauthorized', 'forbidden', 'not_found', 'conflict', 'gone', 'out_of_range', 'locked', 'too_many', 'room_full', 'removed', 'not_admitted', 'bad_offer', 'unavailable', 'internal']) {
      expect(en).toHaveProperty([`error.${code}`]);
    }
    expect(refusal('never_heard_of', '')).toBe(en['error.internal']);
  });
});
