// Light, dark, or as the system has it.
import { createSignal } from "solid-js";

export type Theme = "light" | "dark" | "system";
const [theme, setShown] = createSignal<Theme>("system");
const [dark, setDark] = createSignal(false); // what is shown: graphs and terminals ask
export { theme, dark };

const system = matchMedia("(prefers-color-scheme: dark)");

function apply(): void {
  setDark(theme() === "dark" || (theme() === "system" && system.matches));
  document.documentElement.dataset.theme = dark() ? "dark" : "light";
}

export function setTheme(next: Theme): void {
  setShown(next);
  localStorage.setItem("theme", next);
  apply();
}

export function startTheme(): void {
  const kept = localStorage.getItem("theme");
  if (kept === "light" || kept === "dark") setShown(kept);
  apply();
  system.addEventListener("change", apply);
}
