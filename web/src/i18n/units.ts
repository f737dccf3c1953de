// Numbers for people, in the page's language.
import { language } from "./index";

// Making a format takes longer than using it a hundred times.
const made = new Map<string, unknown>();
function kept<T>(name: string, make: (language: string) => T): T {
  const key = `${language()} ${name}`;
  let found = made.get(key) as T | undefined;
  if (!found) made.set(key, (found = make(language())));
  return found;
}
const number = (digits: number) => kept(`number ${digits}`, (of) => new Intl.NumberFormat(of, { maximumFractionDigits: digits }));

const sizes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function size(bytes: number | null | undefined): string {
  if (bytes === null || bytes === undefined) return "–";
  let unit = 0;
  while (bytes >= 1024 && unit < sizes.length - 1) {
    bytes /= 1024;
    unit++;
  }
  const digits = unit === 0 || bytes >= 100 || Number.isInteger(bytes) ? 0 : 1;
  return `${number(digits).format(bytes)} ${sizes[unit]}`;
}

// "10G", "1.5 GiB" or a number of bytes; NaN if it is none of these.
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([KMGTP]?)(?:i?B)?\s*$/i.exec(text);
  if (!match) return NaN;
  const power = " KMGTP".indexOf((match[2] || " ").toUpperCase());
  return Math.round(Number(match[1]) * 1024 ** Math.max(0, power));
}

// The shortest text that parseSize() takes back: "10G".
export function shortSize(bytes: number): string {
  let unit = 0;
  while (bytes > 0 && bytes % 1024 === 0 && unit < 5) {
    bytes /= 1024;
    unit++;
  }
  return `${bytes}${" KMGTP"[unit]!.trim()}`;
}

export function count(value: number): string {
  return number(0).format(value);
}

export function percent(part: number, digits = 0): string {
  return kept(`percent ${digits}`, (of) => new Intl.NumberFormat(of, { style: "percent", maximumFractionDigits: digits })).format(part);
}

export function when(iso: string | undefined | null): string {
  if (!iso) return "–";
  return kept("when", (of) => new Intl.DateTimeFormat(of, { dateStyle: "medium", timeStyle: "medium" })).format(new Date(iso));
}

// "3 min. ago"
export function ago(iso: string | undefined | null, now: number): string {
  if (!iso) return "–";
  const seconds = Math.min(0, (Date.parse(iso) - now) / 1000);
  const format = kept("ago", (of) => new Intl.RelativeTimeFormat(of, { numeric: "auto", style: "short" }));
  if (seconds > -60) return format.format(Math.round(seconds), "second");
  if (seconds > -3600) return format.format(Math.round(seconds / 60), "minute");
  if (seconds > -86400) return format.format(Math.round(seconds / 3600), "hour");
  return format.format(Math.round(seconds / 86400), "day");
}

export function duration(seconds: number): string {
  const format = (value: number, unit: string) =>
    kept(`unit ${unit}`, (of) => new Intl.NumberFormat(of, { style: "unit", unit, unitDisplay: "short" })).format(value);
  const s = Math.floor(seconds);
  if (s < 60) return format(s, "second");
  if (s < 3600) return `${format(Math.floor(s / 60), "minute")} ${format(s % 60, "second")}`;
  if (s < 86400) return `${format(Math.floor(s / 3600), "hour")} ${format(Math.floor((s % 3600) / 60), "minute")}`;
  return `${format(Math.floor(s / 86400), "day")} ${format(Math.floor((s % 86400) / 3600), "hour")}`;
}

// "Sunday, 22 November", and the time of that day.
export const dayOf = (iso: string): string => kept("day", (of) => new Intl.DateTimeFormat(of, { weekday: "long", day: "numeric", month: "long", year: "numeric" })).format(new Date(iso));
export const clockTime = (iso: string): string => kept("clock", (of) => new Intl.DateTimeFormat(of, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" })).format(new Date(iso));
export const timeOf = (at: string | number): string => kept("time", (of) => new Intl.DateTimeFormat(of, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })).format(new Date(at));
// Of a span that is longer than some days.
export const monthOf = (at: number): string => kept("month", (of) => new Intl.DateTimeFormat(of, { month: "short", year: "numeric" })).format(at);
export const dateOf = (at: number): string => kept("date", (of) => new Intl.DateTimeFormat(of, { month: "short", day: "numeric" })).format(at);
