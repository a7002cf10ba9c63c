// Durations and sizes as people read them.

/** Seconds as `3:07` or `1:02:09`. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** Seconds from an RFC 3339 time to `now` (milliseconds); clocks differ, so never less than nothing. */
export function since(start: string, now: number): number {
  const begun = Date.parse(start);
  return Number.isNaN(begun) ? 0 : Math.max(0, (now - begun) / 1000);
}

export function megabytes(bytes: number, language: string): string {
  const value = bytes / 1_000_000;
  const digits = value < 10 ? 1 : 0;
  return new Intl.NumberFormat(language, { style: 'unit', unit: 'megabyte', maximumFractionDigits: digits }).format(value);
}
