// The way to a guest's console: a ticket, then a WebSocket that the ticket opens once. After a break it is opened again,
// until the page leaves it or the daemon says why not.
import { createSignal, onCleanup } from "solid-js";
import { ApiError, ask, root } from "../api/http";

// A serial console is that of a port: the first, or one with its number.
export const serialKinds = ["serial", "serial2", "serial3", "serial4"] as const;
export type SerialKind = (typeof serialKinds)[number];
export type ConsoleKind = SerialKind | "vnc";
export const isConsoleKind = (word: string): word is ConsoleKind => word === "vnc" || (serialKinds as readonly string[]).includes(word);
export const portOf = (kind: SerialKind): number => serialKinds.indexOf(kind) + 1;
export type LinkState = "connecting" | "open" | "lost" | "refused";

export async function consoleAddress(vm: string, kind: ConsoleKind, takeOver = false): Promise<string> {
  const body = kind === "vnc" ? undefined : { mode: "write", take_over: takeOver, port: portOf(kind) };
  const path = `/vms/${vm}/console/${kind === "vnc" ? "vnc" : "serial"}`;
  const ticket = (await ask<{ ticket: string }>("POST", path, { body })).body;
  return `wss://${location.host}${root}${path}?${new URLSearchParams({ ticket: ticket.ticket })}`;
}

const WAIT_MIN = 250; // milliseconds
const WAIT_MAX = 5000;

// `connect` begins; it calls opened(), and lost() or refuse() when that is over.
export function createLink(connect: (takeOver: boolean) => Promise<void>) {
  const [state, setState] = createSignal<LinkState>("connecting");
  const [failed, setFailed] = createSignal<unknown>();
  let timer: number | undefined;
  let wait = WAIT_MIN;
  let left = false;
  const refuse = (error: unknown) => {
    setState("refused");
    setFailed(error);
  };
  const lost = () => {
    if (left) return;
    setState("lost");
    timer = window.setTimeout(() => void open(), wait);
    wait = Math.min(wait * 2, WAIT_MAX);
  };
  const open = async (takeOver = false) => {
    clearTimeout(timer);
    setFailed(undefined);
    setState("connecting");
    try {
      await connect(takeOver);
    } catch (error) {
      if (error instanceof ApiError && (error.status === 0 || error.status === 503)) lost();
      else refuse(error);
    }
  };
  onCleanup(() => {
    left = true;
    clearTimeout(timer);
  });
  return {
    state,
    failed,
    open,
    lost,
    refuse,
    opened: () => {
      setState("open");
      wait = WAIT_MIN;
    },
    hasLeft: () => left,
  };
}
