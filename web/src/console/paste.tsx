// A text for the guest, with a look at it before it goes.
import { createEffect, createMemo, createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import { language, t } from "../i18n";
import { Dialog } from "../ui/dialog";
import { Meter } from "../ui/state";

// `closed` is that there is no guest to send it to now; `lacking` names what of the text cannot be sent; `send` says how far it is and ends when it is done, or stopped.
export function PasteDialog(props: { closed: boolean; note?: string; lacking?: (text: string) => string[]; send: (text: string, stop: AbortSignal, progress: (done: number) => void) => Promise<void>; close: () => void }): JSX.Element {
  let field!: HTMLTextAreaElement;
  const [text, setText] = createSignal("");
  const [done, setDone] = createSignal<number>();
  const stop = new AbortController();
  const clean = () => text().replace(/\r\n?/g, "\n");
  const lacking = createMemo(() => props.lacking?.(clean()) ?? []);
  const length = createMemo(() => [...clean()].length);
  const ready = () => length() > 0 && lacking().length === 0 && done() === undefined && !props.closed;
  const send = async () => {
    if (!ready()) return;
    setDone(0);
    await props.send(clean(), stop.signal, setDone);
    if (!stop.signal.aborted) props.close();
  };
  createEffect(() => props.closed && done() !== undefined && props.close());
  onMount(() => {
    field.focus();
    // Where the browser lets the page read it; elsewhere the person pastes here.
    void navigator.clipboard?.readText?.().then((found) => text() === "" && setText(found), () => undefined);
  });
  onCleanup(() => stop.abort());
  return (
    <Dialog title={t("paste_title")} close={() => props.close()}>
      <label class="field">
        <span class="label">{t("paste_text")}</span>
        <textarea
          class="mono" rows="8" spellcheck={false} autocapitalize="off" ref={field} value={text()} disabled={done() !== undefined}
          aria-invalid={lacking().length > 0}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={(event) => event.key === "Enter" && event.ctrlKey && !event.isComposing && void send()}
        />
        <Show when={props.note}><span class="note">{props.note}</span></Show>
      </label>
      <div role="status">
        <Show when={lacking().length}><div class="box bad">{t("paste_lacking", { characters: lacking().slice(0, 20).join(" ") + (lacking().length > 20 ? " …" : "") })}</div></Show>
      </div>
      <Show when={done() !== undefined}>
        <Meter label={t("paste_typing")} part={done()! / length()} />
        <div class="small quiet">{t("paste_progress", { done: done()!.toLocaleString(language()), total: length().toLocaleString(language()) })}</div>
      </Show>
      <div class="buttons">
        <button onClick={() => props.close()}>{t(done() === undefined ? "cancel" : "paste_stop")}</button>
        <button class="main-action" disabled={!ready()} onClick={() => void send()}>{t("paste")}</button>
      </div>
    </Dialog>
  );
}
