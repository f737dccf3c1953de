// What both consoles have around them: the tools, full screen, and the way out for the keyboard, all of whose other keys go
// to the guest.
import { createSignal, createUniqueId, onCleanup, onMount, Show, type JSX } from "solid-js";
import { t } from "../i18n";
import { LinkStateView } from "./link-state";
import type { createLink } from "./link";

// Chromium's: in full screen, keys of the system and of the browser (Esc, Alt-Tab…) go to the page.
const systemKeys = (navigator as Navigator & { keyboard?: { lock?: () => Promise<void>; unlock?: () => void } }).keyboard;

export function ConsoleFrame(props: { name: string; link: ReturnType<typeof createLink>; canTakeOver?: boolean; focus: () => void; tools: JSX.Element; children: JSX.Element }): JSX.Element {
  let frame!: HTMLElement;
  let tools!: HTMLDivElement;
  const hint = createUniqueId();
  const [full, setFull] = createSignal(false);
  const [shown, setShown] = createSignal(false);

  const toggle = async () => {
    if (full()) return document.exitFullscreen();
    await frame.requestFullscreen();
    await systemKeys?.lock?.().catch(() => undefined);
    props.focus();
  };
  const changed = () => {
    setFull(document.fullscreenElement === frame);
    setShown(false);
    if (!full()) systemKeys?.unlock?.();
  };
  // The way out, and back: before the console sees the key.
  const wayOut = (event: KeyboardEvent) => {
    if (event.code !== "KeyG" || !event.ctrlKey || !event.altKey || event.isComposing || event.getModifierState("AltGraph")) return;
    event.preventDefault();
    event.stopPropagation();
    if (tools.contains(document.activeElement)) props.focus();
    else tools.querySelector<HTMLElement>("button:not(:disabled)")?.focus();
  };
  onMount(() => {
    frame.addEventListener("keydown", wayOut, true);
    document.addEventListener("fullscreenchange", changed);
  });
  onCleanup(() => {
    document.removeEventListener("fullscreenchange", changed);
    if (full()) systemKeys?.unlock?.();
  });
  return (
    <section class="console-frame" classList={{ "tools-shown": shown() }} ref={frame} aria-label={props.name}>
      <div class="console-tools">
        <div class="line" role="toolbar" aria-label={t("console_tools")} ref={tools}>
          {props.tools}
          <Show when={document.fullscreenEnabled}>
            <button aria-pressed={full()} onClick={() => void toggle()}>{t(full() ? "full_screen_leave" : "full_screen")}</button>
          </Show>
          <span class="quiet small" id={hint}>{t(full() && systemKeys?.lock ? "console_keys_full" : "console_keys")}</span>
        </div>
        <Show when={full()}>
          <button class="handle" aria-expanded={shown()} aria-label={t("console_tools")} onClick={() => setShown(!shown())}>⋯</button>
        </Show>
      </div>
      <LinkStateView link={props.link} canTakeOver={props.canTakeOver} />
      <div class="console" aria-describedby={hint}>{props.children}</div>
    </section>
  );
}
