import RFB from "@novnc/novnc";
import { onCleanup, onMount, type JSX } from "solid-js";
import { t } from "../i18n";
import { consoleAddress, createLink } from "./link";
import { LinkStateView } from "./link-state";

export function Display(props: { vm: string }): JSX.Element {
  let place!: HTMLDivElement;
  let frame!: HTMLDivElement;
  let rfb: RFB | undefined;

  const link = createLink(async () => {
    const address = await consoleAddress(props.vm, "vnc");
    if (link.hasLeft()) return;
    place.replaceChildren();
    const mine = new RFB(place, address, { wsProtocols: ["binary"] });
    rfb = mine;
    mine.scaleViewport = true;
    mine.background = "#111";
    mine.addEventListener("connect", () => {
      mine.focus();
      link.opened();
    });
    mine.addEventListener("clipboard", (event) => void navigator.clipboard?.writeText((event as CustomEvent<{ text: string }>).detail.text).catch(() => undefined));
    mine.addEventListener("disconnect", () => {
      if (rfb !== mine) return;
      rfb = undefined;
      link.lost();
    });
  });
  const screenshot = () =>
    place.querySelector("canvas")?.toBlob((blob) => {
      if (!blob) return;
      const anchor = document.createElement("a");
      anchor.href = URL.createObjectURL(blob);
      anchor.download = `guest-${props.vm}.png`;
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(anchor.href), 1000);
    });
  const paste = async () => {
    const text = await navigator.clipboard.readText().catch(() => prompt(t("paste_text")) ?? "");
    rfb?.clipboardPasteFrom(text);
  };
  const closed = () => link.state() !== "open";
  onMount(() => void link.open());
  onCleanup(() => rfb?.disconnect());
  return (
    <>
      <div class="line">
        <button disabled={closed()} onClick={() => rfb?.sendCtrlAltDel()}>Ctrl-Alt-Del</button>
        <button disabled={closed()} onClick={() => void paste()}>{t("paste")}</button>
        <button disabled={closed()} onClick={screenshot}>{t("screenshot")}</button>
        <button onClick={() => void frame.requestFullscreen()}>{t("full_screen")}</button>
      </div>
      <LinkStateView link={link} />
      <div class="console" ref={frame} aria-label={t("console_display")}><div ref={place} /></div>
    </>
  );
}
