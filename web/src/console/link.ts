// The way to a guest's console: a ticket, then a WebSocket that the ticket opens once. It is opened again after a break
// until the page leaves it, unless the daemon says why not.
import { ask, root } from "../api/http";

export type LinkState = "connecting" | "open" | "lost" | "refused";

export async function consoleAddress(vm: string, kind: "serial" | "vnc", takeOver = false): Promise<string> {
  const body = kind === "serial" ? { mode: "write", take_over: takeOver } : undefined;
  const ticket = (await ask<{ ticket: string; path: string }>("POST", `/vms/${vm}/console/${kind}`, { body })).body;
  const query = new URLSearchParams({ ticket: ticket.ticket });
  if (kind === "serial" && takeOver) query.set("take_over", "1");
  return `wss://${location.host}${ticket.path.startsWith("/") ? ticket.path : `${root}/vms/${vm}/console/${kind}`}?${query}`;
}
