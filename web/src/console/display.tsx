import RFB from "@novnc/novnc";
import { createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { ErrorBox } from "../ui/errors";
import { consoleAddress, type LinkState } from "./link";

export function Display(props: { vm: string }): JSX.Element {
  const [state, setState] = createSignal<LinkState>("connecting");
  const [failed, setFailed] = createSignal<unknown>();
  let place!: HTMLDivElement;
  let frame!: HTMLDivElement;
  let rfb: RFB | undefined;
  let timer: number | undefined;
  let wait = 250;
  let left = false;

  const open = async () => {
    clearTimeout(timer);
    setFailed(undefined);
    setState("connecting");
    try {
      const address = await consoleAddress(props.vm, "vnc");
      if (left) return;
      place.replaceChildren();
      const mine = new RFB(place, address, { wsProtocols: ["binary"] });
      rfb = mine;
      mine.scaleViewport = true;
      mine.background = "#111";
      mine.addEventListener("connect", () => {
        setState("open");
        wait = 250;
        mine.focus();
      });
      mine.addEventListener("clipboard", (event) => void navigator.clipboard?.writeText((event as CustomEvent<{ text: string }>).detail.text).catch(() => undefined));
      mine.addEventListener("disconnect", () => {
        if (rfb === mine && !left) again();
      });
    } catch (error) {
      if (error instanceof ApiError && (error.status === 0 || error.status === 503)) again();
      else {
        setState("refused");
        setFailed(error);
      }
    }
  };
  const again = () => {
    rfb = undefined;
    setState("lost");
    timer = window.setTimeout(() => void open(), wait);
    wait = Math.min(wait * 2, 5000);
  };
  const screenshot = () => {
    const canvas = place.querySelector("canvas");
    canvas?.toBlob((blob) => {
      if (!blob) return;
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `guest-${props.vm}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  };
  const paste = async () => {
    const text = await navigator.clipboard.readText().catch(() => prompt(t("paste_text")) ?? "");
    rfb?.clipboardPasteFrom(text);
  };
  onMount(() => void open());
  onCleanup(() => {
    left = true;
    clearTimeout(timer);
    rfb?.disconnect();
  });
  return (
    <>
      <div class="line">
        <Show when={state() !== "open"}><span class={`state ${state() === "refused" ? "bad" : "busy"}`}>{t(`console_${state()}` as "console_lost")}</span></Show>
        <Show when={state() === "refused"}><button onClick={() => void open()}>{t("try_again")}</button></Show>
        <button disabled={state() !== "open"} onClick={() => rfb?.sendCtrlAltDel()}>Ctrl-Alt-Del</button>
        <button disabled={state() !== "open"} onClick={() => void paste()}>{t("paste")}</button>
        <button disabled={state() !== "open"} onClick={screenshot}>{t("screenshot")}</button>
        <button onClick={() => void frame.requestFullscreen()}>{t("full_screen")}</button>
      </div>
      <ErrorBox error={failed()} />
      <div class="console" ref={frame} aria-label={t("console_display")}><div ref={place} /></div>
    </>
  );
}
