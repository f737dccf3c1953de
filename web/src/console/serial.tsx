import "./csp";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { createEffect, createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { download } from "./download";
import { ConsoleFrame } from "./frame";
import { kept } from "./kept";
import { consoleAddress, createLink, type SerialKind } from "./link";
import { PasteDialog } from "./paste";

const fontSizes = ["10", "11", "12", "13", "14", "16", "18", "20", "24", "28"] as const;

// All that the terminal still has, with the lines as the guest wrote them.
function wholeText(terminal: Terminal): string {
  const buffer = terminal.buffer.normal;
  let text = "";
  for (let row = 0; row < buffer.length; row++) {
    const continues = buffer.getLine(row + 1)?.isWrapped ?? false;
    text += buffer.getLine(row)!.translateToString(!continues) + (continues ? "" : "\n");
  }
  return text.trimEnd() + "\n";
}

export function Serial(props: { vm: string; kind: SerialKind }): JSX.Element {
  let place!: HTMLDivElement;
  let socket: WebSocket | undefined;
  const [fontSize, setFontSize] = kept("console.font", fontSizes, "14");
  const [selected, setSelected] = createSignal(false);
  const [pasting, setPasting] = createSignal(false);
  const terminal = new Terminal({ fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), fontSize: Number(fontSize()), scrollback: 5000, cursorBlink: true, theme: { background: "#111111" } });
  const fit = new FitAddon();
  terminal.loadAddon(fit);

  const link = createLink(async (takeOver) => {
    const address = await consoleAddress(props.vm, props.kind, takeOver);
    if (link.hasLeft()) return;
    const mine = new WebSocket(address, "binary");
    mine.binaryType = "arraybuffer";
    socket = mine;
    const decoder = new TextDecoder(); // xterm's own loses a character whose second byte is 0x80 (「、。) where a message ends after that
    mine.onopen = () => {
      terminal.reset(); // what the console has printed comes again
      link.opened();
      if (!pasting()) terminal.focus();
    };
    mine.onmessage = (event) => terminal.write(decoder.decode(event.data as ArrayBuffer, { stream: true }));
    mine.onclose = (event) => {
      if (socket !== mine) return;
      socket = undefined;
      if (event.code >= 4400 && event.code < 4600) link.refuse(new ApiError(event.code - 4000, "refused", event.reason));
      else link.lost();
    };
  });
  const send = (bytes: Uint8Array<ArrayBuffer>) => {
    if (socket?.readyState === WebSocket.OPEN) socket.send(bytes);
  };
  const copy = () => void navigator.clipboard?.writeText(terminal.getSelection()).catch(() => undefined);
  // Where the browser does not let the page read it, the person pastes in a dialog.
  const paste = () =>
    void Promise.resolve(navigator.clipboard?.readText?.() ?? Promise.reject(new Error())).then((text) => {
      terminal.paste(text);
      terminal.focus();
    }, () => setPasting(true));
  const sizeBy = (by: number) => {
    setFontSize(fontSizes[Math.min(fontSizes.length - 1, Math.max(0, fontSizes.indexOf(fontSize()) + by))]!);
    terminal.focus();
  };
  createEffect(() => {
    terminal.options.fontSize = Number(fontSize());
    if (terminal.element) fit.fit();
  });
  const closed = () => link.state() !== "open";
  onMount(() => {
    terminal.open(place);
    fit.fit();
    const sized = new ResizeObserver(() => fit.fit());
    sized.observe(place);
    const encoder = new TextEncoder();
    terminal.onData((data) => send(encoder.encode(data)));
    terminal.onBinary((data) => send(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    terminal.onSelectionChange(() => setSelected(terminal.hasSelection()));
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.isComposing || !event.ctrlKey || !event.shiftKey) return true;
      if (event.code === "KeyV") return false; // the browser pastes
      if (event.code !== "KeyC") return true;
      event.preventDefault();
      if (event.type === "keydown" && terminal.hasSelection()) copy();
      return false;
    });
    void link.open();
    onCleanup(() => {
      sized.disconnect();
      socket?.close();
      terminal.dispose();
    });
  });
  return (
    <ConsoleFrame
      name={t("console_serial")}
      link={link}
      canTakeOver
      focus={() => terminal.focus()}
      tools={
        <>
          <button disabled={!selected()} title="Ctrl-Shift-C" onClick={() => (copy(), terminal.focus())}>{t("copy")}</button>
          <button disabled={closed()} title="Ctrl-Shift-V" onClick={paste}>{t("paste")}</button>
          <button onClick={() => (terminal.clear(), terminal.focus())}>{t("console_clear")}</button>
          <button onClick={() => download(`guest-${props.vm}.txt`, new Blob([wholeText(terminal)], { type: "text/plain" }))}>{t("console_save")}</button>
          <button class="icon" title={t("text_smaller")} disabled={fontSize() === fontSizes[0]} onClick={() => sizeBy(-1)}>A−<span class="hidden-text">{t("text_smaller")}</span></button>
          <button class="icon" title={t("text_bigger")} disabled={fontSize() === fontSizes.at(-1)} onClick={() => sizeBy(1)}>A+<span class="hidden-text">{t("text_bigger")}</span></button>
        </>
      }
    >
      <div ref={place} />
      <Show when={pasting()}>
        <PasteDialog
          closed={closed()}
          send={async (text) => terminal.paste(text)}
          close={() => {
            setPasting(false);
            terminal.focus();
          }}
        />
      </Show>
    </ConsoleFrame>
  );
}
