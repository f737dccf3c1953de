// The way to a guest's console: a ticket, then a WebSocket that the ticket opens once. After a break it is opened again,
// until the page leaves it or the daemon says why not.
import { createSignal, onCleanup } from "solid-js";
import { ApiError, ask, root } from "../api/http";

export type ConsoleKind = "serial" | "vnc";
export type LinkState = "connecting" | "open" | "lost" | "refused";

export async function consoleAddress(vm: string, kind: ConsoleKind, takeOver = false): Promise<string> {
  const body = kind === "serial" ? { mode: "write", take_over: takeOver } : undefined;
  const ticket = (await ask<{ ticket: string }>("POST", `/vms/${vm}/console/${kind}`, { body })).body;
  const query = new URLSearchParams({ ticket: ticket.ticket });
  if (kind === "serial" && takeOver) query.set("take_over", "1");
  return `wss://${location.host}${root}/vms/${vm}/console/${kind}?${query}`;
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
