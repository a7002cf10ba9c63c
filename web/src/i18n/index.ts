// Words in the browser's language. Plurals by Intl's rules; places in a text are `{name}`.

import type { en } from './en';

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Key = keyof typeof en;
/** Every key of English, in every language: a missing one does not compile. */
export type Messages = { [K in Key]: (typeof en)[K] extends string ? string : Plural };

/** Each is a file of its own: the server names the one the browser prefers in the page's head (src/http/head.rs). */
export const LANGUAGES: Record<string, () => Promise<Messages>> = {
  en: async () => (await import('./en')).en,
  de: async () => (await import('./de')).de,
  es: async () => (await import('./es')).es,
  fr: async () => (await import('./fr')).fr,
};

/** The first language the browser prefers that the page speaks; English otherwise. */
export function pick(preferred: readonly string[]): string {
  for (const language of preferred) {
    const base = language.toLowerCase().split('-')[0] ?? '';
    if (Object.hasOwn(LANGUAGES, base)) return base;
  }
  return 'en';
}

export type Translate = (key: Key, values?: Record<string, string | number>) => string;

export function translator(language: string, messages: Messages): Translate {
  const rules = new Intl.PluralRules(language);
  return (key, values = {}) => {
    const message: string | Plural = messages[key];
    const text = typeof message === 'string' ? message : (message[rules.select(Number(values.count))] ?? message.other);
    return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}

export const language = pick(typeof navigator === 'undefined' ? [] : navigator.languages);
let words: Partial<Messages> = {};
let current: Translate = (key) => key;

/** The words of the browser's language, before anything is drawn; English where they do not come. */
export async function speak(): Promise<void> {
  const load = LANGUAGES[language] ?? LANGUAGES.en;
  const messages = await load?.().catch(() => LANGUAGES.en?.());
  if (messages === undefined) return;
  words = messages;
  current = translator(language, messages);
}

/** Whether there are words for `key`. */
export function has(key: string): key is Key {
  return Object.hasOwn(words, key);
}

export const t: Translate = (key, values) => current(key, values);

/** The sentence for a refusal: ours where the code says all, the server's (English) where it names field and limit. */
export function refusal(code: string, message: string): string {
  const key = `error.${code}`;
  if (language === 'en' && message !== '') return message[0]?.toUpperCase() + message.slice(1);
  if (has(key)) return t(key);
  return message === '' ? t('error.internal') : message;
}
