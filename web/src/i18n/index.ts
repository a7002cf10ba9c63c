// Words in the browser's language. Plurals by Intl's rules; places in a text are `{name}`.

import { en } from './en';
import { fr } from './fr';

export type Plural = Partial<Record<Intl.LDMLPluralRule, string>> & { other: string };
export type Key = keyof typeof en;
/** Every key of English, in every language: a missing one does not compile. */
export type Messages = { [K in Key]: (typeof en)[K] extends string ? string : Plural };

export const LANGUAGES: Record<string, Messages> = { en, fr };

/** The first language the browser prefers that the page speaks; English otherwise. */
export function pick(preferred: readonly string[]): string {
  for (const language of preferred) {
    const base = language.toLowerCase().split('-')[0] ?? '';
    if (Object.hasOwn(LANGUAGES, base)) return base;
  }
  return 'en';
}

export function translator(language: string): (key: Key, values?: Record<string, string | number>) => string {
  const messages = LANGUAGES[language] ?? en;
  const rules = new Intl.PluralRules(language);
  return (key, values = {}) => {
    const message: string | Plural = messages[key];
    const text = typeof message === 'string' ? message : (message[rules.select(Number(values.count))] ?? message.other);
    return text.replace(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
  };
}

export const language = pick(typeof navigator === 'undefined' ? [] : navigator.languages);
export const t = translator(language);

/** The sentence for a refusal: ours where the code says all, the server's (English) where it names field and limit. */
export function refusal(code: string, message: string): string {
  const key = `error.${code}`;
  if (language === 'en' && message !== '') return message[0]?.toUpperCase() + message.slice(1);
  if (key in en) return t(key as Key);
  return message === '' ? t('error.internal') : message;
}
