// The page's two languages. A message that one of them lacks does not compile. Only the language that is shown is
// loaded; the other comes when it is asked for.
import { createSignal } from "solid-js";
import { en } from "./en";

export type Language = "en" | "ja";
export type Messages = { [K in keyof typeof en]: string };
export type Key = keyof Messages;

const [language, setShown] = createSignal<Language>("en");
const [messages, setMessages] = createSignal<Messages>(en);
export { language };

export const languageNames: Record<Language, string> = { en: "English", ja: "日本語" };

export async function setLanguage(next: Language, keep = true): Promise<void> {
  const found = next === "ja" ? (await import("./ja")).ja : en;
  setMessages(found);
  setShown(next);
  document.documentElement.lang = next;
  if (keep) localStorage.setItem("language", next);
}

export function startLanguage(): Promise<void> {
  const kept = localStorage.getItem("language");
  const wanted = kept ?? navigator.languages.map((name) => name.slice(0, 2)).find((name) => name === "ja" || name === "en");
  return setLanguage(wanted === "ja" ? "ja" : "en", false);
}

export function t(key: Key, values: Record<string, string | number> = {}): string {
  return messages()[key].replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ""));
}

// A text of the API that comes in both languages beside each other.
export function either(english: string | undefined, japanese: string | undefined): string {
  return (language() === "ja" ? japanese : english) ?? english ?? "";
}
