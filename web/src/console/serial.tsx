import "./csp";
import { FitAddon } from "@xterm/addon-fit";
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import { createSignal, onCleanup, onMount, Show, type JSX } from "solid-js";
import { ApiError } from "../api/http";
import { t } from "../i18n";
import { ErrorBox } from "../ui/errors";
import { consoleAddress, type LinkState } from "./link";

export function Serial(props: { vm: string }): JSX.Element {
  const [state, setState] = createSignal<LinkState>("connecting");
  const [failed, setFailed] = createSignal<unknown>();
  let place!: HTMLDivElement;
  let socket: WebSocket | undefined;
  let timer: number | undefined;
  let wait = 250;
  let left = false;
  const terminal = new Terminal({ fontFamily: getComputedStyle(document.documentElement).getPropertyValue("--mono"), fontSize: 14, scrollback: 5000, cursorBlink: true, theme: { background: "#111111" } });
  const fit = new FitAddon();
  terminal.loadAddon(fit);

  const open = async (takeOver = false) => {
    clearTimeout(timer);
    setFailed(undefined);
    setState("connecting");
    try {
      const address = await consoleAddress(props.vm, "serial", takeOver);
      if (left) return;
      const mine = new WebSocket(address, "binary");
      mine.binaryType = "arraybuffer";
      socket = mine;
      mine.onopen = () => {
        setState("open");
        terminal.reset(); // what the console has printed comes again
        terminal.focus();
        wait = 250;
      };
      mine.onmessage = (event) => terminal.write(new Uint8Array(event.data as ArrayBuffer));
      mine.onclose = (event) => {
        if (socket !== mine || left) return;
        socket = undefined;
        if (event.code >= 4400 && event.code < 4600) {
          setState("refused");
          setFailed(new ApiError(event.code - 4000, "refused", event.reason));
        } else again();
      };
    } catch (error) {
      if (error instanceof ApiError && (error.status === 0 || error.status === 503)) again();
      else {
        setState("refused");
        setFailed(error);
      }
    }
  };
  const again = () => {
    setState("lost");
    timer = window.setTimeout(() => void open(), wait);
    wait = Math.min(wait * 2, 5000);
  };
  onMount(() => {
    terminal.open(place);
    fit.fit();
    const sized = new ResizeObserver(() => fit.fit());
    sized.observe(place);
    const encoder = new TextEncoder();
    terminal.onData((data) => socket?.readyState === WebSocket.OPEN && socket.send(encoder.encode(data)));
    terminal.onBinary((data) => socket?.readyState === WebSocket.OPEN && socket.send(Uint8Array.from(data, (c) => c.charCodeAt(0))));
    void open();
    onCleanup(() => {
      left = true;
      clearTimeout(timer);
      sized.disconnect();
      socket?.close();
      terminal.dispose();
    });
  });
  return (
    <>
      <Show when={state() !== "open"}>
        <div class="line">
          <span class={`state ${state() === "refused" ? "bad" : "busy"}`}>{t(`console_${state()}` as "console_lost")}</span>
          <Show when={state() === "refused"}>
            <button onClick={() => void open()}>{t("try_again")}</button>
            <Show when={failed() instanceof ApiError && (failed() as ApiError).status === 409}><button onClick={() => void open(true)}>{t("console_take_over")}</button></Show>
          </Show>
        </div>
      </Show>
      <ErrorBox error={failed()} />
      <div class="console" aria-label={t("console_serial")}><div ref={place} /></div>
    </>
  );
}
