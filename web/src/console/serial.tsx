import "./csp";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { onCleanup, onMount, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { consoleAddress, createLink } from "./link";
import { LinkStateView } from "./link-state";

export function Serial(props: { vm: string }): JSX.Element {
  let place!: HTMLDivElement;
  let socket: WebSocket | undefined;
  const terminal = new Terminal({ fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), fontSize: 14, scrollback: 5000, cursorBlink: true, theme: { background: "#111111" } });
  const fit = new FitAddon();
  terminal.loadAddon(fit);

  const link = createLink(async (takeOver) => {
    const address = await consoleAddress(props.vm, "serial", takeOver);
    if (link.hasLeft()) return;
    const mine = new WebSocket(address, "binary");
    mine.binaryType = "arraybuffer";
    socket = mine;
    mine.onopen = () => {
      terminal.reset(); // what the console has printed comes again
      terminal.focus();
      link.opened();
    };
    mine.onmessage = (event) => terminal.write(new Uint8Array(event.data as ArrayBuffer));
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
  onMount(() => {
    terminal.open(place);
    fit.fit();
    const sized = new ResizeObserver(() => fit.fit());
    sized.observe(place);
    const encoder = new TextEncoder();
    terminal.onData((data) => send(encoder.encode(data)));
    terminal.onBinary((data) => send(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    void link.open();
    onCleanup(() => {
      sized.disconnect();
      socket?.close();
      terminal.dispose();
    });
  });
  return (
    <>
      <LinkStateView link={link} canTakeOver />
      <div class="console" aria-label={t("console_serial")}><div ref={place} /></div>
    </>
  );
}
